/**
 * Feeds an Arm trace to the engine: every call as the program made it, every DMA and interrupt of the devices, and
 * compares what came back and what then stands in STEs, CDs, MSI tables and queues.
 */
import type { DmaResult, MachineDesc, MsiResult } from "../../hw/machine.ts";
import { queued_commands } from "../kernel/drivers/arm_smmu_v3/cmdq.ts";
import type { ArmSmmuDevice } from "../kernel/drivers/arm_smmu_v3/device.ts";
import { kernel_after_device_access } from "../kernel/boot.ts";
import { EventfdCtx } from "../kernel/eventfd.ts";
import { iommu_group_show_resv_regions } from "../kernel/iommu/resv.ts";
import { NotModelled } from "../kernel/not_modelled.ts";
import type { ResolvedProfile } from "../kernel/profile.ts";
import * as sys from "../kernel/syscall.ts";
import { CAP } from "../../hw/pci/regs.ts";
import {
  VFIO_DEVICE_FEATURE,
  VFIO_DEVICE_GET_INFO,
  VFIO_DEVICE_GET_IRQ_INFO,
  VFIO_DEVICE_GET_PCI_HOT_RESET_INFO,
  VFIO_DEVICE_GET_REGION_INFO,
} from "../uapi/vfio.ts";
import { compareCommands, compareMsi, compareSte } from "./arm_hw_compare.ts";
import { argumentLost, type MadeCall, replayIoctl } from "./arm_ioctl.ts";
import { dumpName, guestPieces, parseTableDump, planMemory, type TableDump } from "./arm_memory.ts";
import { Names } from "./arm_names.ts";
import { applyNote, applyPoke, undoPokes, type Poked } from "./arm_stores.ts";
import { type ArmRecord, eventsOf, need, parseArmRecord, queuedBySmmu } from "./arm_records.ts";
import { toHex } from "./hex.ts";
import { address, halves } from "./parse.ts";
import { emptyReport, type ReplayReport } from "./report.ts";
import type { Agreement } from "../sim/result.ts";
import { ArmWorld, kindOfFd, settingsOf } from "./replay_arm_world.ts";

export interface ReplayArmOptions {
  profile: ResolvedProfile;
  machine: MachineDesc;
  /** Table dumps that the trace names, by name: `c-s1-nested`. */
  dumps: ReadonlyMap<string, unknown>;
  /** How many disagreements to describe. */
  describe?: number;
  /**
   * Answers that only the device or the PCI core can give (regions, interrupts, resets). A VMM's trace may be of any
   * device: there they are taken as given unless told otherwise. The calls are made all the same.
   */
  deviceAnswers?: "given" | "compared";
}

/** What became of one record. */
export interface RecordVerdict {
  kind: Agreement["kind"];
  /** The differences, or why it was skipped. */
  differences: readonly string[];
}

/** What the last record did, for who wants to show it. */
export interface LastDone {
  call?: MadeCall;
  dma?: DmaResult;
  msi?: { result: MsiResult; delivered: bigint };
}

/** Records that say nothing to compare. */
const SILENT: readonly string[] = Object.freeze(["header", "note", "tables", "poke"]);
/** The program reads event queues with a buffer of this size. */
const VEVENT_BUFFER = 512;
const ARENA_BUFFER = 0x8000n;
const REGION_CONFIG = 7n << 40n;

export class ReplayArm {
  readonly report: ReplayReport = emptyReport();
  readonly world: ArmWorld;
  readonly names = new Names();
  readonly records: readonly ArmRecord[];
  last: LastDone = {};
  private readonly dumps: ReadonlyMap<string, TableDump>;
  private readonly describe: number;
  private poked: Poked[] = [];
  /** The last IOVA_RANGES: alignment and ranges. */
  private ranges: { align: bigint; list: [bigint, bigint][] } | null = null;
  /** Commands were recorded: VMM traces have none. */
  private readonly commands: boolean;
  /** Base of the SMMU whose queues records give without its name; null = the machine's first. */
  private readonly first: number | null;
  private readonly deviceGiven: boolean;

