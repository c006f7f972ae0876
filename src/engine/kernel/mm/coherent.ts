/** Memory that the kernel and devices share: tables and queues. */
import type { TableMemory } from "../drivers/io_pgtable_arm/table.ts";
import type { PhysMem } from "../../../hw/memory.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_SIZE } from "./const.ts";
import type { FrameAllocator } from "./frames.ts";

function pages(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, Math.ceil(bytes / PAGE_SIZE))));
}

/** Zeroed, contiguous, aligned to its size rounded up to a power of two; `null` when memory is used up. */
export function alloc_coherent(k: Kernel, bytes: number): number | null {
  if (k.fails()) return null;
  const pfn = k.mm.frames.alloc(pages(bytes), pages(bytes));
  return pfn < 0 ? null : pfn * PAGE_SIZE;
}

/** The same for page-table code, which knows no kernel. */
export class PageTableMemory implements TableMemory {
  readonly mem: PhysMem;
  readonly frames: FrameAllocator;

  constructor(k: Kernel) {
    this.mem = k.mem;
    this.frames = k.mm.frames;
  }

  read32(pa: number): number {
    return this.mem.read32(pa);
  }

  write64(pa: number, lo: number, hi: number): void {
    this.mem.write64(pa, lo, hi);
  }

  alloc(bytes: number): number | null {
    const pfn = this.frames.alloc(pages(bytes), pages(bytes));
    return pfn < 0 ? null : pfn * PAGE_SIZE;
  }

  free(pa: number, bytes: number): void {
    this.mem.zero(pa, pages(bytes) * PAGE_SIZE);
    this.frames.release(pa / PAGE_SIZE, pages(bytes));
  }
}
