/** BARs mapped into a program. Source: linux 7.2 drivers/vfio/pci/vfio_pci_core.c `vfio_pci_core_mmap`. */
import { errno } from "../../uapi/errno.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_SIZE } from "../mm/const.ts";
import type { Vma } from "../mm/mm.ts";
import { PageStore } from "../mm/store.ts";
import { bar_of, NUM_REGIONS, REGION, REGION_SHIFT, type VfioPciDevice } from "./vfio_pci.ts";

/** Device memory: it can be touched by the program, but not pinned or copied. `offset` in bytes, the region in its top. */
export function vfio_pci_core_mmap(k: Kernel, vdev: VfioPciDevice, vma: Vma, offset: bigint): number {
  const index = Number(offset >> REGION_SHIFT);
  if (!k.check(index < NUM_REGIONS, "the region exists")) return -errno.EINVAL;
  if (!k.check(vma.shared, "the mapping is shared")) return -errno.EINVAL;
  const bar = index < REGION.ROM ? bar_of(vdev.pdev, index) : undefined;
  const size = bar === undefined ? 0 : bar.last - bar.start + 1;
  const mappable = bar !== undefined && bar.kind !== "io" && size >= PAGE_SIZE;
  if (!k.check(mappable, "a memory BAR of at least a page")) return -errno.EINVAL;
  const at = Number(offset & ((1n << REGION_SHIFT) - 1n));
  const length = Number(vma.last - vma.start + 1n);
  if (!k.check(at + length <= size, "the range lies inside the BAR")) return -errno.EINVAL;
  vma.store = new PageStore("device", "contiguous");
  const pfn = Math.floor((vdev.pdev.hw.barAddress(index) + at) / PAGE_SIZE);
  vma.store.frames.set(0, pfn, length / PAGE_SIZE);
  vma.name = `${vdev.pdev.bdf} BAR ${index}`;
  return 0;
}