  constructor(lines: Iterable<string>, options: ReplayArmOptions) {
    let number = 0;
    const records: ArmRecord[] = [];
    for (const line of lines) {
      number++;
      if (line !== "") records.push(parseArmRecord(line, number));
    }
    this.records = Object.freeze(records);
    this.describe = options.describe ?? 3;
    this.dumps = Object.freeze(new Map([...options.dumps].map(([name, d]) => [name, parseTableDump(name, d)])));
    const header = records.find((r) => r.t === "header");
    this.commands = header !== undefined;
    const base = address(header?.smmus?.[0]?.base ?? "0x0");
    this.first = options.machine.smmus.some((smmu) => smmu.base === base) ? base : null;
    this.deviceGiven = (options.deviceAnswers ?? (this.commands ? "compared" : "given")) === "given";
    const plan = planMemory(records, (r) => kindOfFd(r.fd ?? ""), this.dumps);
    this.world = new ArmWorld(options.machine, options.profile, settingsOf(records, options.machine), plan);
    for (const dump of this.dumps.values()) this.loadGuest(dump);
  }

  run(): ReplayReport {
    this.records.forEach((_, i) => this.play(i));
    return this.report;
  }

  /** Plays the trace up to the record that names a dump: the records played; null when none names it. */
  runToTables(name: string): readonly ArmRecord[] | null {
    const end = this.records.findIndex((record) => record.t === "tables" && dumpName(record) === name);
    if (end < 0) return null;
    const played = this.records.slice(0, end);
    played.forEach((_, i) => this.play(i));
    return played;
  }

  private loadGuest(dump: TableDump): void {
    for (const { pa, bytes } of guestPieces(dump)) this.world.k.mem.writeBytes(pa, bytes);
  }

  /** Plays one record; they must be played in order. */
  play(index: number): RecordVerdict {
    const record = this.records[index];
    if (record === undefined) throw new Error(`no record ${index}`);
    const verdict = this.judge(record, index);
    const { report } = this;
    if (verdict.kind === "skipped") {
      for (const why of verdict.differences) report.skipped.set(why, (report.skipped.get(why) ?? 0) + 1);
    } else if (verdict.kind === "given") report.given++;
    else if (verdict.kind !== "context") report.total++;
    if (verdict.kind === "agrees") report.agreed++;
    else if (verdict.kind === "differs" && report.first.length < this.describe)
      report.first.push(this.tell(record, verdict.differences));
    return verdict;
  }

  private judge(record: ArmRecord, index: number): RecordVerdict {
    const { platform } = this.world;
    this.last = {};
    const prod = platform.smmus.map((smmu) => smmu.cmdq.prod);
    let differences: string[];
    applyNote(this.world, this.names, this.records, index, this.dumps);
    try {
      differences = this.one(record, index);
    } catch (e) {
      if (!(e instanceof NotModelled)) throw e;
      return { kind: "skipped", differences: [e.message] };
    }
    if (SILENT.includes(record.t)) return { kind: "context", differences: [] };
    // What only the device can tell is given; that the call succeeds or fails as recorded is not.
    const deviceTold = this.deviceGiven && isDeviceAnswer(record) && !differences.some((d) => d.startsWith("result:"));
    if (argumentLost(record) || deviceTold) return { kind: "given", differences: [] };
    if (this.commands)
      platform.smmus.forEach((smmu, i) => differences.push(...this.queued(smmu, i, prod[i] ?? 0, record)));
    this.names.asids.prune((asid) => platform.asids.used.has(asid));
    this.names.pages.prune((pfn) => this.world.pageInUse(pfn));
    for (const smmu of platform.smmus) this.names.vmids.get(smmu.name)?.prune((vmid) => smmu.vmid_map.used.has(vmid));
    return { kind: differences.length === 0 ? "agrees" : "differs", differences };
  }

  private tell(record: ArmRecord, differences: readonly string[]): string {
    const what = [record.t, record.fd ?? record.dev, record.cmd, record.note].filter((x) => x !== undefined);
    return [`record ${record.seq ?? "?"}: ${what.join(" ")}`, ...differences.map((d) => `  ${d}`)].join("\n");
  }

