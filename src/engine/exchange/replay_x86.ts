/**
 * Feeds every recorded call of an x86 trace to the kernel model and compares what comes back: result, errno, the
 * whole struct, every user buffer, data read from event files, memory counters.
 */
import { decode, diffFields } from "../uapi/codec.ts";
import { errnoName } from "../uapi/errno.ts";
import { ACCESS_FLAGS, TEST_ACCESS_RW } from "../uapi/iommu_test.ts";
import { IOMMU_HWPT_INVALIDATE } from "../uapi/iommufd.ts";
import { printIoctl } from "../uapi/print.ts";
import { ioctlDef } from "../uapi/table.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { PAGE_SIZE } from "../kernel/mm/const.ts";
import { mm_dup, mm_pages } from "../kernel/mm/mm.ts";
import type { ResolvedProfile } from "../kernel/profile.ts";
import type { X86MachineDesc } from "../kernel/x86_desc.ts";
import * as sys from "../kernel/syscall.ts";
import { Task } from "../kernel/task.ts";
import type { Agreement } from "../sim/result.ts";
import { fromHex, toHex } from "./hex.ts";
import { makeRoom, onlyDeviceTells } from "./replay_x86_files.ts";
import {
  ARENA,
  CUT_PAGE,
  ensureMapped,
  newTask,
  NOWHERE,
  plainFile,
  sequenceTask,
  traceKernelWorld,
} from "./replay_x86_world.ts";
import { FILE_KINDS, parseRecord, type TraceRecord } from "./x86_records.ts";

export interface ReplayReport {
  agreed: number;
  /** Records compared. */
  total: number;
  /** Records that cannot be modelled, refused by rule: reason -> count. */
  skipped: Map<string, number>;
  /** Records that are no calls and have no answer: headers, marks between tests, forks. Carried out, not compared. */
  context: number;
  /** Records of which the data were taken from the recording; their results agree. Not in `total`. */
  given: number;
  /** The first disagreements, each decoded field by field. */
  first: string[];
  /** By self-test case: records compared and agreed. Empty for random sequences. */
  cases: Map<string, { agreed: number; total: number }>;
}

export interface ReplayOptions {
  profile: ResolvedProfile;
  /** The machine that the trace was made on; null or absent: mock devices only. */
  machine?: X86MachineDesc | null;
  /** How many disagreements to describe. */
  describe?: number;
}

const GIVEN = Symbol("given");
const CONTEXT = Symbol("context");

/**
 * What one record gave: null = agrees, a text = the disagreement, GIVEN = it agrees as far as can be compared and the
 * rest was taken from the recording, CONTEXT = it has no answer.
 */
type Verdict = string | null | { skip: string } | typeof GIVEN | typeof CONTEXT;

const hex = (x: bigint | number): string => `0x${x.toString(16)}`;

export class ReplayX86 {
  readonly report: ReplayReport = {
    agreed: 0,
    total: 0,
    skipped: new Map(),
    context: 0,
    given: 0,
    first: [],
    cases: new Map(),
  };
  k: Kernel;
  private readonly options: ReplayOptions;
  private readonly tasks = new Map<number, Task>();
  /** The process of a random sequence. */
  private task: Task | null = null;
  /** The last call with a struct: who made it, with which bytes, where they lie, and what it returned. */
  last: { task: Task; before: Uint8Array; at: bigint; ret: number } | null = null;
  private number = 0;
  private where = "";

  constructor(options: ReplayOptions) {
    this.options = options;
    this.k = traceKernelWorld(options.profile, options.machine);
  }

  /** The process is gone, with its memory and descriptors. */
  exit(pid: number): void {
    const task = this.tasks.get(pid);
    if (task === undefined) return;
    this.tasks.delete(pid);
    sys.sys_exit(this.k, task);
  }

  /** One line of the file, which is not empty. */
  feed(line: string): Agreement {
    this.number++;
    this.last = null;
    const record = parseRecord(line);
    const verdict = this.run(record);
    if (verdict === GIVEN) {
      this.report.given++;
      return { kind: "given", text: "" };
    }
    if (verdict === CONTEXT) {
      this.report.context++;
      return { kind: "context", text: "" };
    }
    if (verdict !== null && typeof verdict === "object") {
      this.report.skipped.set(verdict.skip, (this.report.skipped.get(verdict.skip) ?? 0) + 1);
      return { kind: "skipped", text: verdict.skip };
    }
    this.count(record, verdict);
    return { kind: verdict === null ? "agrees" : "differs", text: verdict ?? "" };
  }

