/**
 * Physical memory as a part of a state's key. What was allocated since the start stands at addresses that depend on
 * the order of allocation, and ASIDs and VMIDs depend on it too; neither has a meaning of its own. Frames allocated later
 * are therefore named in the order in which pointers to them are met, and their content follows, so that two memories
 * have the same text exactly when they are the same up to such names.
 */
import type { PhysMem } from "../../hw/memory.ts";
import { sameWords } from "./checkpoint.ts";
import type { ArmSmmuDevice } from "../kernel/drivers/arm_smmu_v3/device.ts";
import type { World } from "../sim/world.ts";

const FRAME = 4096;
const STE_WORDS = 16;
/** Word of an STE that holds the VMID in its lower half. */
const STE_VMID = 4;
/** Word of a CD that holds the ASID in its upper half. */
const CD_ASID = 1;

/** Which numbers stand for which domain: tag -> name. */
export interface TagNames {
  asids: ReadonlyMap<number, number>;
  vmids: ReadonlyMap<number, number>;
}

type Entries = readonly number[];

export class CanonicalMemory {
  private readonly mem: PhysMem;
  private readonly start: ReadonlyMap<number, Uint32Array>;
  /** Frames of the start that hold no state: queues that are always empty between steps, the program's own buffers. */
  private readonly ignored = new Set<number>();
  /** Frames of the start that hold STEs or CDs. */
  private readonly stes = new Set<number>();
  private readonly cds = new Set<number>();
  /** First frame that the start had free, ascending pairs (first, last). */
  private readonly free: readonly [number, number][];
  private readonly entries = new WeakMap<Uint32Array, Entries>();
  private names = new Map<number, number>();
  private open: number[] = [];
  private now: ReadonlyMap<number, Uint32Array> = new Map();

  constructor(world: World, start: ReadonlyMap<number, Uint32Array>) {
    this.mem = world.machine.mem;
    this.start = start;
    const { kernel } = world;
    this.free = kernel.mm.frames.free.map(({ pfn, n }) => [pfn, pfn + n - 1] as [number, number]);
    for (const smmu of kernel.platform?.smmus ?? []) this.enterSmmu(smmu);
    const its = kernel.platform?.irq.its ?? null;
    if (its !== null) this.ignore(its.cmd_base, 0x10000);
    const stack = world.vmm.mm.vmas.at(world.scratch);
    for (const run of stack?.store.frames.runs ?? []) this.ignore(run.pfn * FRAME, run.n * FRAME);
  }

  private enterSmmu(smmu: ArmSmmuDevice): void {
    for (const q of [smmu.cmdq, smmu.evtq, smmu.priq])
      if (q !== null) this.ignore(q.base, 2 ** (q.log2size + q.log2ent));
    const { strtab } = smmu;
    const tables = strtab.two_level
      ? [...strtab.l2.values()].map((pa) => [pa, 0x4000] as const)
      : [[strtab.base, 64 * 2 ** strtab.log2sids] as const];
    for (const [pa, bytes] of tables) addFrames(this.stes, pa, bytes);
    for (const { cd_table } of smmu.streams.values()) {
      if (cd_table.base < 0) continue;
      if (cd_table.two_level) for (const pa of cd_table.l2.values()) addFrames(this.cds, pa, 0x10000);
      else addFrames(this.cds, cd_table.base, 64 * 2 ** cd_table.s1cdmax);
    }
  }

  private ignore(pa: number, bytes: number): void {
    addFrames(this.ignored, pa, bytes);
  }

  /** Before anything of a state is asked. */
  begin(): void {
    this.names = new Map();
    this.open = [];
    this.now = this.mem.selfSave();
  }

  /** No frame that holds state differs from what `selfSave` gave. */
  equals(saved: ReadonlyMap<number, Uint32Array>): boolean {
    const { pages } = this.mem;
    let other = 0;
    for (const [pfn, page] of pages) {
      if (this.ignored.has(pfn)) continue;
      other++;
      const old = saved.get(pfn);
      if (old !== page && (old === undefined || !sameWords(old, page))) return false;
    }
    for (const pfn of saved.keys()) if (!this.ignored.has(pfn)) other--;
    return other === 0;
  }

  private moves(pfn: number): boolean {
    if (this.start.has(pfn)) return false;
    for (const [first, last] of this.free) if (pfn >= first && pfn <= last) return true;
    return false;
  }

