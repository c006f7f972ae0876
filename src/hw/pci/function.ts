/** PCI functions and the bus they hang on. */
import { bits } from "../base/bits.ts";
import type { Range } from "../memory.ts";
import { Atc } from "./atc.ts";
import { type BarDesc, ConfigSpace } from "./config.ts";
import { type Message, MsixTable, messageOf, msixPlace, type Silence } from "./msi.ts";
import { CAP, CMD_INTX_DISABLE, CMD_MASTER, CMD_MEMORY, PCI, STATUS_INTERRUPT } from "./regs.ts";
import { type Landing, landing } from "./route.ts";
import { bridgeClaims } from "./windows.ts";

/** An address range that firmware reserves in the device's IOVA space (device tree `iommu-addresses`, IORT RMR). */
export interface FirmwareRegion extends Range {
  /**
   * `direct`: identity mapped memory of the device; `reserved`: not to be used; `sw-msi`: a window for doorbells in place
   * of the IOMMU driver's, which no firmware describes today: for made-up machines.
   */
  kind: "direct" | "reserved" | "sw-msi";
}

export type { BarDesc } from "./config.ts";

/** Plain JSON. */
export interface FunctionDesc {
  /** `0000:00:03.0`. */
  bdf: string;
  /** Short human name: `edu`, `nvme`, `root port`. */
  name: string;
  /** Driver that the recorded system had bound at boot; empty = none. */
  driver: string;
  /** bdf of the bridge above, null on the root bus. */
  parent: string | null;
  /** Size of the configuration space: 256 or 4096. */
  configSize: number;
  /** Its bytes in hexadecimal, trailing zeros left out. */
  config: string;
  bars: BarDesc[];
  /** Name of the SMMU in front of it, null = none. */
  smmu: string | null;
  /** StreamIDs that firmware maps its requester ID and its DMA aliases to; the first is the function's own. */
  sids: number[];
  /** The StreamID that its transactions carry: one of `sids`, an alias behind a conventional bridge. */
  streamId: number;
  /** DeviceID that its MSIs carry to the ITS, -1 = firmware routes them nowhere. */
  msiDeviceId: number;
  regions: FirmwareRegion[];
}

export class PciFunction {
  readonly desc: FunctionDesc;
  readonly bdf: string;
  readonly bus: number;
  /** bus << 8 | device << 3 | function. */
  readonly rid: number;
  readonly config: ConfigSpace;
  readonly msix: MsixTable | null;
  /** Translations it was given (ATS). */
  readonly atc = new Atc();
  /** Answers to its page requests, oldest first. `ssid` -1 = without PASID. */
  readonly pageResponses: { ssid: number; prgi: number; code: "failure" | "invalid" | "success" }[] = [];

  constructor(desc: FunctionDesc) {
    this.desc = desc;
    this.bdf = desc.bdf;
    this.rid = ridOf(desc.bdf);
    this.bus = this.rid >> 8;
    this.config = new ConfigSpace(desc.configSize, desc.config, desc.bars);
    const place = msixPlace(this.config);
    this.msix = place === null ? null : new MsixTable(place);
  }

  get device(): number {
    return (this.rid >> 3) & 0x1f;
  }

  get function(): number {
    return this.rid & 7;
  }

  get isBridge(): boolean {
    return this.config.isBridge;
  }

  /** PCIe port type (`EXP_TYPE`), -1 for a conventional function. */
  get expType(): number {
    const cap = this.config.find(CAP.EXP);
    return cap === 0 ? -1 : bits(this.config.read(cap + 2, 2), 7, 4);
  }

  get busMaster(): boolean {
    return (this.config.read(PCI.COMMAND, 2) & CMD_MASTER) !== 0;
  }

  get memoryEnabled(): boolean {
    return (this.config.read(PCI.COMMAND, 2) & CMD_MEMORY) !== 0;
  }

  /** Whether this bridge passes an address to what hangs below it. */
  claims(address: number): boolean {
    return this.isBridge && bridgeClaims(this.config, this.memoryEnabled, address);
  }

  /** CPU address of a BAR now, from the register; -1 when it is not implemented. */
  barAddress(index: number): number {
    const bar = this.desc.bars.find((b) => b.index === index);
    if (bar === undefined) return -1;
    const reg = this.config.barRegister(index);
    const low = this.config.read(reg, 4);
    if (bar.kind === "io") return low - (low & 3);
    return (
      low - (low & (index === 6 ? 0x7ff : 0xf)) + (bar.kind === "mem64" ? this.config.read(reg + 4, 4) * 2 ** 32 : 0)
    );
  }