  private queued(smmu: ArmSmmuDevice, index: number, from: number, record: ArmRecord): string[] {
    const recorded = queuedBySmmu(record);
    const first = this.first === null ? index === 0 : smmu.base === this.first;
    const theirs = recorded.get(first ? "" : smmu.hw_name) ?? recorded.get(smmu.name) ?? [];
    return compareCommands(this.names, smmu.name, queued_commands(this.world.k, smmu, from), theirs);
  }

  private one(record: ArmRecord, index: number): string[] {
    switch (record.t) {
      case "open":
        return this.open(record);
      case "close":
        this.world.close(need(record.dev, record, "dev"));
        return [];
      case "ioctl":
        return this.ioctl(record);
      case "ste":
        return compareSte(this.world.k, this.names, this.smmuOf(record), record);
      case "ranges":
        return this.compareRanges(record);
      case "msi":
        return compareMsi(this.world.k, this.names, this.pdev(record), this.world.platform.irq.its !== null, record);
      case "vfio_msi_view":
        return this.msiView(record);
      case "dma":
        return this.dma(record);
      case "msi_fire":
        return this.fire(record);
      case "vevents":
        return this.vevents(record);
      case "cfgwrite":
        return this.cfgwrite(record);
      case "poke":
        this.poked.push(...applyPoke(this.world, this.names, this.records, index));
        return [];
      case "tables": {
        const dump = this.dumps.get(dumpName(record));
        if (dump !== undefined) this.loadGuest(dump);
        return [];
      }
      case "header":
      case "note":
        return [];
      default:
        throw new NotModelled(`record of kind ${record.t}`);
    }
  }

  /** The function that a record speaks of. */
  bdf(record: ArmRecord): string {
    const name = need(record.dev, record, "dev");
    const known = this.world.bdfs.get(name);
    if (known !== undefined || record.sid === undefined) return known ?? name;
    const { functions } = this.world.machine.pci;
    const bdf = functions.find((f) => f.desc.sids[0] === record.sid)?.bdf ?? name;
    this.world.bdfs.set(name, bdf);
    return bdf;
  }

  private pdev(record: ArmRecord): NonNullable<ReturnType<ArmWorld["platform"]["pci"]["get"]>> {
    const pdev = this.world.platform.pci.get(this.bdf(record));
    if (pdev === undefined) throw new Error(`record ${record.seq ?? "?"}: no device ${record.dev ?? ""}`);
    return pdev;
  }

  private smmuOf(record: ArmRecord): ArmSmmuDevice {
    const smmu = this.world.platform.smmus.find((it) => it.hw_name === this.pdev(record).hw.desc.smmu);
    if (smmu === undefined) throw new Error(`record ${record.seq ?? "?"}: ${record.dev ?? ""} is behind no SMMU`);
    return smmu;
  }

  private open(record: ArmRecord): string[] {
    const name = need(record.dev, record, "dev");
    const { world } = this;
    if (record.bdf === undefined) {
      const fd = world.open(name, "/dev/iommu");
      for (const [number, known] of world.aliases) if (known === name) world.aliases.delete(number);
      return fd >= 0 === record.fd_ok ? [] : [`open: ${fd}`];
    }
    world.bdfs.set(name, record.bdf);
    const pdev = this.pdev(record);
    const vdev = world.platform.vfio.get(record.bdf);
    const fd = vdev === undefined ? -1 : world.open(name, vdev.node);
    const out: string[] = [];
    const same = (what: string, ours: string | number | boolean | null | undefined, theirs: typeof ours) => {
      if (theirs !== undefined && ours !== theirs) out.push(`${what}: ${String(ours)}, recorded ${String(theirs)}`);
    };
    same("fd_ok", fd >= 0, record.fd_ok);
    const group = pdev.dev.iommu_group;
    same("node", vdev?.node ?? "", record.node);
    same("sid", pdev.hw.desc.sids[0], record.sid);
    same("smmu", group === null ? "" : pdev.hw.desc.smmu, record.smmu);
    same("group", group === null ? "" : String(group.id), record.group);
    same(
      "reserved_regions",
      group === null ? "" : iommu_group_show_resv_regions(world.k, group),
      record.reserved_regions,
    );
    return out;
  }

