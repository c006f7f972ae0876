/** The program and the machine of an Arm trace: files at their recorded numbers, memory, devices by name. */
import { Machine, type MachineDesc } from "../../hw/machine.ts";
import { boot } from "../kernel/boot.ts";
import { EventfdCtx, eventfd_fops } from "../kernel/eventfd.ts";
import { File } from "../kernel/file.ts";
import { param_bool } from "../kernel/cmdline.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { PAGE_SIZE } from "../kernel/mm/const.ts";
import { Mm } from "../kernel/mm/mm.ts";
import { as_memfd } from "../kernel/mm/shmem.ts";
import { type Platform, the_platform } from "../kernel/platform.ts";
import type { ResolvedProfile } from "../kernel/profile.ts";
import * as sys from "../kernel/syscall.ts";
import { ALL_CAPS, Task } from "../kernel/task.ts";
import { copy_from_mm, copy_to_mm } from "../kernel/mm/uaccess.ts";
import type { FileKind } from "../uapi/layout.ts";
import type { MemoryPlan } from "./arm_memory.ts";
import type { ArmRecord } from "./arm_records.ts";

/** Where the replayed program keeps the structs it passes: nothing recorded lies here. */
const ARENA = 0x7000_0000_0000n;
const ARENA_BYTES = 0x10000;
/** Files that records open by name get numbers from here on, clear of the recorded ones. */
const FIRST_FD = 1000;
/** Size of a memory file of which only the number is known. */
const UNKNOWN_FILE_BYTES = 0x40_0000n;
/** Paths of files. */
const IOMMUFD = "/dev/iommu";
const DMABUF = "dma_buf";
/** Bytes of the test device's internal buffer. */
const DEVICE_BUFFER = 4096;

/** What the recording says about the machine's boot: steps before the scenario, parameters, what then worked. */
export interface TraceSettings {
  canwbs: boolean;
  allow_unsafe_interrupts: boolean;
  passthrough: boolean;
  vfio: boolean;
  vfio_pci_dmabuf: boolean;
  vfio_container: "type1";
  cmdline: string;
}

/**
 * From the kernel command line in the header, `lab_todo=bind,canwbs,s:d:e`: devices are given to vfio-pci by `bind`, the
 * CANWBS flag is set by `canwbs`. A VMM's trace has no header: both are taken as done.
 */
export function settingsOf(records: readonly ArmRecord[], { firmware }: MachineDesc): TraceSettings {
  const header = records.find((r) => r.t === "header");
  const cmdline = header?.cmdline ?? firmware?.cmdline ?? "";
  const todo = (/\blab_todo=(\S*)/.exec(header?.cmdline ?? "")?.[1] ?? "").split(",");
  const told = todo.length > 1;
  const scenario = stepOf(todo, header?.scenario ?? "");
  const before = scenario < 0 ? todo : todo.slice(0, scenario);
  return {
    canwbs: !told || before.includes("canwbs") || firmware?.canwbs === true,
    allow_unsafe_interrupts: param_bool(cmdline, "iommufd.allow_unsafe_interrupts", false),
    passthrough: param_bool(cmdline, "iommu.passthrough", false),
    cmdline,
    vfio: !told || before.includes("bind"),
    vfio_container: "type1",
    vfio_pci_dmabuf: records.some((r) => r.cmd === "VFIO_DEVICE_FEATURE" && (r.ret ?? -1) >= 0),
  };
}

/** Index of the step `s:d:e` that runs a scenario; a list may have its name without what follows a `-`. -1 = none. */
function stepOf(todo: readonly string[], scenario: string): number {
  const runs = (fits: (name: string) => boolean) =>
    todo.findIndex((step) => step.startsWith("s:") && step.split(":").slice(1).some(fits));
  const exact = runs((name) => name === scenario);
  return exact >= 0 ? exact : runs((name) => scenario.startsWith(`${name}-`));
}

export class ArmWorld {
  readonly k: Kernel;
  readonly platform: Platform;
  readonly task: Task;
  /** Name in the recording -> our descriptor. */
  readonly fds = new Map<string, number>();
  /** Name in the recording -> bdf. */
  readonly bdfs = new Map<string, string>();
  /** Data that the test device read last. */
  readonly buffers = new Map<string, Uint8Array>();
  /** Page frames of the program's memory, as far as they are known. */
  private readonly frames: readonly { pfn: number; n: number }[];
  private next = FIRST_FD;

  constructor(desc: MachineDesc, profile: ResolvedProfile, settings: TraceSettings, plan: MemoryPlan) {
    const machine = new Machine(desc);
    this.k = boot(machine, profile, { ...settings, frames: freeFrames(desc, plan) });
    this.platform = the_platform(this.k);
    this.task = new Task(1, new Mm(), this.k.mm.user(0), ALL_CAPS, { memlock: null, nofile: 4096 });
    sys.sys_mmap(this.k, this.task, {
      addr: ARENA,
      len: BigInt(ARENA_BYTES),
      prot: 3,
      flags: sys.MAP_PRIVATE | sys.MAP_ANONYMOUS | sys.MAP_FIXED,
      fd: -1,
      offset: 0n,
    });
    plan.map(this.k, this.task);
    this.frames = plan.claimed();
  }

  get machine(): Machine {
    return this.platform.machine;
  }

  /** Opens a node and keeps it under `name` at a number of ours. Our descriptor, or errno. */
  open(name: string, path: string): number {
    const fd = sys.sys_open(this.k, this.task, path);
    return fd < 0 ? fd : this.keep(name, fd, this.next++);
  }