  private count(record: TraceRecord, verdict: string | null): void {
    const { report } = this;
    report.total++;
    if (verdict === null) report.agreed++;
    else if (report.first.length < (this.options.describe ?? 10)) {
      report.first.push(`record ${this.number}${this.where}: ${this.label(record)}: ${verdict}`);
    }
    if (record.t === undefined) return;
    const test = report.cases.get(record.t) ?? { agreed: 0, total: 0 };
    test.total++;
    if (verdict === null) test.agreed++;
    report.cases.set(record.t, test);
  }

  private label(record: TraceRecord): string {
    if (record.op !== "ioctl") return `${record.op} fd=${record.fd ?? "-"}`;
    const kind = FILE_KINDS[record.fdt ?? ""] ?? "iommufd";
    return `fd=${record.fd} ${printIoctl(kind, Number(record.cmd), fromHex(record.in ?? ""))}${record.arg === undefined ? "" : ` arg=${record.arg}`}`;
  }

  private run(record: TraceRecord): Verdict {
    switch (record.op) {
      case "seq":
        return this.sequence(record);
      case "fork":
        return this.fork(record);
      case "test":
        return CONTEXT;
      case "mmaps_end":
        return this.mmapsEnd(record);
      case "probe":
        return this.probe(record);
      default:
        return this.call(this.process(record), record);
    }
  }

  private sequence(record: TraceRecord): Verdict {
    this.k = traceKernelWorld(this.options.profile, this.options.machine);
    this.task = sequenceTask(this.k, record);
    this.where = ` (seed ${record.seed})`;
    return CONTEXT;
  }

  private fork(record: TraceRecord): Verdict {
    const parent = this.tasks.get(record.ppid ?? 0);
    const pid = record.pid ?? 0;
    const child = newTask(this.k, pid, "scattered");
    if (parent !== undefined) {
      const mm = mm_dup(this.k, parent.mm);
      if (typeof mm === "number") throw new Error("out of memory in fork");
      child.mm = mm;
      for (const [fd, file] of parent.fds) {
        file.count++;
        child.fds.set(fd, file);
      }
    }
    this.tasks.set(pid, child);
    return CONTEXT;
  }

  /** The process that a record speaks of, while it runs. */
  running(record: TraceRecord): Task | undefined {
    return (record.pid === undefined ? this.task : this.tasks.get(record.pid)) ?? undefined;
  }

  private process(record: TraceRecord): Task {
    if (record.pid === undefined) {
      if (this.task === null) throw new Error("a call before any sequence header");
      return this.task;
    }
    let task = this.tasks.get(record.pid);
    if (task === undefined) {
      task = newTask(this.k, record.pid, "scattered");
      this.tasks.set(record.pid, task);
    }
    return task;
  }

  private call(task: Task, record: TraceRecord): Verdict {
    const { k } = this;
    const fd = record.fd ?? -1;
    const { machine = null } = this.options;
    if (machine !== null) makeRoom(task, record, machine);
    switch (record.op) {
      case "ioctl":
        return this.ioctl(task, record);
      case "open":
        return expectRet(sys.sys_open(k, task, record.path ?? ""), record);
      case "close":
        return expectRet(sys.sys_close(k, task, fd), record);
      case "dup":
        return expectRet(sys.sys_dup(k, task, fd), record);
      case "poll": {
        const revents = sys.sys_poll(k, task, fd, record.events ?? 0);
        return revents === (record.revents ?? 0) ? null : `revents ${revents}, recorded ${record.revents}`;
      }
      case "read":
        return this.read(task, record);
      case "write":
        return this.write(task, record);
      case "pread":
      case "pread64":
      case "pwrite":
      case "pwrite64":
        return this.deviceAccess(task, record);
      case "mmap":
        return this.mmap(task, record);
      case "munmap":
        return expectRet(sys.sys_munmap(k, task, BigInt(record.addr ?? 0), BigInt(record.len ?? 0)), record);
      case "memfd_create": {
        const hugetlb = (Number(record.flags) & 4) !== 0;
        return expectRet(sys.sys_memfd_create(k, task, { hugetlb, placement: "scattered" }), record);
      }
      case "ftruncate":
        return expectRet(sys.sys_ftruncate(k, task, fd, BigInt(record.len ?? 0)), record);
      default:
        return { skip: `op ${record.op} is not modelled` };
    }
  }

