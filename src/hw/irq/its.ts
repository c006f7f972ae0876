/**
 * GICv3 Interrupt Translation Service: (DeviceID, EventID) -> LPI.
 *
 * Driven as on hardware: GITS_CBASER points at a queue in memory, a write to GITS_CWRITER makes the ITS consume the
 * commands up to it at once. An MSI is a write to GITS_TRANSLATER (base + 0x10040); the interconnect adds the DeviceID.
 * Devices, collections and translation tables stand in memory (its_tables.ts) and are read at every interrupt.
 * The redistributor is modelled as its LPI configuration table only: `propbaser` 0 = there is none and every LPI is
 * enabled; otherwise bit 0 of the byte of an LPI enables it, read at INV, INVALL and MAPTI as software must expect.
 * Source: GIC IHI 0069 5.2, 5.3, 9.19.
 */
import { bits, join } from "../base/bits.ts";
import { get } from "../base/fields.ts";
import type { HwProbe } from "../base/probe.ts";
import type { PhysMem } from "../memory.ts";
import * as op from "./its_commands.ts";
import { CTE_BYTES, DTE_BYTES, ITE_BYTES, ItsTables } from "./its_tables.ts";

export interface ItsDesc {
  /** `ITS@0x8080000`. */
  name: string;
  /** Control frame; the translation frame is base + 0x10000. */
  base: number;
  /** Bits of a DeviceID and of an EventID. */
  deviceBits: number;
  eventBits: number;
}

/** An interrupt that reached the CPU: 32.. = SPI, 8192.. = LPI. */
export interface Interrupt {
  intid: number;
}

export const GITS = Object.freeze({
  CTLR: 0x0,
  IIDR: 0x4,
  TYPER: 0x8,
  CBASER: 0x80,
  CWRITER: 0x88,
  CREADR: 0x90,
  BASER: 0x100,
  TRANSLATER: 0x10040,
  BYTES: 0x20000,
});

const FIRST_LPI = 8192;
const COMMAND_BYTES = 32;

/** What the redistributor keeps of an LPI. */
export interface Lpi {
  /** As its configuration byte said when it was read last. */
  enabled: boolean;
  /** Raised while disabled. */
  pending: boolean;
}

/** What became of an MSI write. `why` is a phrase for the reader when it was not delivered. */
export interface ItsOutcome {
  delivered: boolean;
  intid: number;
  why: string;
}

export class Its {
  readonly desc: ItsDesc;
  readonly mem: PhysMem;
  readonly interrupts: Interrupt[];
  probe: HwProbe | null = null;
  /** Physical address of the LPI configuration table (GICR_PROPBASER), 0 = none. */
  propbaser = 0;
  /** INTID -> state, of those that were mapped. */
  readonly lpis = new Map<number, Lpi>();
  readonly tables: ItsTables;
  ctlr = 0;
  /** 64-bit registers as [lo, hi]. */
  readonly cbaser = new Uint32Array(2);
  readonly baser = new Uint32Array(16);
  cwriter = 0;
  creadr = 0;
  /** Commands that the ITS could not obey, in words, newest last. */
  readonly errors: string[] = [];

  constructor(desc: ItsDesc, mem: PhysMem, interrupts: Interrupt[]) {
    this.desc = desc;
    this.mem = mem;
    this.interrupts = interrupts;
    this.baser[1] = (1 << 24) | ((DTE_BYTES - 1) << 16);
    this.baser[3] = (4 << 24) | ((CTE_BYTES - 1) << 16);
    this.tables = new ItsTables(mem, desc.name, this.baser);
  }

  covers(pa: number): boolean {
    return pa >= this.desc.base && pa < this.desc.base + GITS.BYTES;
  }

  readReg(off: number): number {
    const d = this.desc;
    switch (off) {
      case GITS.CTLR:
        return (this.ctlr | 0x8000_0000) >>> 0;
      case GITS.TYPER:
        return (1 | ((ITE_BYTES - 1) << 4) | ((d.eventBits - 1) << 8) | ((d.deviceBits - 1) << 13)) >>> 0;
      case GITS.CBASER:
      case GITS.CBASER + 4:
        return this.cbaser[(off - GITS.CBASER) >> 2] ?? 0;
      case GITS.CWRITER:
        return this.cwriter;
      case GITS.CREADR:
        return this.creadr;
    }
    if (off >= GITS.BASER && off < GITS.BASER + 64) return this.baser[(off - GITS.BASER) >> 2] ?? 0;
    return 0;
  }