  /** Asserts its INTx pin or lets go of it; the status register says so whatever is masked. False: it has no pin. */
  setIntx(on: boolean): boolean {
    if (this.config.absent || this.config.read(PCI.INTERRUPT_LINE + 1, 1) === 0) return false;
    const { bytes } = this.config;
    const status = bytes[PCI.STATUS] ?? 0;
    bytes[PCI.STATUS] = on ? status | STATUS_INTERRUPT : status & ~STATUS_INTERRUPT;
    return true;
  }

  /** The wire is asserted: the function wants an interrupt and DisINTx does not keep it. */
  get intxAsserted(): boolean {
    if (this.config.absent || ((this.config.bytes[PCI.STATUS] ?? 0) & STATUS_INTERRUPT) === 0) return false;
    return (this.config.read(PCI.COMMAND, 2) & CMD_INTX_DISABLE) === 0;
  }

  /** What the function would write for this interrupt vector now, or why nothing. */
  message(vector: number): Message | Silence {
    if (!this.busMaster) return "not bus master";
    return messageOf(this.config, this.msix, vector);
  }
}

/** The functions of a machine in bus order, and how they hang together. */
export class PciBus {
  readonly functions: PciFunction[];
  readonly byBdf = new Map<string, PciFunction>();

  constructor(descs: readonly FunctionDesc[]) {
    this.functions = descs.map((d) => new PciFunction(d)).sort((a, b) => a.rid - b.rid);
    for (const f of this.functions) this.byBdf.set(f.bdf, f);
  }

  /** Keeps bus order. See `plug` in slots.ts. */
  add(desc: FunctionDesc): PciFunction {
    const f = new PciFunction(desc);
    const at = this.functions.findIndex((other) => other.rid > f.rid);
    this.functions.splice(at < 0 ? this.functions.length : at, 0, f);
    this.byBdf.set(f.bdf, f);
    return f;
  }

  remove(f: PciFunction): void {
    this.functions.splice(this.functions.indexOf(f), 1);
    this.byBdf.delete(f.bdf);
  }

  parentOf(f: PciFunction): PciFunction | null {
    return f.desc.parent === null ? null : (this.byBdf.get(f.desc.parent) ?? null);
  }

  childrenOf(f: PciFunction | null): PciFunction[] {
    const bdf = f === null ? null : f.bdf;
    return this.functions.filter((c) => c.desc.parent === bdf);
  }

  /** The function and BAR that a memory address reaches from the root complex now, through the windows of bridges. */
  barAt(pa: number): Landing | null {
    for (const f of this.functions) {
      const hit = landing(f, pa);
      if (hit === null) continue;
      let at = this.parentOf(f);
      while (at !== null && at.claims(pa)) at = this.parentOf(at);
      if (at === null) return hit;
    }
    return null;
  }

  /** The MSI-X table that an address lies in, with the byte offset inside it. */
  msixAt(pa: number): { table: MsixTable; offset: number } | null {
    const hit = this.barAt(pa);
    const table = hit === null ? null : hit.f.msix;
    if (hit === null || table === null || hit.bar.index !== table.place.tableBar) return null;
    const offset = hit.offset - table.place.tableOffset;
    return offset >= 0 && offset < table.words.length * 4 ? { table, offset } : null;
  }

  /**
   * Requester IDs of a function's transactions: its own, then what bridges above put in its place. Behind a
   * PCIe-to-PCI bridge that is (secondary bus, 0, 0), behind a conventional bridge the bridge's own.
   * Source: PCIe to PCI/PCI-X Bridge 1.0, 2.3.
   */
  aliases(f: PciFunction): number[] {
    const rids = [f.rid];
    let below = f;
    for (let at = this.parentOf(f); at !== null; at = this.parentOf(at)) {
      const type = at.expType;
      const rid = type === 7 ? below.bus << 8 : type === -1 || type === 8 ? at.rid : -1;
      if (rid >= 0 && !rids.includes(rid)) rids.push(rid);
      below = at;
    }
    return rids;
  }

  /** The requester ID that reaches the root complex. */
  requesterId(f: PciFunction): number {
    return this.aliases(f).at(-1) ?? f.rid;
  }
}

/** `0000:06:01.0` -> 0x608. */
export function ridOf(bdf: string): number {
  const m = /^[0-9a-f]{4}:([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$/.exec(bdf);
  if (m === null) throw new Error(`not a PCI address: ${bdf}`);
  return (Number.parseInt(m[1] ?? "", 16) << 8) | (Number.parseInt(m[2] ?? "", 16) << 3) | Number(m[3]);
}
