/** One running kernel on one machine: the state of every subsystem, and the three services they all use. */
import type { KernelOps } from "./ops.ts";
import type { Features, ResolvedProfile } from "./profile.ts";
import type { CheckDetail, Tracer } from "./trace.ts";

export class Kernel {
  readonly profile: ResolvedProfile;
  readonly features: Features;
  /** The functions of this release; a tracing copy while a step is traced. */
  ops: KernelOps;
  tracer: Tracer | null = null;
  /** Countdown of failure injection: the call that reaches 0 fails. Infinity = off. */
  failAt = Number.POSITIVE_INFINITY;

  constructor(profile: ResolvedProfile) {
    this.profile = profile;
    this.features = profile.features;
    this.ops = profile.ops;
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
