/** Kernel profiles as a catalogue: the files of `releases/` and `variants/`, resolved when one is asked for. */
import { type KernelProfile, releaseNumber, type ResolvedProfile } from "../kernel/profile.ts";
import { profileChain, resolveProfile } from "../kernel/resolve.ts";
import type { KernelInfo } from "../views/types.ts";

/** Kernels by id: all of them at hand (`Kernels`), or fetched when asked for. */
export interface KernelShelf {
  /** The release without a base. */
  readonly newest: string;
  has(id: string): boolean;
  /** Newest first. */
  list(): KernelInfo[] | Promise<KernelInfo[]>;
  resolve(id: string, played: boolean): ResolvedProfile | undefined | Promise<ResolvedProfile | undefined>;
}

export class Kernels implements KernelShelf {
  /** Newest first; of one day the release first, then by id. */
  readonly profiles: readonly KernelProfile[];
  private readonly played: readonly KernelProfile[];
  private readonly resolved = new Map<string, ResolvedProfile>();

  /** Throws, naming the profile, on two of one name, an unknown base or a circle of bases: a mistake in the files. */
  constructor(profiles: readonly KernelProfile[]) {
    for (const p of profiles) profileChain(p.id, profiles);
    const names = profiles.flatMap((p) => [p.id, ...(p.aliases ?? [])]);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) throw new Error(`two kernels are called "${twice}"`);
    this.profiles = profiles.toSorted((a, b) => {
      if (a.date !== b.date) return a.date < b.date ? 1 : -1;
      const release = Number(releaseOf(b.id) !== undefined) - Number(releaseOf(a.id) !== undefined);
      return release === 0 ? (a.id < b.id ? -1 : 1) : release;
    });
    this.played = this.profiles.map((p) =>
      p.played === undefined ? p : Object.freeze(Object.assign({}, p, { features: { ...p.features, ...p.played } })),
    );
  }

  get ids(): string[] {
    return this.profiles.map((p) => p.id);
  }

  has(id: string): boolean {
    return this.find(id) !== undefined;
  }

  /** By id or by one of its other names. */
  private find(id: string): KernelProfile | undefined {
    return this.profiles.find((p) => p.id === id || p.aliases?.includes(id) === true);
  }

  /**
   * A release without a profile of its own, between two that have one: the id of the older one, which is what it means.
   * Undefined for anything else. Whoever uses it says so: `resolve` does not.
   */
  older(id: string): string | undefined {
    const wanted = releaseOf(id);
    if (wanted === undefined || this.has(id)) return undefined;
    const numbers = this.profiles.flatMap((p) => {
      const n = releaseOf(p.id);
      return n === undefined ? [] : [{ id: p.id, n }];
    });
    if (!numbers.some(({ n }) => n > wanted)) return undefined;
    const below = numbers.filter(({ n }) => n < wanted).sort((a, b) => b.n - a.n);
    return below[0]?.id;
  }

  /** The release without a base. */
  get newest(): string {
    return this.profiles.find((p) => p.base === undefined)?.id ?? "";
  }

  /**
   * `played`: with what scenarios add to this kernel (`KernelProfile.played`); without, the kernel as it was released,
   * which is what recordings are compared with. Undefined for an unknown id.
   */
  resolve(id: string, played: boolean): ResolvedProfile | undefined {
    const found = this.find(id);
    if (found === undefined) return undefined;
    const key = `${played} ${found.id}`;
    let resolved = this.resolved.get(key);
    if (resolved === undefined) {
      resolved = Object.freeze(resolveProfile(found.id, played ? this.played : this.profiles));
      this.resolved.set(key, resolved);
    }
    return resolved;
  }

  list(): KernelInfo[] {
    return this.ids.flatMap((id) => this.info(id) ?? []);
  }

  info(id: string): KernelInfo | undefined {
    const p = this.find(id);
    return p === undefined
      ? undefined
      : {
          id: p.id,
          title: p.title,
          subtitle: p.subtitle ?? "",
          date: p.date,
          ...(p.ref === undefined ? {} : { ref: p.ref }),
          changes: p.changes,
          expects: [...(p.expects ?? [])],
          objections: (p.objections ?? []).map((o) => ({ ...o })),
          unknown: [...(p.unknown ?? [])],
          ...(p.scenario === undefined ? {} : { scenario: p.scenario }),
        };
  }
}

/** `linux-6.12` -> 612; undefined for what is no release. */
function releaseOf(id: string): number | undefined {
  const match = /^linux-(\d+\.\d+)$/.exec(id);
  return match?.[1] === undefined ? undefined : releaseNumber(match[1]);
}
