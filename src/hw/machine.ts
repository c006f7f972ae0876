/**
 * A machine: memory, IOMMUs, interrupt controllers and PCI functions built from a plain description.
 *
 * The CPU side (kernel drivers) uses `mem` for RAM and `read32`/`write32`/... for anything that may be a register;
 * devices use `dma` and `msi`, whose accesses go through their SMMU. Interrupts that reached the CPU are appended to
 * `interrupts`; whoever plays the CPU drains them.
 */
import { hex, hex64, join } from "./base/bits.ts";
import { freezeDeep } from "./base/freeze.ts";
import type { HwProbe } from "./base/probe.ts";
import { DmaEngine, type DmaRequest, type DmaResult, faultOf } from "./dma.ts";
import { Gicv2m, type Gicv2mDesc } from "./irq/gicv2m.ts";
import { GITS, type Interrupt, Its, type ItsDesc } from "./irq/its.ts";
import { PhysMem, type Range } from "./memory.ts";
import { type FunctionDesc, PciBus, type PciFunction } from "./pci/function.ts";
import { unmasked } from "./pci/msi.ts";
import { type Route, route } from "./pci/route.ts";
import { plug, pull } from "./pci/slots.ts";
import type { AtsCompletion } from "./smmuv3/ats.ts";
import type { PageRequest, PageRequestOutcome } from "./smmuv3/priq.ts";
import { ARCHITECTURE, QEMU, type Quirks } from "./smmuv3/quirks.ts";
import { isInterruptAddress, type RemappedInterrupt, type RemappingUnit } from "./remapping.ts";
import { EVENT_NAMES } from "./smmuv3/evtq.ts";
import { Smmuv3, type SmmuDesc } from "./smmuv3/smmu.ts";
import { Txn, TxnResult } from "./smmuv3/txn.ts";

export type { DmaRequest, DmaResult } from "./dma.ts";

export interface NamedRange extends Range {
  name: string;
}

/** A PCI host window: CPU addresses start..last show PCI addresses from `pci` on. */
export interface Window extends Range {
  kind: "io" | "mem" | "mem64";
  pci: number;
}

/** Memory that firmware says devices use from boot on (IORT RMR), for StreamIDs firstSid..lastSid of one SMMU. */
export interface RmrDesc extends Range {
  smmu: string;
  firstSid: number;
  lastSid: number;
  /** The mapping may be dropped once a driver has taken over. */
  relaxable: boolean;
  privileged: boolean;
  /** Memory type: `device`, `cached`, or `none` for the others. */
  memory: "device" | "cached" | "none";
}

/** What firmware and its command line tell the kernel beyond the hardware itself. Plain JSON. */
export interface FirmwareDesc {
  kind: "dt" | "acpi";
  /** Kernel command line as recorded, empty = not saved. */
  cmdline: string;
  /** The root complexes force write-back writes (IORT CANWBS); null = a device tree, which cannot say it. */
  canwbs: boolean | null;
  /** The root complex passes ATS requests on (device tree `ats-supported`, IORT); absent = no. */
  ats?: true;
  /** The host bridge wants its configuration kept (_DSM function 5); null = what was saved does not tell. */
  preserveConfig: boolean | null;
  rmrs: RmrDesc[];
  /** What of the saved files could not be read or had to be concluded, for the reader. */
  notes: string[];
}

/** Plain JSON. Addresses are numbers, ranges inclusive. */
export interface MachineDesc {
  /** `plain`. */
  id: string;
  /** `Arm virt`. */
  title: string;
  /** `qemu`: hardware deviates from the architecture as QEMU's does. */
  quirks: "none" | "qemu";
  ram: Range[];
  /** Fixed register blocks, for pictures and address decoding of what has no model; `flash`, `reserved`: memory. */
  mmio: NamedRange[];
  ecam: Range | null;
  windows: Window[];
  smmus: SmmuDesc[];
  its: ItsDesc | null;
  v2m: Gicv2mDesc | null;
  functions: FunctionDesc[];
  /** Cards in the drawer, as they look after a reset: each can be plugged in where its bdf says. */
  spares?: FunctionDesc[];
  /**
   * What the root complex does with a request from below whose address lies in a MEM window of its own host bridge. It may
   * pass it to the IOMMU as any other (absent), or end it: PCIe leaves that to the implementation.
   */
  ownWindow?: "terminated";
  /** Absent = a machine that was made up, booted with defaults. */
  firmware?: FirmwareDesc;
}

