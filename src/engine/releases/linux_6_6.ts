import { iommufd_group_unwind_reserved_iova } from "../kernel/iommufd/device.ts";
import { iommufd_get_object } from "../kernel/iommufd/object.ts";
import type { Ucmd } from "../kernel/iommufd/ucmd.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { defineKernel, releaseNumber } from "../kernel/profile.ts";
import { decode } from "../uapi/codec.ts";
import { errno } from "../uapi/errno.ts";
import { IOMMU_HWPT_ALLOC } from "../uapi/iommufd.ts";

export default defineKernel({
  id: "linux-6.6",
  title: "6.6",
  subtitle: "no nesting yet",
  base: "linux-6.7",
  date: "2023-10-29",
  changes:
    "HWPT_ALLOC takes no flag and no data and only an IOAS: no nesting, no dirty tracking; a failed replace undoes the right IOAS.",
  scenario: "sw-msi-q1",
  expects: [
    "HWPT_ALLOC with NEST_PARENT gives EOPNOTSUPP",
    "VIOMMU_ALLOC is unknown: ENOTTY",
    "an interrupt that was on before a replace is lost after it (scenario sw-msi-q8)",
  ],
  unknown: [
    "The SMMUv3 driver could not finish a domain before a device was attached until about 6.9; here domains are finished at their allocation. What HWPT_ALLOC did there is the subject of discussion 4.",
    "That HWPT_ALLOC answers ENOENT for an unsuitable pt_id is remembered from the source, not recorded.",
  ],
  features: { uapi_release: releaseNumber("6.6") },
  // Nothing of later interfaces is played: that nesting is missing is what there is to see.
  played: {},
  overrides: (base) => ({
    iommufd_group_unwind_reserved_iova,
    iommufd_hwpt_alloc(k: Kernel, ucmd: Ucmd): number {
      const { flags, __reserved, dev_id, pt_id } = decode(IOMMU_HWPT_ALLOC, ucmd.bytes);
      if (!k.check(flags === 0 && __reserved === 0, "no flag is known, and the reserved field is 0"))
        return -errno.EOPNOTSUPP;
      if (iommufd_get_object(k, ucmd.ictx, dev_id, "DEVICE") === null) return -errno.ENOENT;
      if (iommufd_get_object(k, ucmd.ictx, pt_id, "IOAS") === null) return -errno.ENOENT;
      return base.iommufd_hwpt_alloc(k, ucmd);
    },
  }),
});