  private ioctl(record: ArmRecord): string[] {
    const result = replayIoctl(this.world, record);
    if (result.ranges !== null) this.ranges = result.ranges;
    this.last.call = result.call;
    return result.differences;
  }

  /** The program's own print of the IOVA_RANGES call before. */
  private compareRanges(record: ArmRecord): string[] {
    if (this.ranges === null) return ["no IOVA_RANGES before it"];
    const ours = this.ranges.list.map(([start, last]) => `0x${start.toString(16)}-0x${last.toString(16)}`).join(" ");
    const theirs = need(record.ranges, record, "ranges")
      .map(([start, last]) => `${start}-${last}`)
      .join(" ");
    const out: string[] = [];
    if (this.ranges.align !== BigInt(record.align ?? 0))
      out.push(`alignment: ${this.ranges.align}, recorded ${record.align}`);
    if (ours !== theirs) out.push(`ranges: ${ours}, recorded ${theirs}`);
    return out;
  }

  private pread(name: string, offset: bigint, n: number): { ret: number; bytes: Uint8Array } {
    const { world } = this;
    const at = world.arena + ARENA_BUFFER;
    const ret = sys.sys_read(world.k, world.task, world.fds.get(name) ?? -1, at, n, offset);
    return { ret, bytes: world.load(at, n) };
  }

  /** What VFIO shows of the MSI set-up: never the host's address. */
  private msiView(record: ArmRecord): string[] {
    const name = need(record.dev, record, "dev");
    const { config, msix } = this.pdev(record).hw;
    const out: string[] = [];
    let last = 0;
    let bar = "";
    if (record.msix_entry0_via_bar !== undefined && msix !== null) {
      const at = (BigInt(msix.place.tableBar) << 40n) + BigInt(msix.place.tableOffset);
      for (let i = 0; i < 4; i++) {
        const got = this.pread(name, at + BigInt(4 * i), 4);
        last = got.ret < 0 ? -1 : got.ret;
        bar += toHex(got.bytes);
      }
      if (last !== record.last_ret) out.push(`last_ret: ${last}, recorded ${record.last_ret}`);
      if (last > 0 && bar !== record.msix_entry0_via_bar)
        out.push(`MSI-X entry 0: ${bar}, recorded ${record.msix_entry0_via_bar}`);
    }
    if (record.msi_cap_via_vfio_config !== undefined) {
      const got = this.pread(name, REGION_CONFIG + BigInt(config.find(CAP.MSI)), 16);
      const cap = toHex(got.bytes);
      if (got.ret > 0 && cap !== record.msi_cap_via_vfio_config)
        out.push(`MSI capability: ${cap}, recorded ${record.msi_cap_via_vfio_config}`);
    }
    return out;
  }

  private cfgwrite(record: ArmRecord): string[] {
    const name = need(record.dev, record, "dev");
    const offset = REGION_CONFIG + BigInt(need(record.off, record, "off"));
    // The record does not tell the width: a register of two bytes, unless a value needs four.
    const n = Math.max(Number(record.old ?? 0), Number(record.new ?? 0)) > 0xffff ? 4 : 2;
    const got = this.pread(name, offset, n);
    const old = got.bytes.reduceRight((word, byte) => word * 256 + byte, 0);
    const value = Number(need(record.new, record, "new"));
    const at = this.world.arena + ARENA_BUFFER;
    const bytes = Uint8Array.from({ length: n }, (_, i) => (value >>> (8 * i)) & 0xff);
    this.world.store(at, bytes);
    sys.sys_write(this.world.k, this.world.task, this.world.fds.get(name) ?? -1, at, n, offset);
    const same = got.ret < 0 || old === Number(record.old);
    return same ? [] : [`old value: 0x${old.toString(16)}, recorded ${record.old}`];
  }

  /** Events of the step, as they stood in the queue, against the record's. */
  private events(record: ArmRecord): string[] {
    const handled = kernel_after_device_access(this.world.k);
    const ours = [...handled.events.values()]
      .flat()
      .map((words) => toHex(new Uint8Array(words.buffer, words.byteOffset, 32)));
    const theirs = eventsOf(record);
    const out: string[] = [];
    for (let i = 0; i < Math.max(ours.length, theirs.length) && out.length < 3; i++) {
      if (ours[i] !== theirs[i]) out.push(`event ${i}: ${ours[i] ?? "none"}, recorded ${theirs[i] ?? "none"}`);
    }
    return out;
  }