export interface MsiResult {
  /** The function wrote its message. */
  sent: boolean;
  /** Address and data of the message, 0 when none was sent. */
  lo: number;
  hi: number;
  data: number;
  /** Physical address that the write reached, -1 = none. */
  pa: number;
  end: "its" | "v2m" | "cpu" | "memory" | "fault" | "silent";
  /** INTID that was raised, on x86 the vector; 0 = none. */
  intid: number;
  /** Why nothing was raised, in words; empty when delivered. */
  why: string;
  event: number;
}

export class Machine {
  readonly desc: MachineDesc;
  readonly mem: PhysMem;
  readonly smmus: Smmuv3[];
  readonly its: Its | null;
  readonly v2m: Gicv2m | null;
  readonly pci: PciBus;
  /** Interrupts that reached the CPU, oldest first. Drain it in place (`splice(0)`): the controllers hold this array. */
  readonly interrupts: Interrupt[] = [];
  readonly quirks: Quirks;
  readonly engine: DmaEngine;
  /** Functions that raised a masked vector at some time: pending bits may stand there. */
  readonly waiting = new Set<string>();
  /** Remapping units that the machine got when it was booted, and who is behind them. */
  readonly units: RemappingUnit[] = [];
  private readonly unitsOf = new Map<string, RemappingUnit>();
  /** Writes to 0xfeexxxxx are interrupts for the processors, as on x86. */
  interruptRange = false;
  private readonly txn = new Txn();
  private readonly out = new TxnResult();
  private watcher: HwProbe | null = null;

  constructor(desc: MachineDesc) {
    this.desc = desc;
    this.quirks = desc.quirks === "qemu" ? QEMU : ARCHITECTURE;
    this.mem = new PhysMem(desc.ram.concat(desc.mmio.filter((r) => r.name === "flash" || r.name === "reserved")));
    this.smmus = desc.smmus.map((d) => new Smmuv3(d.name, d.base, { ...d, quirks: this.quirks }, this.mem));
    this.its = desc.its === null ? null : new Its(desc.its, this.mem, this.interrupts);
    this.v2m = desc.v2m === null ? null : new Gicv2m(desc.v2m, this.interrupts);
    this.pci = new PciBus(desc.functions);
    this.engine = new DmaEngine(this);
    for (const smmu of this.smmus) smmu.client = this.engine;
  }

  get probe(): HwProbe | null {
    return this.watcher;
  }

  /** Fans out to every part; null switches watching off. */
  set probe(probe: HwProbe | null) {
    this.watcher = probe;
    this.mem.probe = probe;
    for (const smmu of this.smmus) smmu.probe = probe;
    for (const unit of this.units) unit.probe = probe;
    if (this.its !== null) this.its.probe = probe;
    if (this.v2m !== null) this.v2m.probe = probe;
  }

  smmu(name: string): Smmuv3 | null {
    return this.smmus.find((s) => s.name === name) ?? null;
  }

  /** The SMMU in front of a function, null when there is none. */
  smmuOf(bdf: string): Smmuv3 | null {
    const name = this.pci.byBdf.get(bdf)?.desc.smmu ?? null;
    return name === null ? null : this.smmu(name);
  }

  /** Puts a unit on the board, in front of these functions. */
  addUnit(unit: RemappingUnit, functions: readonly string[]): void {
    this.units.push(unit);
    for (const bdf of functions) this.unitsOf.set(bdf, unit);
  }

  /** The unit in front of a function, null when there is none. */
  unitOf(bdf: string): RemappingUnit | null {
    return this.unitsOf.get(bdf) ?? null;
  }

  /** `F_TRANSLATION`, `NO_READ`: a fault of a function, as its IOMMU numbers it. */
  eventName(bdf: string, event: number): string {
    return this.unitOf(bdf)?.eventName(event) ?? EVENT_NAMES[event] ?? `event ${hex(event)}`;
  }

  /** CPU read of RAM, a register or a BAR. */
  read32(pa: number): number {
    for (const smmu of this.smmus) if (smmu.covers(pa)) return smmu.readReg(pa - smmu.base);
    for (const unit of this.units) if (unit.covers(pa)) return unit.readReg(pa - unit.base);
    if (this.its !== null && this.its.covers(pa)) return this.its.readReg(pa - this.its.desc.base);
    if (this.v2m !== null && this.v2m.covers(pa)) return this.v2m.readReg(pa - this.v2m.desc.base);
    const msix = this.pci.msixAt(pa);
    if (msix !== null) return msix.table.read(msix.offset);
    return this.mem.read32(pa);
  }

