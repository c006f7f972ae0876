/** The pages behind a mapping or a memory file, and where their frames come from. */
import type { Kernel } from "../kernel.ts";
import { PAGE_SIZE } from "./const.ts";
import { FrameRuns } from "./runs.ts";

/** `hugetlb` pages are compound: 512 frames, aligned. `device` pages are not memory and cannot be pinned or copied. */
export type StoreKind = "anon" | "shmem" | "hugetlb" | "device";

/**
 * How frames are chosen for pages that nobody gave frames to. `contiguous`: in one piece where free memory allows;
 * `scattered`: no two neighbouring pages get neighbouring ascending frames, as after a long uptime.
 */
export type Placement = "contiguous" | "scattered";

export const HUGE_PAGES = 512;

export class PageStore {
  readonly kind: StoreKind;
  readonly placement: Placement;
  readonly frames = new FrameRuns();
  /** Mappings and files that use it; the last one gives the frames back. */
  users = 1;

  constructor(kind: StoreKind, placement: Placement) {
    this.kind = kind;
    this.placement = placement;
  }
}

/**
 * Consecutive frames from page `index` on, at most `max`, put there where there are none yet. Null when memory is
 * used up.
 */
export function store_run(k: Kernel, store: PageStore, index: number, max: number): { pfn: number; n: number } | null {
  const missing = store.frames.missing(index, max);
  if (missing > 0 && !store_populate(k, store, index, missing)) return null;
  return { pfn: store.frames.get(index), n: store.frames.contiguous(index, max) };
}

/** Puts frames behind those of [index, index + n) that have none. False when memory is used up. */
export function store_populate(k: Kernel, store: PageStore, index: number, n: number): boolean {
  const first = store.kind === "hugetlb" ? Math.floor(index / HUGE_PAGES) * HUGE_PAGES : index;
  const end = store.kind === "hugetlb" ? Math.ceil((index + n) / HUGE_PAGES) * HUGE_PAGES : index + n;
  if (store.frames.contiguous(first, end - first) === end - first) return true;
  const missing = [...store.frames.stretches(first, end - first)].filter((run) => run.pfn < 0);
  return missing.every((run) => fill(k, store, run.index, run.n));
}

function fill(k: Kernel, store: PageStore, index: number, n: number): boolean {
  const huge = store.kind === "hugetlb";
  const whole = k.mm.frames.alloc(n, huge ? HUGE_PAGES : 1);
  if (whole < 0) {
    if (n === (huge ? HUGE_PAGES : 1)) return false;
    const half = huge ? HUGE_PAGES : Math.ceil(n / 2);
    return fill(k, store, index, half) && fill(k, store, index + half, n - half);
  }
  if (huge || store.placement === "contiguous") store.frames.set(index, whole, n);
  else for (let i = 0; i < n; i++) store.frames.set(index + i, whole + (n - 1 - i), 1);
  return true;
}

/** Gives the frames of these pages back; a frame that is still pinned stays until its last pin goes. */
export function store_release(k: Kernel, store: PageStore, index: number, n: number): void {
  for (const run of store.frames.clear(index, n)) {
    if (store.kind === "device") continue;
    for (let pfn = run.pfn; pfn < run.pfn + run.n; pfn++) {
      if (k.mm.pins.get(pfn) > 0) k.mm.orphans.add(pfn);
      else free_frame(k, pfn);
    }
  }
}

/** One user less; the last one gives everything back. */
export function store_put(k: Kernel, store: PageStore): void {
  if (--store.users > 0) return;
  store_release(k, store, 0, Number.MAX_SAFE_INTEGER);
}

function free_frame(k: Kernel, pfn: number): void {
  k.mem.zero(pfn * PAGE_SIZE, PAGE_SIZE);
  k.mm.frames.release(pfn, 1);
}

/** Drops one pin from each frame; frames that no page stands behind any more become free. */
export function unpin_frames(k: Kernel, pfn: number, n: number): void {
  k.mm.pins.unpin(pfn, n, (freed) => {
    if (k.mm.orphans.delete(freed)) free_frame(k, freed);
  });
}

/** A private copy of all pages (fork). False when memory is used up. */
export function store_copy(k: Kernel, from: PageStore): PageStore | null {
  const copy = new PageStore(from.kind, from.placement);
  const bytes = new Uint8Array(PAGE_SIZE);
  for (const run of from.frames.runs) {
    if (!store_populate(k, copy, run.index, run.n)) {
      store_put(k, copy);
      return null;
    }
    for (let i = 0; i < run.n; i++) {
      k.mem.readBytes((run.pfn + i) * PAGE_SIZE, bytes);
      k.mem.writeBytes(copy.frames.get(run.index + i) * PAGE_SIZE, bytes);
    }
  }
  return copy;
}