  private dma(record: ArmRecord): string[] {
    const bdf = this.bdf(record);
    const { lo, hi } = halves(need(record.iova, record, "iova"));
    const len = need(record.len, record, "len");
    const write = record.op === "write";
    const buffer = this.world.buffer(bdf);
    const data = write ? { data: buffer.slice(0, len) } : {};
    const result = this.world.machine.dma(bdf, { write, hi, lo, len, ...data });
    this.last.dma = result;
    if (!write) buffer.set(result.data.subarray(0, buffer.length));
    const out = this.events(record);
    this.poked = undoPokes(this.world, this.poked);
    // What the program expected; an event that was recorded says that the access failed all the same.
    const expect = record.expect ?? "";
    if (expect.startsWith("ok") && !result.ok && (record.evtq ?? []).length === 0)
      out.push(`the access failed: ${result.fault?.text ?? ""}`);
    if ((expect === "abort" || expect === "fault") && result.ok) out.push("the access succeeded");
    const first = result.runs[0];
    const walked = record.walk_err === "" && record.walk !== undefined;
    if (result.ok && walked && expect.startsWith("ok") && first !== undefined) {
      const theirs = address(record.walk ?? "");
      if (!this.names.address(first.pa, theirs))
        out.push(`physical address: 0x${first.pa.toString(16)}, recorded ${record.walk}`);
    }
    return out;
  }

  /** The device raises its interrupt; then the program looks at its eventfd. */
  private fire(record: ArmRecord): string[] {
    const bdf = this.bdf(record);
    const result = this.world.machine.msi(bdf, 0);
    const out = this.events(record);
    const ctx = this.world.platform.vfio.get(bdf)?.ctx.get(0)?.trigger;
    const count = ctx instanceof EventfdCtx ? Number(ctx.count) : 0;
    if (ctx instanceof EventfdCtx) ctx.count = 0n;
    this.last.msi = { result, delivered: BigInt(count) };
    if (count !== record.eventfd) out.push(`eventfd: ${count}, recorded ${record.eventfd}`);
    return out;
  }

  private vevents(record: ArmRecord): string[] {
    const { world } = this;
    const at = world.arena + ARENA_BUFFER;
    const ret = sys.sys_read(world.k, world.task, world.fds.get("veventq") ?? -1, at, VEVENT_BUFFER);
    const out: string[] = [];
    const theirRet = need(record.ret, record, "ret");
    if ((ret < 0 ? -1 : ret) !== theirRet) out.push(`ret: ${ret}, recorded ${theirRet}`);
    const bytes = ret > 0 ? toHex(world.load(at, ret)) : "";
    if (bytes !== record.hex) out.push(`bytes: ${bytes}, recorded ${record.hex}`);
    return out;
  }
}

const DEVICE_ANSWERS: readonly number[] = Object.freeze(
  [
    VFIO_DEVICE_GET_INFO,
    VFIO_DEVICE_GET_REGION_INFO,
    VFIO_DEVICE_GET_IRQ_INFO,
    VFIO_DEVICE_FEATURE,
    VFIO_DEVICE_GET_PCI_HOT_RESET_INFO,
  ].map((def) => def.cmd),
);

function isDeviceAnswer({ t, fd, nr }: ArmRecord): boolean {
  return t === "ioctl" && kindOfFd(fd ?? "") === "vfio-device" && DEVICE_ANSWERS.includes(Number(nr));
}

/** Replays a whole trace. Throws BadInput, naming the record, on what cannot be read. */
export function replayArm(lines: Iterable<string>, options: ReplayArmOptions): ReplayReport {
  return new ReplayArm(lines, options).run();
}

/** Names of the dumps that a trace refers to. */
export function dumpsNamed(lines: Iterable<string>): string[] {
  const out: string[] = [];
  let number = 0;
  for (const line of lines) {
    number++;
    if (!line.includes('"t":"tables"')) continue;
    out.push(dumpName(parseArmRecord(line, number)));
  }
  return out;
}
