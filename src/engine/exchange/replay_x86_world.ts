/** The world that an x86 trace starts from, and the processes in it. */
import { PhysMem } from "../../hw/memory.ts";
import { boot_x86 } from "../kernel/boot_x86.ts";
import { File, type FileOps } from "../kernel/file.ts";
import { SELFTEST } from "../kernel/drivers/mock/selftest.ts";
import { iommufd_init } from "../kernel/iommufd/main.ts";
import { Kernel } from "../kernel/kernel.ts";
import { PAGE_SIZE } from "../kernel/mm/const.ts";
import { Mm, type Vma, vma_insert, vma_remove } from "../kernel/mm/mm.ts";
import { as_memfd } from "../kernel/mm/shmem.ts";
import { PageStore, type Placement, type StoreKind } from "../kernel/mm/store.ts";
import type { ResolvedProfile } from "../kernel/profile.ts";
import { sys_memfd_create } from "../kernel/syscall.ts";
import { ALL_CAPS, type Capability, Task } from "../kernel/task.ts";
import type { X86MachineDesc } from "../kernel/x86_desc.ts";
import type { TraceMmap, TraceRecord } from "./x86_records.ts";

/** Where random sequences keep structs and buffers; used for structs of all traces. */
export const ARENA = 0x2_6000_0000n;
const ARENA_BYTES = 0x5_0000n;
/** One page whose end is used for structs of which only the first bytes are readable. */
export const CUT_PAGE = 0x3_f000_0000n;
/** Never mapped. */
export const NOWHERE = 0x10n;

/** Frames for memory whose frames the recording does not give: above all that it gives. */
const OWN_FRAMES = Object.freeze([{ pfn: 0x1000_0000, n: 0x1000_0000 }]);

const plain_fops: FileOps = Object.freeze({ name: "file" } satisfies FileOps);

/** An open file that nothing here looks into. */
export function plainFile(): File {
  return new File(plain_fops, "", null);
}

/** A kernel with the mock driver; on a machine, with its devices too. */
export function traceKernelWorld(profile: ResolvedProfile, machine: X86MachineDesc | null = null): Kernel {
  if (machine !== null) return boot_x86(machine, profile, { frames: OWN_FRAMES, selftest: SELFTEST });
  const k = new Kernel(profile, new PhysMem(), { frames: OWN_FRAMES, selftest: SELFTEST });
  iommufd_init(k);
  return k;
}

export function newTask(k: Kernel, pid: number, placement: Placement): Task {
  const task = new Task(pid, new Mm(), k.mm.user(0), ALL_CAPS, { memlock: 64n << 20n, nofile: 1024 });
  for (const fd of [0, 1, 2]) task.fds.set(fd, plainFile());
  addArena(k, task, placement);
  return task;
}

function addArena(k: Kernel, task: Task, placement: Placement): void {
  addVma(k, task, { start: ARENA, bytes: ARENA_BYTES, prot: 3, name: "arena" }, new PageStore("anon", placement));
  addVma(
    k,
    task,
    { start: CUT_PAGE, bytes: BigInt(PAGE_SIZE), prot: 3, name: "arena" },
    new PageStore("anon", placement),
  );
}

/** Maps private memory wherever nothing is mapped in [addr, addr + len): stack and heap have no record. */
export function ensureMapped(k: Kernel, task: Task, addr: bigint, len: number): void {
  const last = (addr + BigInt(len) - 1n) | 0xfffn;
  for (let page = addr & ~0xfffn; page <= last; page += BigInt(PAGE_SIZE)) {
    if (task.mm.vmas.at(page) !== undefined) continue;
    addVma(
      k,
      task,
      { start: page, bytes: BigInt(PAGE_SIZE), prot: 3, name: "stack or heap" },
      new PageStore("anon", "scattered"),
    );
  }
}

interface VmaPlace {
  start: bigint;
  bytes: bigint;
  prot: number;
  name: string;
  shared?: boolean;
  file?: File | null;
}

function addVma(k: Kernel, task: Task, place: VmaPlace, store: PageStore): void {
  const vma: Vma = {
    start: place.start,
    last: place.start + place.bytes - 1n,
    prot: place.prot,
    shared: place.shared ?? false,
    store,
    pgoff: 0,
    file: place.file ?? null,
    vm_ops: null,
    vm_private: null,
    name: place.name,
  };
  vma_insert(k, task.mm, vma);
}

function regionKind(name: string): StoreKind {
  if (name === "huge") return "hugetlb";
  return name === "shared" || name === "memfd" ? "shmem" : "anon";
}

/** One region of a sequence header: its frames are the recorded ones, each page begins with a number of its own. */
function addRegion(k: Kernel, task: Task, region: TraceMmap, order: number): void {
  const start = BigInt(region.va);
  let store: PageStore;
  let file: File | null = null;
  if (region.fd >= 0) {
    file = task.fds.get(region.fd) ?? null;
    const mem = file === null ? null : as_memfd(file);
    if (mem === null) throw new Error(`region ${region.name} maps descriptor ${region.fd}, which is no memory file`);
    mem.size = BigInt(region.len);
    store = mem.store;
    store.users++;
  } else store = new PageStore(regionKind(region.name), "scattered");
  const shared = region.name === "shared" || file !== null;
  addVma(k, task, { start, bytes: BigInt(region.len), prot: region.prot, name: region.name, shared, file }, store);
  for (const [index, pfn, n] of region.pfn) {
    if (pfn === 0) {
      const from = start + BigInt(index * PAGE_SIZE);
      vma_remove(k, task.mm, from, from + BigInt(n * PAGE_SIZE) - 1n);
      continue;
    }
    store.frames.set(index, pfn, n);
    for (let i = 0; i < n; i++) {
      k.mem.write32((pfn + i) * PAGE_SIZE, (Math.imul(index + i, 2654435761) + order) >>> 0);
    }
  }
}

/** The process of a random sequence, from the header record. */
export function sequenceTask(k: Kernel, header: TraceRecord): Task {
  const task = newTask(k, header.pid ?? 1, (header.seed ?? 0) % 2 === 0 ? "scattered" : "contiguous");
  const dropped = new Map<string, Capability>([
    ["no_ipc_lock", "CAP_IPC_LOCK"],
    ["no_sys_resource", "CAP_SYS_RESOURCE"],
  ]);
  for (const word of (header.caps ?? "all").split(",")) {
    const cap = dropped.get(word);
    if (cap !== undefined) task.caps.delete(cap);
  }
  task.rlimits.memlock = BigInt(header.rlimit_memlock ?? 0);
  task.user.locked_vm = header.user_locked_pages ?? 0;
  const memfd = header.mmaps?.find((region) => region.fd >= 0);
  if (memfd !== undefined) {
    const fd = sys_memfd_create(k, task);
    if (fd !== memfd.fd) throw new Error(`the memory file is descriptor ${memfd.fd}, the lowest free one is ${fd}`);
  }
  task.fds.set(900, plainFile());
  header.mmaps?.forEach((region, order) => addRegion(k, task, region, order));
  return task;
}