  /** Moves a descriptor to another number. */
  move(from: number, to: number): void {
    const file = this.task.fds.get(from);
    if (file === undefined || from === to) return;
    this.task.fds.delete(from);
    this.task.fds.set(to, file);
  }

  keep(name: string, from: number, to: number): number {
    this.move(from, to);
    this.fds.set(name, to);
    return to;
  }

  close(name: string): number {
    const fd = this.fds.get(name);
    this.fds.delete(name);
    return fd === undefined ? -1 : sys.sys_close(this.k, this.task, fd);
  }

  /**
   * The iommufd under a number that a struct names: the one that stands there, else the first opened by a record whose
   * number is not known yet, else one that the program opened without a record.
   */
  iommufdAt(number: number): void {
    if (number < 0 || this.stands(number, (file) => file.path === IOMMUFD)) return;
    const known = new Set(this.aliases.values());
    for (const [name, current] of this.fds) {
      if (kindOfFd(name) !== "iommufd" || known.has(name)) continue;
      this.move(current, number);
      this.fds.set(name, number);
      this.aliases.set(number, name);
      return;
    }
    const fd = sys.sys_open(this.k, this.task, IOMMUFD);
    if (fd >= 0) this.move(fd, number);
  }

  /** Whether such a file is open there. Another one that no record opened was closed by the program meanwhile. */
  private stands(number: number, kind: (file: File) => boolean): boolean {
    const file = this.task.fds.get(number);
    if (file === undefined) return false;
    if (kind(file) || [...this.fds.values()].includes(number)) return true;
    this.closed(number);
    return false;
  }

  /** The program has closed what stands at a number, unless a record opened it. */
  closed(number: number): void {
    if (!this.task.fds.has(number) || [...this.fds.values()].includes(number)) return;
    sys.sys_close(this.k, this.task, number);
  }

  /** Number -> name of the iommufd that stands there. */
  readonly aliases = new Map<number, string>();

  /** An eventfd of the program, made when its number is first seen. */
  eventfdAt(number: number): void {
    if (number < 0 || this.stands(number, (file) => file.ops === eventfd_fops)) return;
    this.task.fds.set(number, new File(eventfd_fops, "anon_inode:[eventfd]", new EventfdCtx(0n)));
  }

  /** A memory file of the program that no record opened. */
  memfdAt(number: number): void {
    if (number < 0 || this.stands(number, (file) => as_memfd(file) !== null || file.path === DMABUF)) return;
    const fd = sys.sys_memfd_create(this.k, this.task);
    if (fd < 0) return;
    sys.sys_ftruncate(this.k, this.task, fd, UNKNOWN_FILE_BYTES);
    this.move(fd, number);
  }

  /** Traces of a VMM have no open records: its files are opened when they are first used. */
  ensureOpen(name: string, number: number | undefined): void {
    if (this.fds.has(name) || number === undefined) return;
    if (this.task.fds.has(number)) {
      this.fds.set(name, number);
      return;
    }
    const path = name === "iommu" ? IOMMUFD : `/dev/${name}`;
    const fd = sys.sys_open(this.k, this.task, path);
    if (fd >= 0) this.keep(name, fd, number);
  }

  /** Puts bytes where the program would have them; false where it has no memory. */
  store(at: bigint, bytes: Uint8Array): boolean {
    return copy_to_mm(this.k, this.task.mm, at, bytes) === bytes.length;
  }

  load(at: bigint, n: number): Uint8Array {
    const bytes = new Uint8Array(n);
    copy_from_mm(this.k, this.task.mm, at, bytes);
    return bytes;
  }

  get arena(): bigint {
    return ARENA;
  }

  buffer(bdf: string): Uint8Array {
    let found = this.buffers.get(bdf);
    if (found === undefined) {
      found = new Uint8Array(DEVICE_BUFFER);
      this.buffers.set(bdf, found);
    }
    return found;
  }

  /** Whether an address is known to lie in the program's memory: there our addresses are the recorded ones. */
  ofProgram(pa: number): boolean {
    const pfn = Math.floor(pa / PAGE_SIZE);
    return this.frames.some((run) => pfn >= run.pfn && pfn < run.pfn + run.n);
  }

  /** Whether a page of the kernel's own memory is in use; pages of the program always are. */
  pageInUse(pfn: number): boolean {
    return !this.k.mm.frames.free.some((range) => pfn >= range.pfn && pfn < range.pfn + range.n);
  }
}

/** RAM that the recorded program does not have: what our kernel may use. From the upper half, clear of small numbers. */
function freeFrames(desc: MachineDesc, plan: MemoryPlan): { pfn: number; n: number }[] {
  const out: { pfn: number; n: number }[] = [];
  const claimed = plan.claimed().sort((a, b) => a.pfn - b.pfn);
  for (const { start, last } of desc.ram) {
    const middle = Math.ceil((start + (last + 1 - start) / 2) / PAGE_SIZE);
    let at = middle;
    const end = Math.floor((last + 1) / PAGE_SIZE);
    for (const { pfn, n } of claimed) {
      if (pfn + n <= at || pfn >= end) continue;
      if (pfn > at) out.push({ pfn: at, n: pfn - at });
      at = Math.max(at, pfn + n);
    }
    if (at < end) out.push({ pfn: at, n: end - at });
  }
  return out;
}

/** Kind of file behind the name that a record gives. */
export function kindOfFd(name: string): FileKind {
  if (name.startsWith("iommu")) return "iommufd";
  if (name === "vfio/vfio") return "vfio-container";
  return /^vfio\/\d+$/.test(name) ? "vfio-group" : "vfio-device";
}
