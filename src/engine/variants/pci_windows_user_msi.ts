import type { Device } from "../kernel/iommu/types.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { defineKernel } from "../kernel/profile.ts";
import type { MapRequest } from "../kernel/vfio/type1_map.ts";
import type { Type1 } from "../kernel/vfio/type1_state.ts";
import { errno } from "../uapi/errno.ts";

/** VFIO_DMA_MAP_FLAG_MSI_RESERVED_IOVA. */
const MSI_RESERVED = 4;
const PAGE_MASK = 0xfffn;

/** Registers the range: every domain, now and later, maps doorbells from its start on. */
function register(k: Kernel, iommu: Type1, { flags, iova, size }: MapRequest): number {
  if (
    !k.check(flags === MSI_RESERVED && size !== 0n && ((iova | size) & PAGE_MASK) === 0n, "whole pages, no other flag")
  )
    return -errno.EINVAL;
  const last = iova + size - 1n;
  const free = iommu.dmas.every((d) => d.iova > last || d.iova + d.size <= iova);
  if (!k.check(free && iommu.msi_reserved === null, "nothing is mapped or registered there")) return -errno.EEXIST;
  for (const { domain } of iommu.domains) {
    const rc = k.ops.iommu_get_msi_cookie(k, domain, iova);
    if (rc < 0) return rc;
  }
  iommu.msi_reserved = { start: iova, last };
  return 0;
}

export default defineKernel({
  id: "pci-windows-user-msi",
  title: "User's MSI range",
  subtitle: "registered by the VMM",
  base: "pci-windows-dma-only",
  date: "2016-10-12",
  ref: "lkml, 12 Oct 2016, [PATCH v14 13/16] vfio: Allow reserved msi iova registration, Eric Auger",
  changes:
    "No fixed MSI window: the user registers a range with MAP_DMA and a flag before interrupts are set up, and doorbells are mapped there.",
  scenario: "pci-windows-user-msi",
  expects: [
    "sysfs lists nothing; any address may be mapped, but not over the registered range: EEXIST",
    "with a range at 0x70000000 the MSI address is 0x70000040 and the interrupt arrives",
    "without one the interrupt's address stays physical and the write faults",
  ],
  objections: [
    {
      who: "Discussed in Santa Fe, Nov 2016",
      what: "A window that the kernel fixes and shows in sysfs needs no new interface and no VMM that knows about doorbells: it replaced this design.",
      ref: "lists.linuxfoundation.org/pipermail/iommu/2016-November/019060.html, as named in 527f25a4-ca5a-10da-150f-0b4ea3839635@redhat.com",
    },
  ],
  unknown: [
    "What SET_IRQS answered without a registered range in v14 is not known; here the rule of releases up to 6.14 holds, the physical address is programmed.",
    "The range's size is not checked against the number of doorbells; giving a range back is not modelled.",
  ],
  overrides: (base) => ({
    arm_smmu_get_resv_regions: (k: Kernel, dev: Device) => k.ops.iommu_dma_get_resv_regions(k, dev),
    vfio_iommu_has_sw_msi: (_k: Kernel, iommu: Type1) => iommu.msi_reserved?.start ?? null,
    vfio_dma_do_map(k: Kernel, iommu: Type1, request: MapRequest): number {
      if ((request.flags & MSI_RESERVED) !== 0) return register(k, iommu, request);
      const range = iommu.msi_reserved;
      const free = range === null || request.iova > range.last || request.iova + request.size <= range.start;
      return k.check(free, "the range that is registered for doorbells is left alone")
        ? base.vfio_dma_do_map(k, iommu, request)
        : -errno.EEXIST;
    },
  }),
});
