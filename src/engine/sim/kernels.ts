/** Kernel profiles: the files of `releases/` and `variants/`, each with its chain of bases folded into one record. */
import { baseOps, type KernelOps } from "../kernel/ops.ts";
import type { Features, KernelProfile, ResolvedProfile } from "../kernel/profile.ts";
import type { KernelInfo } from "../views/types.ts";

export class Kernels {
  private readonly byId = new Map<string, KernelProfile>();
  private readonly resolved = new Map<string, ResolvedProfile>();
  /** Newest first; a release comes before a variant of the same day. */
  readonly ids: readonly string[];

  /** Throws, naming the profile, on two of one id, an unknown base or a circle of bases: a mistake in the files. */
  constructor(profiles: readonly KernelProfile[]) {
    for (const p of profiles) {
      if (this.byId.has(p.id)) throw new Error(`two kernels are called ${p.id}`);
      this.byId.set(p.id, p);
    }
    for (const p of profiles) this.chain(p);
    this.ids = profiles
      .toSorted((a, b) => (a.date === b.date ? (a.id < b.id ? -1 : 1) : a.date < b.date ? 1 : -1))
      .map((p) => p.id);
  }

  has(id: string): boolean {
    return this.byId.has(id);
  }

  /** The release without a base. */
  get newest(): string {
    return this.ids.find((id) => this.byId.get(id)?.base === undefined) ?? this.ids[0] ?? "";
  }

  /**
   * `played`: with what scenarios add to this kernel (`KernelProfile.played`); without, the kernel as it was released,
   * which is what recordings are compared with. Undefined for an unknown id.
   */
  resolve(id: string, played: boolean): ResolvedProfile | undefined {
    const profile = this.byId.get(id);
    if (profile === undefined) return undefined;
    const key = `${played} ${id}`;
    let resolved = this.resolved.get(key);
    if (resolved === undefined) {
      resolved = this.fold(profile, played);
      this.resolved.set(key, resolved);
    }
    return resolved;
  }

  info(id: string): KernelInfo | undefined {
    const p = this.byId.get(id);
    return p === undefined
      ? undefined
      : {
          id,
          title: p.title,
          subtitle: p.subtitle ?? "",
          date: p.date,
          ...(p.ref === undefined ? {} : { ref: p.ref }),
          changes: p.changes,
          expects: [...(p.expects ?? [])],
          objections: (p.objections ?? []).map((o) => ({ ...o })),
          unknown: [...(p.unknown ?? [])],
        };
  }

  private chain(profile: KernelProfile): KernelProfile[] {
    const chain = [profile];
    for (let p = profile; p.base !== undefined; ) {
      const base = this.byId.get(p.base);
      if (base === undefined) throw new Error(`kernel ${p.id}: its base ${p.base} is unknown`);
      if (chain.includes(base)) throw new Error(`kernel ${profile.id}: its bases go in a circle`);
      chain.unshift(base);
      p = base;
    }
    return chain;
  }

  private fold(profile: KernelProfile, played: boolean): ResolvedProfile {
    let ops: KernelOps = baseOps;
    let features: Partial<Features> = {};
    for (const p of this.chain(profile)) {
      ops = { ...ops, ...p.overrides?.(ops) };
      features = { ...features, ...p.features, ...(played ? p.played : {}) };
    }
    return Object.freeze({ profile, features: Object.freeze(features as Features), ops: Object.freeze(ops) });
  }
}