  /** CPU write of RAM, a register or a BAR. */
  write32(pa: number, value: number): void {
    for (const smmu of this.smmus) if (smmu.covers(pa)) return smmu.writeReg(pa - smmu.base, value);
    for (const unit of this.units) if (unit.covers(pa)) return unit.writeReg(pa - unit.base, value);
    if (this.its !== null && this.its.covers(pa)) return this.its.writeReg(pa - this.its.desc.base, value);
    if (this.v2m !== null && this.v2m.covers(pa)) {
      this.v2m.writeReg(pa - this.v2m.desc.base, value);
      return;
    }
    const msix = this.pci.msixAt(pa);
    if (msix !== null) return msix.table.write(msix.offset, value);
    this.mem.write32(pa, value);
  }

  /** CPU write of a 64-bit register. */
  write64(pa: number, lo: number, hi: number): void {
    for (const smmu of this.smmus) if (smmu.covers(pa)) return smmu.writeReg64(pa - smmu.base, lo, hi);
    for (const unit of this.units) if (unit.covers(pa)) return unit.writeReg64(pa - unit.base, lo, hi);
    if (this.its !== null && this.its.covers(pa)) return this.its.writeReg64(pa - this.its.desc.base, lo, hi);
    this.mem.write64(pa, lo, hi);
  }

  /**
   * Lets a function do DMA as its test engine would: through bridges and its SMMU, in pieces that one translation covers.
   * Where a fault stalls it the result is completed later, when software resumes it.
   */
  dma(bdf: string, request: DmaRequest): DmaResult {
    return this.engine.start(this.function(bdf), request);
  }

  /** Lets a function ask for a translation (ATS); what it may do then stands in its cache. */
  ats(bdf: string, request: { hi: number; lo: number; write: boolean; ssid?: number }): AtsCompletion {
    return this.engine.ats(this.function(bdf), request.hi, request.lo, request.write, request.ssid);
  }

  /** Lets a function send a page request (PRI). Answers arrive in `pci.byBdf.get(bdf).pageResponses`. */
  pageRequest(bdf: string, request: PageRequest): PageRequestOutcome {
    return this.engine.pageRequest(this.function(bdf), request);
  }

  /** How a request of a function travels. Quirk noPeerToPeer: always to the root complex. */
  route(f: PciFunction, hi: number, lo: number, translated: boolean): Route {
    if (this.quirks.noPeerToPeer || hi >= 2 ** 20) return TO_ROOT;
    const way = route(this.pci, f, join(lo, hi), translated);
    return way.to === "root" && this.desc.ownWindow === "terminated" ? this.atRoot(way, join(lo, hi)) : way;
  }

  /** A root complex that ends what comes from below for its own MEM windows (PCI addresses). */
  private atRoot(way: Route, address: number): Route {
    const hit = this.desc.windows.some(
      (w) => w.kind !== "io" && address >= w.pci && address <= w.pci + w.last - w.start,
    );
    if (!hit) return way;
    const what = "the address lies in a window of the host bridge, which takes nothing for it from below";
    return { to: "blocked", peer: null, hops: [...way.hops, { bdf: "root complex", what }] };
  }

  /** Puts a card from the drawer into its slot. Throws where there is none for it, or the slot is taken. */
  plug(bdf: string): PciFunction {
    const desc = this.desc.spares?.find((spare) => spare.bdf === bdf);
    if (desc === undefined) throw new Error(`machine ${this.desc.id} has no card for ${bdf}`);
    return plug(this.pci, desc);
  }

  /** Pulls a card; what was pulled, lowest function first. Throws where there is none. */
  pull(bdf: string): PciFunction[] {
    return pull(this.pci, bdf);
  }

