/** One running kernel on one machine: the state of every subsystem, and the three services they all use. */
import { PhysMem } from "../../hw/memory.ts";
import type { DevNode } from "./file.ts";
import { IommuState } from "./iommu/state.ts";
import type { Selftest } from "./iommufd/selftest.ts";
import { IommufdState } from "./iommufd/state.ts";
import { Mm } from "./mm/mm.ts";
import { MmState } from "./mm/state.ts";
import type { KernelOps } from "./ops.ts";
import type { Platform } from "./platform.ts";
import type { Features, ResolvedProfile } from "./profile.ts";
import { ALL_CAPS, Task } from "./task.ts";
import type { CheckDetail, Tracer } from "./trace.ts";

/** What the kernel was built and booted with. */
export interface KernelConfig {
  /** Page frames that the kernel may hand out. */
  frames: readonly { pfn: number; n: number }[];
  /** CONFIG_TRANSPARENT_HUGEPAGE: automatic IOVAs are aligned up to 2 MiB instead of 4 KiB. */
  transparent_hugepage: boolean;
  /** CONFIG_IOMMUFD_TEST: IOMMU_TEST_CMD and the mock driver (`drivers/mock/selftest.ts`); null without. */
  selftest: Selftest | null;
  /** vfio / iommufd module parameter `allow_unsafe_interrupts`. */
  allow_unsafe_interrupts: boolean;
}

export const DEFAULT_CONFIG: KernelConfig = Object.freeze({
  frames: Object.freeze([{ pfn: 0x40000, n: 0x400000 }]),
  transparent_hugepage: true,
  selftest: null,
  allow_unsafe_interrupts: false,
});

export class Kernel {
  readonly profile: ResolvedProfile;
  readonly features: Features;
  readonly config: KernelConfig;
  /** The functions of this release; a tracing copy while a step is traced. */
  ops: KernelOps;
  tracer: Tracer | null = null;
  /** Countdown of failure injection: the call that reaches 0 fails. Infinity = off. */
  failAt = Number.POSITIVE_INFINITY;

  /** The machine's memory. */
  readonly mem: PhysMem;
  readonly mm: MmState;
  readonly iommu = new IommuState();
  readonly iommufd = new IommufdState();
  /** Devices and drivers of the machine it was booted on; null on a kernel with mock devices only. */
  platform: Platform | null = null;
  /** Path -> device node. Subsystems add theirs when they are set up. */
  readonly devnodes = new Map<string, DevNode>();
  /** The process whose call is running. */
  current: Task;
  /** The kernel's own context: pid 0, nothing mapped. */
  readonly swapper: Task;

  constructor(profile: ResolvedProfile, mem: PhysMem = new PhysMem(), config: Partial<KernelConfig> = {}) {
    this.profile = profile;
    this.features = profile.features;
    this.ops = profile.ops;
    this.config = Object.freeze({ ...DEFAULT_CONFIG, ...config });
    this.mem = mem;
    this.mm = new MmState(this.config.frames);
    this.swapper = new Task(0, new Mm(), this.mm.user(0), ALL_CAPS, { memlock: null, nofile: 1024 });
    this.current = this.swapper;
  }

  /** Records a check and gives its outcome back: `if (!k.check(free, "range is free", () => ...)) return -EEXIST`. */
  check(ok: boolean, what: string, detail?: () => CheckDetail): boolean {
    if (this.tracer !== null) this.tracer.add({ t: "check", ok, what, ...(detail && { detail: detail() }) });
    return ok;
  }

  /** Something the kernel decided or did not do, in words. */
  note(what: string): void {
    if (this.tracer !== null) this.tracer.add({ t: "note", what });
  }

  /** True when this allocation or lookup is the one chosen to fail. */
  fails(): boolean {
    return --this.failAt === 0;
  }
}
