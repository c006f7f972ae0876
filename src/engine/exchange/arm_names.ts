/**
 * Numbers that a recording does not determine, matched with ours: physical pages, ASIDs, VMIDs, event ids. Each kind is
 * a one-to-one relation that grows as the trace goes; a pair ends when our side is given back.
 */
export class Relation {
  readonly ours = new Map<number, number>();
  readonly theirs = new Map<number, number>();

  /** True when the two stand for the same thing: known to, or free to from now on. */
  same(our: number, their: number): boolean {
    const known = this.ours.get(our);
    if (known !== undefined) return known === their;
    if (this.theirs.has(their)) return false;
    this.ours.set(our, their);
    this.theirs.set(their, our);
    return true;
  }

  /** Our number for theirs, if they were matched. */
  our(their: number): number | undefined {
    return this.theirs.get(their);
  }

  /** Ends the pairs whose our side is not alive any more. */
  prune(alive: (our: number) => boolean): void {
    for (const [our, their] of this.ours) {
      if (alive(our)) continue;
      this.ours.delete(our);
      this.theirs.delete(their);
    }
  }
}

const PAGE = 4096;

/** The relations of one replay. Addresses are compared page by page, with equal offsets inside. */
export class Names {
  readonly pages = new Relation();
  readonly asids = new Relation();
  /** By SMMU name. */
  readonly vmids = new Map<string, Relation>();
  /** Message data, by device. */
  readonly events = new Map<string, Relation>();

  address(our: number, their: number): boolean {
    return our % PAGE === their % PAGE && this.pages.same(Math.floor(our / PAGE), Math.floor(their / PAGE));
  }

  /** Our address for theirs; the same number where the page was never matched. */
  ourAddress(their: number): number {
    const page = this.pages.our(Math.floor(their / PAGE));
    return page === undefined ? their : page * PAGE + (their % PAGE);
  }

  vmid(smmu: string, our: number, their: number): boolean {
    return relation(this.vmids, smmu).same(our, their);
  }

  event(dev: string, our: number, their: number): boolean {
    return relation(this.events, dev).same(our, their);
  }
}

function relation(map: Map<string, Relation>, key: string): Relation {
  let found = map.get(key);
  if (found === undefined) {
    found = new Relation();
    map.set(key, found);
  }
  return found;
}