  /** Lets a function raise interrupt `vector`: the message of its MSI-X entry or MSI capability goes out as a write. */
  msi(bdf: string, vector: number): MsiResult {
    const f = this.function(bdf);
    const message = f.message(vector);
    const result: MsiResult = {
      sent: false,
      lo: 0,
      hi: 0,
      data: 0,
      pa: -1,
      end: "silent",
      intid: 0,
      why: "",
      event: 0,
    };
    if (typeof message === "string") {
      result.why = message;
      if (message === "masked") this.waiting.add(bdf);
      if (this.watcher !== null) this.watcher.msi(`${bdf} vector ${vector}: ${message}`, false);
      return result;
    }
    Object.assign(result, message, { sent: true });
    const way = this.route(f, message.hi, message.lo, false);
    if (way.to !== "root") return this.strayMessage(f, way, result);
    if (this.takesMessages(message.hi, message.lo)) return this.toProcessors(f, message.lo, message.data, result);
    const out = this.translate(f, true, message.hi, message.lo, -1);
    const to = `${bdf} vector ${vector}: write 0x${message.data.toString(16)} to ${hex64(message.lo, message.hi)}`;
    if (!out.ok) {
      result.end = "fault";
      result.event = out.event;
      result.why = faultOf(0, out, this.eventName(bdf, out.event)).text;
      if (out.stag >= 0) this.engine.holdMsi(this.smmuOf(bdf)?.name ?? "", out.stag, bdf, vector);
      if (this.watcher !== null) this.watcher.msi(`${to}: ${result.why}`, false);
      return result;
    }
    result.pa = out.pa;
    this.message(f, out.pa, message.data, result);
    if (this.watcher !== null && (result.end === "memory" || result.end === "fault")) {
      this.watcher.msi(`${to}: ${result.why}`, false);
    }
    return result;
  }

  /** Whether requests without PASID to an address are interrupts, which nothing translates. */
  takesMessages(hi: number, lo: number): boolean {
    return this.interruptRange && isInterruptAddress(hi, lo);
  }

  /** A write of 4 bytes into the interrupt range: remapped where a unit does so, then a vector for a processor. */
  toProcessors(f: PciFunction, lo: number, data: number, result: MsiResult): MsiResult {
    const unit = this.unitOf(f.bdf);
    const out: RemappedInterrupt = {
      delivered: true,
      reason: 0,
      index: -1,
      vector: data & 0xff,
      destination: (lo >>> 12) & 0xff,
    };
    if (unit !== null) unit.interrupt(this.pci.requesterId(f), lo, data, out);
    result.end = out.delivered ? "cpu" : "fault";
    result.event = out.reason;
    result.intid = out.delivered ? out.vector : 0;
    result.why = out.delivered ? "" : this.eventName(f.bdf, out.reason);
    if (out.delivered) this.interrupts.push({ intid: out.vector });
    if (this.watcher !== null) {
      const entry = out.index < 0 ? "" : ` by IRTE ${out.index}`;
      const what = out.delivered ? `vector ${out.vector} for APIC ${out.destination}${entry}` : result.why;
      this.watcher.msi(`${f.bdf}: write ${hex(data)} to ${hex(lo)}: ${what}`, out.delivered);
    }
    return result;
  }

  /** Lets a function assert its INTx pin or let go of it. Why its wire stays quiet; empty = it is asserted. */
  intx(bdf: string, on: boolean): string {
    const f = this.function(bdf);
    const why = !f.setIntx(on)
      ? "the function has no INTx pin"
      : !on
        ? "let go"
        : f.intxAsserted
          ? ""
          : "DisINTx: only the status register says it";
    if (this.watcher !== null) this.watcher.msi(`${bdf} INTx: ${why === "" ? "asserted" : why}`, why === "");
    return why;
  }

  /**
   * Messages that were held back by a mask which is gone now are sent. Call it after anything that may have unmasked a
   * vector; what became of each, in order.
   */
  sendPending(): MsiResult[] {
    const out: MsiResult[] = [];
    for (const bdf of [...this.waiting]) {
      const f = this.pci.byBdf.get(bdf);
      if (f === undefined) this.waiting.delete(bdf);
      else if (f.busMaster) for (const vector of unmasked(f.config, f.msix)) out.push(this.msi(bdf, vector));
    }
    return out;
  }

  /** A message that bridges gave to a peer, or to nobody. */
  private strayMessage(f: PciFunction, way: Route, result: MsiResult): MsiResult {
    const last = way.hops.at(-1);
    result.end = way.peer === null ? "fault" : "memory";
    result.why = way.peer === null ? `${last?.bdf}: ${last?.what}` : `the message went to a BAR of ${way.peer.f.bdf}`;
    if (way.peer !== null) this.store(f, join(result.lo, result.hi), bytesOfWord(result.data));
    if (this.watcher !== null) this.watcher.msi(`${f.bdf}: ${result.why}`, false);
    return result;
  }