  /** The program's stores: bytes that were there before the call. */
  private store(task: Task, addr: bigint, bytes: Uint8Array): void {
    ensureMapped(this.k, task, addr, bytes.length);
    for (let done = 0; done < bytes.length;) {
      const va = addr + BigInt(done);
      const offset = Number(va & 0xfffn);
      const hit = mm_pages(this.k, task.mm, va, false, 1);
      if (hit === null) return;
      const n = Math.min(bytes.length - done, PAGE_SIZE - offset);
      this.k.mem.writeBytes(hit.pfn * PAGE_SIZE + offset, bytes.subarray(done, done + n));
      done += n;
    }
  }

  load(task: Task, addr: bigint, length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const va = addr + BigInt(done);
      const offset = Number(va & 0xfffn);
      const n = Math.min(length - done, PAGE_SIZE - offset);
      const hit = mm_pages(this.k, task.mm, va, false, 1);
      if (hit !== null) this.k.mem.readBytes(hit.pfn * PAGE_SIZE + offset, out.subarray(done, done + n));
      done += n;
    }
    return out;
  }

  private ioctl(task: Task, record: TraceRecord): Verdict {
    const { k } = this;
    const cmd = Number(record.cmd);
    const fd = record.fd ?? -1;
    if (record.int !== undefined || record.str !== undefined) return expectRet(this.pointed(task, record), record);
    if (record.arg !== undefined) return expectRet(sys.sys_ioctl(k, task, fd, cmd, BigInt(record.arg)), record);
    const bytes = fromHex(record.in ?? "");
    const at = structAddress(record, bytes);
    if (bytes.length > 0) this.store(task, at, bytes);
    const bufs = record.bufs ?? [];
    for (const buf of bufs) if (buf.in !== "") this.store(task, BigInt(buf.p), fromHex(buf.in));
    const ret = sys.sys_ioctl(k, task, fd, cmd, at);
    this.last = { task, before: bytes, at, ret };
    const wrong = [expectRet(ret, record)];
    if (ret >= 0 && wrong[0] === null && onlyDeviceTells(record)) return GIVEN;
    if (ret === 0 && wrong[0] === null && this.storesUnknown(record, bytes)) {
      for (const buf of bufs) this.store(task, BigInt(buf.p), fromHex(buf.out === "=" ? buf.in : buf.out));
      return this.compareStruct(task, record, at, bytes) ?? GIVEN;
    }
    if (record.out !== undefined && record.out !== "=")
      wrong.push(this.compareStruct(task, record, at, fromHex(record.out)));
    else if (bytes.length > 0) wrong.push(this.compareStruct(task, record, at, bytes));
    // Only read by the kernel; on the stack it may overlap the struct.
    const input = Number(record.cmd) === IOMMU_HWPT_INVALIDATE.cmd;
    for (const buf of bufs) {
      if (buf.in === "" || input) continue;
      const want = fromHex(buf.out === "=" ? buf.in : buf.out);
      const got = this.load(task, BigInt(buf.p), want.length);
      const difference = firstDifference(got, want);
      if (difference >= 0) wrong.push(`${buf.f}: ${around(got, want, difference)}`);
    }
    const texts = wrong.filter((text) => text !== null);
    return texts.length === 0 ? null : texts.join("; ");
  }

  /** The self-test's own stores are not recorded: only the recording knows what an access reads. */
  private storesUnknown(record: TraceRecord, bytes: Uint8Array): boolean {
    if (this.task !== null || Number(record.cmd) !== TEST_ACCESS_RW.cmd) return false;
    const { op, flags } = decode(TEST_ACCESS_RW, bytes);
    return op === TEST_ACCESS_RW.nr && (flags & ACCESS_FLAGS.WRITE) === 0;
  }

  /** An ioctl whose argument points to a number or a name. */
  private pointed(task: Task, record: TraceRecord): number {
    const bytes = new Uint8Array(record.str === undefined ? 4 : record.str.length + 1);
    if (record.str === undefined) new DataView(bytes.buffer).setInt32(0, record.int ?? 0, true);
    else for (let i = 0; i < record.str.length; i++) bytes[i] = record.str.charCodeAt(i);
    this.store(task, ARENA, bytes);
    return sys.sys_ioctl(this.k, task, record.fd ?? -1, Number(record.cmd), ARENA);
  }

  /** A VFIO region: what is read is the device's, what comes back is compared. */
  private deviceAccess(task: Task, record: TraceRecord): Verdict {
    const [fd, length, pos] = [record.fd ?? -1, record.len ?? 0, BigInt(record.off ?? 0)];
    ensureMapped(this.k, task, ARENA, length);
    if (record.op.startsWith("pread")) {
      return expectRet(sys.sys_read(this.k, task, fd, ARENA, length, pos), record) ?? GIVEN;
    }
    this.store(task, ARENA, fromHex(record.data ?? ""));
    return expectRet(sys.sys_write(this.k, task, fd, ARENA, length, pos), record) ?? GIVEN;
  }

  private compareStruct(task: Task, record: TraceRecord, at: bigint, want: Uint8Array): string | null {
    const got = this.load(task, at, want.length);
    const difference = firstDifference(got, want);
    if (difference < 0) return null;
    const def = ioctlDef(FILE_KINDS[record.fdt ?? ""] ?? "iommufd", Number(record.cmd), want);
    const fields = def === undefined ? [] : diffFields(def, got, want);
    if (fields.length === 0) return `struct: ${around(got, want, difference)}`;
    return fields.map(({ name, ours, theirs }) => `${name} ${hex(ours)}, recorded ${hex(theirs)}`).join("; ");
  }

  private read(task: Task, record: TraceRecord): Verdict {
    const length = record.len ?? 0;
    const ret = sys.sys_read(this.k, task, record.fd ?? -1, ARENA, length);
    const wrong = expectRet(ret, record);
    if (wrong !== null) return wrong;
    const want = fromHex(record.data ?? "");
    const got = this.load(task, ARENA, want.length);
    const difference = firstDifference(got, want);
    return difference < 0 ? null : `data: ${around(got, want, difference)}`;
  }

  private write(task: Task, record: TraceRecord): Verdict {
    this.store(task, ARENA, fromHex(record.data ?? ""));
    return expectRet(sys.sys_write(this.k, task, record.fd ?? -1, ARENA, record.len ?? 0), record);
  }

  private mmap(task: Task, record: TraceRecord): Verdict {
    const ret = BigInt(record.ret ?? 0);
    const failed = (record.errno ?? 0) !== 0;
    // A file whose opening was not recorded: an ordinary one, mapped privately. Its pages are memory like any other.
    const unseen = record.fd !== undefined && record.fd >= 0 && !task.fds.has(record.fd);
    if (unseen && !failed) task.fds.set(record.fd ?? -1, plainFile());
    const flags = Number(record.flags) | (unseen && !failed ? sys.MAP_ANONYMOUS : 0);
    const got = sys.sys_mmap(this.k, task, {
      addr: failed ? BigInt(record.addr ?? 0) : ret,
      len: BigInt(record.len ?? 0),
      prot: record.prot ?? 0,
      flags: failed ? flags : flags | sys.MAP_FIXED,
      fd: record.fd ?? -1,
      offset: BigInt(record.off ?? 0),
      placement: (flags & sys.MAP_HUGETLB) !== 0 ? "contiguous" : "scattered",
    });
    const want = failed ? BigInt(-(record.errno ?? 0)) : ret;
    return got === want
      ? null
      : `returned ${got < 0n ? errnoName(Number(got)) : hex(got)}, recorded ${want < 0n ? errnoName(Number(want)) : hex(want)}`;
  }

  /** The regions of a sequence have not moved. */
  private mmapsEnd(record: TraceRecord): Verdict {
    const { task } = this;
    if (task === null) return { skip: "no sequence" };
    for (const region of record.mmaps ?? []) {
      for (const [index, pfn, n] of region.pfn) {
        for (let i = 0; i < n; i++) {
          const va = BigInt(region.va) + BigInt((index + i) * PAGE_SIZE);
          const have = mm_pages(this.k, task.mm, va, false, 1)?.pfn ?? 0;
          if (have !== (pfn === 0 ? 0 : pfn + i))
            return `${region.name} page ${index + i}: frame ${hex(have)}, recorded ${hex(pfn + i)}`;
        }
      }
    }
    return null;
  }

  private probe(record: TraceRecord): Verdict {
    const { task } = this;
    if (task === null) return { skip: "no sequence" };
    const lck = task.mm.locked_vm * 4;
    const pin = task.mm.pinned_vm * 4;
    if (lck === record.vmlck_kb && pin === record.vmpin_kb) return null;
    return `VmLck ${lck} kB, VmPin ${pin} kB; recorded ${record.vmlck_kb} and ${record.vmpin_kb}`;
  }
}

