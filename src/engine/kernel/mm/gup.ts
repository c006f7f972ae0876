/** Pinning the pages behind user addresses. Source: linux 7.2 mm/gup.c. */
import { errno } from "../../uapi/errno.ts";
import type { Kernel } from "../kernel.ts";
import { type Mm, mm_pages } from "./mm.ts";
import type { PageStore } from "./store.ts";
import { store_run } from "./store.ts";

/** Consecutive frames. */
export interface PinnedRun {
  pfn: number;
  n: number;
}

/**
 * Pins up to `npages` pages from `va` (page aligned) on: one run of consecutive frames, or -EFAULT / -ENOMEM.
 * Call again for the rest.
 */
export function pin_user_pages(k: Kernel, mm: Mm, va: bigint, npages: number, write: boolean): PinnedRun | number {
  if (k.fails()) return -errno.ENOMEM;
  const hit = mm_pages(k, mm, va, write, npages);
  if (hit === null) return -errno.EFAULT;
  k.mm.pins.pin(hit.pfn, hit.n);
  return { pfn: hit.pfn, n: hit.n };
}

/** As above, for the pages of a memory file from page `index` on. -EINVAL past `file_pages`. */
export function memfd_pin_folios(
  k: Kernel,
  store: PageStore,
  index: number,
  npages: number,
  file_pages: number,
): PinnedRun | number {
  if (k.fails()) return -errno.ENOMEM;
  if (index >= file_pages) return -errno.EINVAL;
  const run = store_run(k, store, index, Math.min(npages, file_pages - index));
  if (run === null) return -errno.ENOMEM;
  k.mm.pins.pin(run.pfn, run.n);
  return run;
}