  private message(f: PciFunction, pa: number, data: number, result: MsiResult): void {
    if (this.its !== null && this.its.covers(pa)) {
      result.end = "its";
      if (pa - this.its.desc.base !== GITS.TRANSLATER) result.why = "a register of the ITS that is no doorbell";
      else if (f.desc.msiDeviceId < 0) result.why = "firmware gives the function no DeviceID";
      else {
        const out = this.its.translate(f.desc.msiDeviceId, data);
        result.intid = out.delivered ? out.intid : 0;
        result.why = out.why;
      }
    } else if (this.v2m !== null && this.v2m.covers(pa)) {
      result.end = "v2m";
      result.intid = this.v2m.writeReg(pa - this.v2m.desc.base, data);
      if (result.intid === 0) result.why = "no SPI of this frame";
    } else if (this.reaches(pa)) {
      result.end = "memory";
      result.why = `the message went to memory at ${hex(pa)}`;
      this.store(f, pa, bytesOfWord(data));
    } else {
      result.end = "fault";
      result.why = `nothing answers at ${hex(pa)}`;
    }
  }

  private function(bdf: string): PciFunction {
    const f = this.pci.byBdf.get(bdf);
    if (f === undefined) throw new Error(`no PCI function ${bdf} on machine ${this.desc.id}`);
    return f;
  }

  /** Through the SMMU in front of a function, or past it where there is none. */
  translate(f: PciFunction, write: boolean, hi: number, lo: number, ssid: number): TxnResult {
    const unit = this.unitOf(f.bdf);
    if (unit !== null) {
      unit.translate(this.txn.set(this.pci.requesterId(f), write, hi, lo, ssid), this.out);
      return this.out;
    }
    const smmu = this.smmuOf(f.bdf);
    if (smmu === null || this.passesBy(f, hi, lo)) {
      this.out.ok = true;
      this.out.stag = -1;
      this.out.raz = false;
      this.out.pa = join(lo, hi);
      this.out.shift = 12;
      this.out.event = 0;
      return this.out;
    }
    smmu.translate(this.txn.set(f.desc.streamId, write, hi, lo, ssid), this.out);
    return this.out;
  }

  /** HiSilicon's HIP06 and HIP07: writes to the ITS are not translated. */
  private passesBy(f: PciFunction, hi: number, lo: number): boolean {
    if (hi !== 0 || this.its === null || !this.its.covers(lo)) return false;
    return this.desc.smmus.some((s) => s.name === f.desc.smmu && s.model === "hi161x");
  }

  /** Whether anything answers at a physical address. */
  reaches(pa: number): boolean {
    if (this.mem.answers(pa) || this.pci.barAt(pa) !== null) return true;
    return (this.its !== null && this.its.covers(pa)) || (this.v2m !== null && this.v2m.covers(pa));
  }

  /** Bytes at..at+n-1 of a request to or from a physical address, a BAR or a doorbell. */
  transfer(f: PciFunction, request: DmaRequest, at: number, n: number, pa: number, data: Uint8Array): void {
    if (!request.write) {
      const who = this.mem.who;
      this.mem.who = f.bdf;
      this.mem.readBytes(pa, data.subarray(at, at + n), "DMA read");
      this.mem.who = who;
      return;
    }
    const bytes = request.data === undefined ? new Uint8Array(n) : request.data.subarray(at, at + n);
    if (this.its?.covers(pa) === true || this.v2m?.covers(pa) === true) {
      const result: MsiResult = { sent: true, lo: 0, hi: 0, data: 0, pa, end: "silent", intid: 0, why: "", event: 0 };
      this.message(f, pa, word(bytes), result);
    } else this.store(f, pa, bytes);
  }

  private store(f: PciFunction, pa: number, bytes: Uint8Array): void {
    const msix = this.pci.msixAt(pa);
    if (msix !== null) {
      for (let i = 0; i + 4 <= bytes.length; i += 4) msix.table.write(msix.offset + i, word(bytes.subarray(i)));
      return;
    }
    const who = this.mem.who;
    this.mem.who = f.bdf;
    this.mem.writeBytes(pa, bytes, "DMA write");
    this.mem.who = who;
  }
}

/** Where there is nothing to decide. */
const TO_ROOT: Route = freezeDeep({ to: "root", peer: null, hops: [] });

function bytesOfWord(data: number): Uint8Array {
  return new Uint8Array([data & 0xff, (data >> 8) & 0xff, (data >> 16) & 0xff, data >>> 24]);
}

function word(bytes: Uint8Array): number {
  return ((bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8) | ((bytes[2] ?? 0) << 16) | ((bytes[3] ?? 0) << 24)) >>> 0;
}