  writeReg(off: number, value: number): void {
    switch (off) {
      case GITS.CTLR:
        this.ctlr = value & 1;
        if (this.ctlr !== 0) this.consume();
        return;
      case GITS.CBASER:
      case GITS.CBASER + 4:
        this.cbaser[(off - GITS.CBASER) >> 2] = value;
        this.creadr = 0;
        return;
      case GITS.CWRITER:
        this.cwriter = value & 0xfffe0;
        this.consume();
        return;
    }
    if (off >= GITS.BASER && off < GITS.BASER + 16) {
      const i = (off - GITS.BASER) >> 2;
      const fixed = (i & 1) === 1 ? 0x071f_0000 : 0;
      this.baser[i] = (value & ~fixed) | ((this.baser[i] ?? 0) & fixed);
    }
  }

  /** 64-bit register write. */
  writeReg64(off: number, lo: number, hi: number): void {
    this.writeReg(off, lo);
    if (off !== GITS.CWRITER) this.writeReg(off + 4, hi);
  }

  /** A write of `eventId` to GITS_TRANSLATER by `deviceId`. */
  translate(deviceId: number, eventId: number): ItsOutcome {
    const out = this.lookup(deviceId, eventId);
    if (this.probe !== null) {
      const who = `${this.desc.name}: device 0x${deviceId.toString(16)} event ${eventId}`;
      this.probe.msi(out.delivered ? `${who} -> LPI ${out.intid}` : `${who}: ${out.why}`, out.delivered);
    }
    return out;
  }

  private lookup(deviceId: number, eventId: number): ItsOutcome {
    if (this.ctlr === 0) return lost("the ITS is disabled");
    const device = this.tables.device(deviceId);
    if (device === null) return lost("no MAPD for this DeviceID");
    if (eventId >= 2 ** device.eventBits) return lost("EventID beyond the device's table");
    const event = this.tables.event(device, eventId);
    if (event === null) return lost("no MAPTI for this EventID");
    if (this.tables.collection(event.icid) < 0) return lost(`collection ${event.icid} is not mapped`);
    const lpi = this.lpi(event.intid);
    if (!lpi.enabled) {
      lpi.pending = true;
      return { delivered: false, intid: event.intid, why: `LPI ${event.intid} is disabled: pending` };
    }
    this.interrupts.push({ intid: event.intid });
    return { delivered: true, intid: event.intid, why: "" };
  }

  private consume(): void {
    if (this.ctlr === 0 || (this.cbaser[1] ?? 0) >>> 31 === 0) return;
    const base = join((this.cbaser[0] ?? 0) & 0xfffff000, (this.cbaser[1] ?? 0) & 0xfffff);
    const size = (((this.cbaser[0] ?? 0) & 0xff) + 1) * 0x1000;
    if (this.cwriter >= size) {
      this.errors.push(`CWRITER 0x${this.cwriter.toString(16)} is outside the queue`);
      return;
    }
    const words = new Uint32Array(8);
    while (this.creadr !== this.cwriter) {
      const who = this.mem.who;
      this.mem.who = this.desc.name;
      for (let i = 0; i < 8; i += 2) {
        this.mem.read64(base + this.creadr + 4 * i, `ITS command ${this.creadr / COMMAND_BYTES} w${i}`);
        words[i] = this.mem.lo;
        words[i + 1] = this.mem.hi;
      }
      this.mem.who = who;
      this.execute(words);
      this.creadr = (this.creadr + COMMAND_BYTES) % size;
    }
  }

