/**
 * The domain that a group has while nobody owns its DMA. Source: linux 7.2 drivers/iommu/iommu.c
 * `iommu_setup_default_domain`, `iommu_create_device_direct_mappings`.
 */
import { errno } from "../../uapi/errno.ts";
import type { Kernel } from "../kernel.ts";
import { the_platform } from "../platform.ts";
import { iommu_dma_init_domain, iommu_dma_reserve } from "./dma_iommu.ts";
import { dev_iommu_ops } from "./group.ts";
import { iommu_iova_to_phys, min_page_size } from "./map.ts";
import type { Device, IommuDomain, IommuGroup } from "./types.ts";

/** Allocates the group's default domain, maps what firmware demands, and puts the group on it. */
export function iommu_setup_default_domain(k: Kernel, group: IommuGroup): number {
  const first = group.devices[0];
  if (first === undefined) return -errno.ENODEV;
  const domain = alloc_default_domain(k, first);
  if (typeof domain === "number") return domain;
  for (const dev of group.devices) iommu_dma_reserve(domain, k.ops.iova_reserve_iommu_regions(k, dev));
  for (const dev of group.devices) iommu_create_device_direct_mappings(k, domain, dev);
  const rc = k.ops.iommu_group_set_domain(k, group, domain);
  if (rc < 0) return rc;
  group.default_domain = domain;
  return 0;
}

function alloc_default_domain(k: Kernel, dev: Device): IommuDomain | number {
  const ops = dev_iommu_ops(dev);
  if (the_platform(k).boot.passthrough && ops.identity_domain !== null) return ops.identity_domain;
  const domain = ops.domain_alloc_paging_flags(k, dev, 0, null);
  if (typeof domain === "number") return domain;
  domain.type = "dma";
  iommu_dma_init_domain(domain);
  return domain;
}

/** Regions of type direct and direct-relaxable, one to one, where nothing is mapped yet. */
export function iommu_create_device_direct_mappings(k: Kernel, domain: IommuDomain, dev: Device): void {
  for (const region of k.ops.iommu_get_resv_regions(k, dev)) {
    if (region.type === "direct") dev.require_direct = true;
    if ((region.type !== "direct" && region.type !== "direct-relaxable") || domain.type !== "dma") continue;
    const page = min_page_size(domain.pgsize_bitmap);
    const round = (x: bigint) => ((x + page - 1n) / page) * page;
    const end = round(region.start + region.length);
    let run = 0n;
    for (let at = round(region.start); at <= end; at += page) {
      if (at < end && iommu_iova_to_phys(k, domain, at) === null) {
        run += page;
        continue;
      }
      if (run > 0n) k.ops.iommu_map(k, domain, at - run, at - run, run, region.prot);
      run = 0n;
    }
  }
}