  /** An address in a state's own words: itself, or the name of its frame. `pages`: frames from there on. */
  address(pa: number, pages = 1): string {
    const pfn = Math.floor(pa / FRAME);
    if (pa < 0 || !this.moves(pfn)) return String(pa);
    const name = this.name(pfn);
    for (let i = 1; i < pages; i++) this.name(pfn + i);
    return `F${name}+${pa % FRAME}`;
  }

  private name(pfn: number): number {
    let name = this.names.get(pfn);
    if (name === undefined) {
      name = this.names.size;
      this.names.set(pfn, name);
      this.open.push(pfn);
    }
    return name;
  }

  /** The memory: changes of frames of the start, then the frames that were named, then what nobody points to. */
  finish(tags: TagNames, emit: (text: string) => void): void {
    const changed: number[] = [];
    const loose: number[] = [];
    for (const [pfn, page] of this.now) {
      if (this.start.has(pfn)) {
        if (this.start.get(pfn) !== page && !this.ignored.has(pfn)) changed.push(pfn);
      } else if (!this.ignored.has(pfn)) loose.push(pfn);
    }
    for (const pfn of this.start.keys()) if (!this.now.has(pfn) && !this.ignored.has(pfn)) changed.push(pfn);
    for (const pfn of changed.sort((a, b) => a - b)) {
      const text = this.changes(pfn, tags);
      if (text !== "") emit(`m${pfn}${text}`);
    }
    this.emitOpen(0, emit);
    for (const pfn of loose.sort((a, b) => a - b)) {
      if (this.names.has(pfn) || this.nonzero(pfn).length === 0) continue;
      const from = this.open.length;
      emit(`l${this.moves(pfn) ? "" : pfn}${this.content(pfn)}`);
      this.emitOpen(from, emit);
    }
  }

  private emitOpen(from: number, emit: (text: string) => void): void {
    for (let i = from; i < this.open.length; i++) emit(`f${this.content(this.open[i] ?? 0)}`);
  }

  private content(pfn: number): string {
    const entries = this.nonzero(pfn);
    let text = "";
    for (let i = 0; i < entries.length; i += 3)
      text += `;${entries[i]}=${this.word(entries[i + 1] ?? 0, entries[i + 2] ?? 0)}`;
    return text;
  }

  /** Index of the pair, lower and upper word, for every pair of words that is not zero. */
  private nonzero(pfn: number): Entries {
    const page = this.now.get(pfn);
    if (page === undefined) return [];
    let entries = this.entries.get(page);
    if (entries === undefined) {
      const list: number[] = [];
      for (let i = 0; i < page.length; i += 2) {
        const lo = page[i] ?? 0;
        const hi = page[i + 1] ?? 0;
        if ((lo | hi) !== 0) list.push(i >> 1, lo, hi);
      }
      entries = list;
      this.entries.set(page, entries);
    }
    return entries;
  }

  /** Words of a frame that the start had otherwise. */
  private changes(pfn: number, tags: TagNames): string {
    const page = this.now.get(pfn);
    const old = this.start.get(pfn);
    let text = "";
    for (let i = 0; i < FRAME / 4; i += 2) {
      let lo = page?.[i] ?? 0;
      let hi = page?.[i + 1] ?? 0;
      if (lo === (old?.[i] ?? 0) && hi === (old?.[i + 1] ?? 0)) continue;
      let tag = "";
      if (this.stes.has(pfn) && i % STE_WORDS === STE_VMID) {
        tag = tagText("v", tags.vmids, lo & 0xffff);
        lo &= ~0xffff;
      }
      if (this.cds.has(pfn) && i % STE_WORDS === CD_ASID - 1) {
        tag = tagText("a", tags.asids, hi >>> 16);
        hi &= 0xffff;
      }
      text += `;${i >> 1}=${this.word(lo, hi)}${tag}`;
    }
    return text;
  }

  /** A 64-bit word; the address in bits 12 to 51 named where it is a frame that moves. */
  private word(lo: number, hi: number): string {
    const pfn = (hi & 0xfffff) * 2 ** 20 + (lo >>> 12);
    if (!this.moves(pfn)) return `${hi >>> 0},${lo >>> 0}`;
    return `${hi >>> 20}F${this.name(pfn)}+${lo & 0xfff}`;
  }
}

function addFrames(to: Set<number>, pa: number, bytes: number): void {
  for (let at = 0; at < bytes; at += FRAME) to.add(Math.floor((pa + at) / FRAME));
}

/** A tag by the name of its domain; as it is when no domain has it. */
export function tagText(prefix: string, names: ReadonlyMap<number, number>, tag: number): string {
  const name = names.get(tag);
  return name === undefined ? `${prefix}=${tag}` : `${prefix}${name}`;
}
