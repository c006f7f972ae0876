/** The replaceable functions of drivers/iommu/iommu.c, the drivers, VFIO and the irq code. */
import {
  device_iommu_capable,
  iommu_attach_device_pasid,
  iommu_attach_group_handle,
  iommu_detach_device_pasid,
  iommu_detach_group_handle,
  iommu_device_claim_dma_owner,
  iommu_device_release_dma_owner,
  iommu_get_resv_regions,
  iommu_group_set_domain,
  iommu_replace_device_pasid,
  iommu_replace_group_handle,
} from "./core.ts";
import { iommu_report_device_fault } from "./fault.ts";
import { iommu_map, iommu_unmap } from "./map.ts";
import { iommu_get_msi_cookie } from "./msi_cookie.ts";
import { iova_reserve_iommu_regions, iova_reserve_pci_windows } from "./pci_windows.ts";
import { iommu_release_device } from "./release.ts";

export const coreOps = Object.freeze({
  device_iommu_capable,
  iommu_attach_device_pasid,
  iommu_attach_group_handle,
  iommu_detach_device_pasid,
  iommu_detach_group_handle,
  iommu_device_claim_dma_owner,
  iommu_device_release_dma_owner,
  iommu_get_msi_cookie,
  iommu_get_resv_regions,
  iommu_group_set_domain,
  iommu_map,
  iommu_replace_device_pasid,
  iommu_replace_group_handle,
  iommu_report_device_fault,
  iommu_unmap,
  iommu_release_device,
  iova_reserve_iommu_regions,
  iova_reserve_pci_windows,
});

export type CoreOps = { -readonly [K in keyof typeof coreOps]: (typeof coreOps)[K] };
