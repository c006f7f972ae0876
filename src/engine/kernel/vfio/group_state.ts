/** A group under VFIO. Source: linux 7.2 drivers/vfio/vfio.h. */
import type { File } from "../file.ts";
import type { IommuGroup } from "../iommu/types.ts";
import type { IommufdCtx } from "../iommufd/objects.ts";

/** linux `struct vfio_group`. */
export class VfioGroup {
  readonly iommu_group: IommuGroup;
  /** The one open file of the node. */
  opened_file: File | null = null;
  /** The container, held open. */
  iommufd: IommufdCtx | null = null;

  constructor(iommu_group: IommuGroup) {
    this.iommu_group = iommu_group;
  }
}
