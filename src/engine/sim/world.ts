/**
 * Everything that a step can change: the machine, the kernel on it, the VMM process, the guest's tables. A world is
 * plain state (docs/architecture.md): it can be copied at any moment between two steps.
 */
import { Machine, type MachineDesc } from "../../hw/machine.ts";
import { File } from "../kernel/file.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { ResolvedProfile } from "../kernel/profile.ts";
import { PROT_READ, PROT_WRITE } from "../kernel/mm/const.ts";
import { Mm } from "../kernel/mm/mm.ts";
import { MAP_ANONYMOUS, MAP_HUGETLB, MAP_PRIVATE, sys_mmap, sys_open } from "../kernel/syscall.ts";
import { ALL_CAPS, Task } from "../kernel/task.ts";
import { Actors } from "./actors.ts";
import type { GuestTable } from "./guest.ts";
import { bootOn } from "./late_boot.ts";
import type { Scenario } from "./scenario/types.ts";
import { apiPath } from "./api_node.ts";

export interface WorldDevice {
  name: string;
  bdf: string;
  /** /dev/vfio/devices/vfioN, open from the start; -1 after CLOSE, before it is plugged in, and where there is no such node. */
  fd: number;
  /** iommufd's id, 0 while not bound. */
  id: number;
  /** One for each enabled vector. */
  eventfds: number[];
}

export interface WorldMemory {
  name: string;
  va: bigint;
  length: bigint;
  ipa: bigint | null;
}

/** What a label names. */
export interface WorldName {
  /** `ioas`, `hwpt`, `fd` ... */
  what: string;
  /** Object id or file descriptor; 0 when the call that should have made it failed. */
  id: number;
  /** The descriptor that came with the object: queues have both. */
  fd?: number;
}

export class World {
  readonly machine: Machine;
  readonly kernel: Kernel;
  readonly vmm: Task;
  /** The iommufd that steps use unless they name another. */
  readonly iommufd: number;
  /** A page of the process in which it builds its structs; further pages hold what they point to. */
  readonly scratch: bigint;
  readonly devices = new Map<string, WorldDevice>();
  readonly memory = new Map<string, WorldMemory>();
  readonly names = new Map<string, WorldName>();
  readonly guestTables = new Map<string, GuestTable>();
  /** What the program notes while it plays `SPACE_...`: `bind 0000:00:03.0`, `fault queue 2`. */
  readonly noted = new Map<string, bigint>();
  readonly actors = new Actors();

  constructor(machine: Machine, kernel: Kernel, vmm: Task, iommufd: number, scratch: bigint) {
    this.machine = machine;
    this.kernel = kernel;
    this.vmm = vmm;
    this.iommufd = iommufd;
    this.scratch = scratch;
  }
}

const VMM_PID = 1;
const SCRATCH_BYTES = 0x10000n;

/**
 * A booted machine with an idle VMM: /dev/iommu and the scenario's devices open, its memory mapped.
 * A sentence where the scenario asks for what the machine does not have.
 */
export function makeWorld(scenario: Scenario, profile: ResolvedProfile, desc: MachineDesc): World | string {
  const machine = new Machine(desc);
  const kernel = bootOn(machine, profile);
  const vmm = new Task(VMM_PID, new Mm(), kernel.mm.user(0), ALL_CAPS, { memlock: null, nofile: 1024 });
  for (let fd = 0; fd < 3; fd++) vmm.fds.set(fd, new File(TTY, "/dev/console", null));
  const iommufd = sys_open(kernel, vmm, apiPath(kernel));
  const scratch = sys_mmap(kernel, vmm, { ...ANON, len: SCRATCH_BYTES, name: "stack" });
  const world = new World(machine, kernel, vmm, iommufd, scratch);
  for (const m of scenario.memory) {
    const va = sys_mmap(kernel, vmm, {
      ...ANON,
      len: m.length,
      flags: ANON.flags | (m.pages === "huge" ? MAP_HUGETLB : 0),
      placement: m.pages === "scattered" ? "scattered" : "contiguous",
      name: m.name,
    });
    if (va < 0n) return `memory ${m.name}: the machine has not so much`;
    world.memory.set(m.name, { name: m.name, va, length: m.length, ipa: m.ipa ?? null });
  }
  for (const d of scenario.devices) {
    const node = devnodeOf(kernel, d.bdf);
    const spare = desc.spares?.some((one) => one.bdf === d.bdf) ?? false;
    if (node === undefined && !spare)
      return `device ${d.name}: machine ${desc.id} has no ${d.bdf} that VFIO could take`;
    const fd = node === undefined ? -1 : Math.max(-1, sys_open(kernel, vmm, node));
    world.devices.set(d.name, { name: d.name, bdf: d.bdf, fd, id: 0, eventfds: [] });
  }
  return world;
}

const ANON = Object.freeze({
  addr: 0n,
  prot: PROT_READ | PROT_WRITE,
  flags: MAP_PRIVATE | MAP_ANONYMOUS,
  fd: -1,
  offset: 0n,
  placement: "contiguous" as const,
});

/** Standard input, output and error: nothing is ever read or written there. */
const TTY = Object.freeze({ name: "tty" });

/** /dev/vfio/devices/vfioN of a function under vfio-pci. */
function devnodeOf(kernel: Kernel, bdf: string): string | undefined {
  return kernel.platform?.vfio.get(bdf)?.node;
}
