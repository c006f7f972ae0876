/** The replaceable functions of drivers/iommu/iommufd, under their kernel names. */
import { iommufd_access_notify_unmap } from "./access.ts";
import {
  find_hwpt_resv,
  iommufd_device_attach_reserved_iova,
  iommufd_device_auto_get_domain,
  iommufd_device_bind,
  iommufd_device_do_replace,
  iommufd_group_do_replace_reserved_iova,
  iommufd_group_unwind_reserved_iova,
  iommufd_hw_pagetable_attach,
  iommufd_hw_pagetable_compare_ioas,
  iommufd_hw_pagetable_detach,
  iopt_table_enforce_dev_resv_regions,
} from "./device.ts";
import { iopt_check_dirty_range } from "./dirty.ts";
import {
  iommufd_auto_response_faults,
  iommufd_fault_alloc,
  iommufd_fault_iopf_handler,
  iommufd_veventq_alloc,
  iommufd_viommu_report_event,
} from "./eventq.ts";
import { iommufd_get_hw_info } from "./hw_info.ts";
import {
  find_hwpt_paging,
  iommufd_hwpt_alloc,
  iommufd_hwpt_get_dirty_bitmap,
  iommufd_hwpt_invalidate,
  iommufd_hwpt_nested_alloc,
  iommufd_hwpt_paging_alloc,
  iommufd_hwpt_paging_reserve,
  iommufd_hwpt_set_dirty_tracking,
  iommufd_viommu_alloc_hwpt_nested,
} from "./hw_pagetable.ts";
import { iopt_map_pages, iopt_table_add_domain, iopt_table_remove_domain, iopt_unmap_iova } from "./io_pagetable.ts";
import {
  iommufd_ioas_alloc_ioctl,
  iommufd_ioas_allow_iovas,
  iommufd_ioas_change_process,
  iommufd_ioas_copy,
  iommufd_ioas_iova_ranges,
  iommufd_ioas_map,
  iommufd_ioas_map_file,
  iommufd_ioas_unmap,
} from "./ioas.ts";
import { iopt_alloc_iova, iopt_check_iova, iopt_set_allow_iova } from "./iova.ts";
import { iommufd_hwpt_devices_users, iommufd_hwpt_link, iommufd_hwpt_unlink } from "./linkage.ts";
import { iommufd_destroy, iommufd_fops_ioctl, iommufd_init, iommufd_object_destroy, iommufd_option } from "./main.ts";
import { iopt_remove_reserved_iova, iopt_reserve_iova } from "./reserved.ts";
import { iommufd_group_setup_msi, iommufd_sw_msi } from "./sw_msi.ts";
import { iommufd_vfio_ioas, iommufd_vfio_ioctl } from "./vfio_compat.ts";
import { iommufd_hw_queue_alloc_ioctl, iommufd_vdevice_alloc_ioctl, iommufd_viommu_alloc_ioctl } from "./viommu.ts";

const all = {
  find_hwpt_paging,
  find_hwpt_resv,
  iommufd_access_notify_unmap,
  iommufd_auto_response_faults,
  iommufd_destroy,
  iommufd_device_attach_reserved_iova,
  iommufd_device_auto_get_domain,
  iommufd_device_bind,
  iommufd_device_do_replace,
  iommufd_fault_alloc,
  iommufd_fault_iopf_handler,
  iommufd_fops_ioctl,
  iommufd_get_hw_info,
  iommufd_group_do_replace_reserved_iova,
  iommufd_group_setup_msi,
  iommufd_group_unwind_reserved_iova,
  iommufd_hw_pagetable_attach,
  iommufd_hw_pagetable_compare_ioas,
  iommufd_hw_pagetable_detach,
  iommufd_hw_queue_alloc_ioctl,
  iommufd_hwpt_alloc,
  iommufd_hwpt_devices_users,
  iommufd_hwpt_get_dirty_bitmap,
  iommufd_hwpt_invalidate,
  iommufd_hwpt_link,
  iommufd_hwpt_nested_alloc,
  iommufd_hwpt_paging_alloc,
  iommufd_hwpt_paging_reserve,
  iommufd_hwpt_set_dirty_tracking,
  iommufd_hwpt_unlink,
  iommufd_init,
  iommufd_ioas_alloc_ioctl,
  iommufd_ioas_allow_iovas,
  iommufd_ioas_change_process,
  iommufd_ioas_copy,
  iommufd_ioas_iova_ranges,
  iommufd_ioas_map,
  iommufd_ioas_map_file,
  iommufd_ioas_unmap,
  iommufd_object_destroy,
  iommufd_option,
  iommufd_sw_msi,
  iommufd_vdevice_alloc_ioctl,
  iommufd_veventq_alloc,
  iommufd_vfio_ioas,
  iommufd_vfio_ioctl,
  iommufd_viommu_alloc_hwpt_nested,
  iommufd_viommu_alloc_ioctl,
  iommufd_viommu_report_event,
  iopt_alloc_iova,
  iopt_check_dirty_range,
  iopt_check_iova,
  iopt_map_pages,
  iopt_remove_reserved_iova,
  iopt_reserve_iova,
  iopt_set_allow_iova,
  iopt_table_add_domain,
  iopt_table_enforce_dev_resv_regions,
  iopt_table_remove_domain,
  iopt_unmap_iova,
};

export type IommufdOps = typeof all;

export const iommufdOps: Readonly<IommufdOps> = Object.freeze(all);
