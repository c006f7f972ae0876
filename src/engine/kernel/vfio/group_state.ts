/** A group under VFIO. Source: linux 7.2 drivers/vfio/vfio.h. */
import type { File } from "../file.ts";
import type { IommuGroup } from "../iommu/types.ts";
import type { IommufdCtx } from "../iommufd/objects.ts";
import type { Type1 } from "./type1_state.ts";

/** linux `struct vfio_container`: groups that share mappings. */
export class VfioContainer {
  groups: VfioGroup[] = [];
  /** Null until SET_IOMMU. */
  type1: Type1 | null = null;
}

/** linux `struct vfio_group`. */
export class VfioGroup {
  readonly iommu_group: IommuGroup;
  /** The one open file of the node. */
  opened_file: File | null = null;
  /** The container, held open: an iommufd ... */
  iommufd: IommufdCtx | null = null;
  /** ... or VFIO's own, with its file. */
  container: { own: VfioContainer; file: File } | null = null;
  /** Devices that are open by way of VFIO's own container. */
  container_users = 0;

  constructor(iommu_group: IommuGroup) {
    this.iommu_group = iommu_group;
  }
}