/** Address of the struct: recordings do not say, so it stands in memory that nothing else uses. */
function structAddress(record: TraceRecord, bytes: Uint8Array): bigint {
  if (record.argp === "bad" || record.argp === null) return NOWHERE;
  const size = bytes.length >= 4 ? new DataView(bytes.buffer).getUint32(0, true) : 4;
  if (bytes.length >= Math.min(size, PAGE_SIZE)) return ARENA;
  return CUT_PAGE + BigInt(PAGE_SIZE - bytes.length);
}

/** Recorded results are those of the C library: -1 with errno. */
function expectRet(got: number, record: TraceRecord): string | null {
  const ret = Number(record.ret ?? 0);
  const want = ret < 0 ? -(record.errno ?? 0) : ret;
  if (got === want) return null;
  return `returned ${result(got)}, recorded ${result(want)}`;
}

const result = (x: number): string => (x < 0 ? errnoName(x) : String(x));

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < b.length; i++) if (a[i] !== b[i]) return i;
  return -1;
}

function around(got: Uint8Array, want: Uint8Array, at: number): string {
  const from = at & ~7;
  return `at byte ${at} ${toHex(got.subarray(from, from + 16))}, recorded ${toHex(want.subarray(from, from + 16))}`;
}

/** Replays a whole trace. Throws on a line that is no record, naming its number. */
export function replayX86(lines: Iterable<string>, options: ReplayOptions): ReplayReport {
  const replay = new ReplayX86(options);
  const all = [...lines];
  const exits = processExits(all, (options.machine ?? null) !== null);
  all.forEach((line, at) => {
    try {
      if (line !== "") replay.feed(line);
    } catch (error) {
      throw new Error(`record ${at + 1}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
    for (const pid of exits.get(at) ?? []) replay.exit(pid);
  });
  return replay.report;
}

/**
 * Exits are not recorded: a process ends after its last record. In the tests called fork_present a child lives on
 * until its parent begins to tear the test down, which it does by closing. Position of a line -> the processes that
 * are gone after it, children first.
 */
export function processExits(lines: readonly string[], machine: boolean): Map<number, number[]> {
  const last = new Map<number, number>();
  const waiting = new Map<number, number>();
  lines.forEach((line, at) => {
    const pid = Number((machine ? /^\{"pid":(\d+),/ : /^\{"pid":(\d+),"t":/).exec(line)?.[1] ?? 0);
    if (pid === 0) return;
    last.set(pid, at);
    const child = waiting.get(pid);
    if (child !== undefined && line.includes('"op":"close"')) {
      last.set(child, at - 1);
      waiting.delete(pid);
    }
    if (!line.includes('"op":"fork"')) return;
    const { ppid = 0, t = "" } = parseRecord(line);
    last.set(ppid, at);
    if (t.endsWith(".fork_present")) waiting.set(ppid, pid);
  });
  const exits = new Map<number, number[]>();
  for (const pid of [...last.keys()].sort((a, b) => b - a)) {
    const at = last.get(pid) ?? 0;
    exits.set(at, [...(exits.get(at) ?? []), pid]);
  }
  return exits;
}
