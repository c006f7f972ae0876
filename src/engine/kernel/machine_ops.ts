/**
 * The replaceable functions of what runs only on a booted machine: the SMMU driver, MSI set-up, PCI groups, VFIO.
 */
import {
  arm_smmu_attach_dev,
  arm_smmu_attach_dev_blocked,
  arm_smmu_attach_dev_identity,
  arm_smmu_attach_dev_nested,
  arm_smmu_blocking_set_dev_pasid,
  arm_smmu_s1_set_dev_pasid,
} from "./drivers/arm_smmu_v3/attach.ts";
import { arm_smmu_domain_alloc_paging_flags } from "./drivers/arm_smmu_v3/domain.ts";
import { arm_smmu_get_resv_regions, arm_smmu_probe_device } from "./drivers/arm_smmu_v3/driver.ts";
import { arm_smmu_handle_event, arm_smmu_handle_ppr, arm_smmu_page_response } from "./drivers/arm_smmu_v3/event.ts";
import { arm_vsmmu_alloc_domain_nested, arm_vsmmu_cache_invalidate } from "./drivers/arm_smmu_v3/iommufd.ts";
import {
  iommu_dma_get_resv_regions,
  iommu_dma_prepare_msi,
  iommu_dma_prepare_msi_cookie,
  iommu_dma_sw_msi,
  iommu_get_msi_mapping_domain,
} from "./iommu/dma_iommu.ts";
import { gicv2m_irq_domain_alloc } from "./irq/gicv2m.ts";
import { its_irq_domain_alloc } from "./irq/its.ts";
import { pci_device_group } from "./pci/group.ts";
import {
  pciehp_configure_device,
  pci_stop_and_remove_bus_device,
  vfio_device_put_registration,
} from "./pci/hotplug.ts";
import { pci_alloc_irq_vectors } from "./pci/msi.ts";
import { vfio_config_write } from "./vfio/config.ts";
import { vfio_device_fops_ioctl, vfio_device_fops_release } from "./vfio/device_cdev.ts";
import { vfio_pci_dma_buf_move } from "./vfio/dmabuf.ts";
import { vfio_device_remove_group } from "./vfio/group.ts";
import { vfio_pci_bind } from "./vfio/bind.ts";
import { vfio_iommu_has_sw_msi, vfio_iommu_iova_dma_valid, vfio_iommu_type1_attach_group } from "./vfio/type1_group.ts";
import { vfio_dma_do_map } from "./vfio/type1_map.ts";
import { vfio_msi_enable, vfio_pci_disable_irqs } from "./vfio/intrs.ts";

export const machineOps = Object.freeze({
  arm_smmu_attach_dev,
  arm_smmu_attach_dev_blocked,
  arm_smmu_attach_dev_identity,
  arm_smmu_attach_dev_nested,
  arm_smmu_blocking_set_dev_pasid,
  arm_smmu_domain_alloc_paging_flags,
  arm_smmu_get_resv_regions,
  arm_smmu_handle_event,
  arm_smmu_handle_ppr,
  arm_smmu_page_response,
  arm_smmu_probe_device,
  arm_smmu_s1_set_dev_pasid,
  arm_vsmmu_alloc_domain_nested,
  arm_vsmmu_cache_invalidate,
  gicv2m_irq_domain_alloc,
  iommu_dma_get_resv_regions,
  iommu_dma_prepare_msi,
  iommu_dma_prepare_msi_cookie,
  iommu_dma_sw_msi,
  iommu_get_msi_mapping_domain,
  its_irq_domain_alloc,
  pci_alloc_irq_vectors,
  pci_device_group,
  pci_stop_and_remove_bus_device,
  pciehp_configure_device,
  vfio_config_write,
  vfio_device_fops_ioctl,
  vfio_device_fops_release,
  vfio_device_put_registration,
  vfio_device_remove_group,
  vfio_dma_do_map,
  vfio_iommu_has_sw_msi,
  vfio_iommu_iova_dma_valid,
  vfio_iommu_type1_attach_group,
  vfio_msi_enable,
  vfio_pci_bind,
  vfio_pci_disable_irqs,
  vfio_pci_dma_buf_move,
});

export type MachineOps = { -readonly [K in keyof typeof machineOps]: (typeof machineOps)[K] };