  private execute(words: Uint32Array): void {
    const code = get(op.MAPTI.f.Op, words);
    const deviceId = get(op.MAPTI.f.DeviceID, words);
    const eventId = get(op.MAPTI.f.EventID, words);
    if (this.probe !== null) {
      const text = op.itsCommandText(code, deviceId, eventId);
      this.probe.cmd(this.desc.name, words[0] ?? 0, words[1] ?? 0, words[2] ?? 0, words[3] ?? 0, text);
    }
    switch (code) {
      case op.ITS_SYNC:
        return;
      case op.ITS_MAPD:
        return this.mapDevice(words, deviceId);
      case op.ITS_MAPC: {
        const icid = get(op.MAPC.f.ICID, words);
        const target = get(op.MAPC.f.V, words) === 0 ? -1 : bits(words[4] ?? 0, 31, 16);
        if (!this.tables.setCollection(icid, target)) this.errors.push(`MAPC collection ${icid}: no table for it`);
        return;
      }
      case op.ITS_MAPTI:
        return this.mapEvent(deviceId, eventId, get(op.MAPTI.f.pINTID, words), get(op.MAPTI.f.ICID, words));
      case op.ITS_MAPI:
        return this.mapEvent(deviceId, eventId, eventId, get(op.MAPTI.f.ICID, words));
      case op.ITS_INVALL:
      case op.ITS_MOVALL:
        for (const intid of this.lpis.keys()) this.reload(intid);
        return;
    }
    const device = this.tables.device(deviceId);
    const event = device === null || eventId >= 2 ** device.eventBits ? null : this.tables.event(device, eventId);
    if (device === null || event === null) {
      this.errors.push(`${op.itsCommandText(code, deviceId, eventId)}: not mapped`);
      return;
    }
    switch (code) {
      case op.ITS_DISCARD:
        this.tables.setEvent(device, eventId, null);
        this.lpi(event.intid).pending = false;
        return;
      case op.ITS_MOVI:
        this.tables.setEvent(device, eventId, { intid: event.intid, icid: get(op.MAPTI.f.ICID, words) });
        return;
      case op.ITS_INV:
        return this.reload(event.intid);
      case op.ITS_INT:
        this.lookup(deviceId, eventId);
        return;
      case op.ITS_CLEAR:
        this.lpi(event.intid).pending = false;
        return;
    }
    this.errors.push(`${op.itsCommandText(code, deviceId, eventId)}: unknown`);
  }

  private mapDevice(words: Uint32Array, deviceId: number): void {
    if (get(op.MAPD.f.V, words) === 0) {
      this.tables.setDevice(deviceId, null);
      return;
    }
    const eventBits = get(op.MAPD.f.Size, words) + 1;
    if (deviceId >= 2 ** this.desc.deviceBits || eventBits > this.desc.eventBits) {
      this.errors.push(`MAPD device 0x${deviceId.toString(16)}: out of range`);
      return;
    }
    const itt = join((words[4] ?? 0) & 0xffffff00, bits(words[5] ?? 0, 19, 0));
    if (!this.tables.setDevice(deviceId, { eventBits, itt }))
      this.errors.push(`MAPD device 0x${deviceId.toString(16)}: no table for it`);
  }

  private mapEvent(deviceId: number, eventId: number, intid: number, icid: number): void {
    const device = this.tables.device(deviceId);
    if (device === null || eventId >= 2 ** device.eventBits || intid < FIRST_LPI) {
      this.errors.push(`MAPTI device 0x${deviceId.toString(16)} event ${eventId}: out of range`);
      return;
    }
    this.tables.setEvent(device, eventId, { intid, icid });
    this.lpis.set(intid, { enabled: true, pending: false });
    this.reload(intid);
  }

  private lpi(intid: number): Lpi {
    const known = this.lpis.get(intid);
    if (known !== undefined) return known;
    const fresh = { enabled: true, pending: false };
    this.lpis.set(intid, fresh);
    return fresh;
  }

  /** Reads the configuration byte of an LPI again. */
  private reload(intid: number): void {
    if (this.propbaser === 0) return;
    const lpi = this.lpi(intid);
    const byte = new Uint8Array(1);
    this.mem.readBytes(this.propbaser + intid - FIRST_LPI, byte, `LPI ${intid} configuration`);
    lpi.enabled = ((byte[0] ?? 0) & 1) !== 0;
    if (lpi.enabled && lpi.pending) {
      lpi.pending = false;
      this.interrupts.push({ intid: intid });
    }
  }
}

function lost(why: string): ItsOutcome {
  return { delivered: false, intid: 0, why };
}
