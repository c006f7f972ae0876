import { RFC2 } from "../designs/ioasid/dev_iommu.ts";
import { design_ops } from "../designs/ioasid/node.ts";
import type { KernelOps } from "../kernel/ops.ts";
import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "dev-iommu-rfc2-2021-07",
  title: "/dev/iommu RFC v2",
  subtitle: "device cookies",
  base: "linux-7.2",
  date: "2021-07-09",
  ref: "BN9PR11MB5433B1E4AE5B0480369F97178C189@BN9PR11MB5433.namprd11.prod.outlook.com",
  changes:
    "/dev/iommu knows devices by a cookie of the program; format, parent and coherency are attributes of the allocation; memory may be mapped before a device is attached.",
  scenario: "ioasid-map-before-attach",
  expects: [
    "memory is mapped before the attach and pinned by it",
    "a fault record has address space, cookie, address and access",
    "permitted ranges are reported for each device, before any attach",
  ],
  objections: [
    {
      who: "David Gibson, 26 Jul 2021",
      what: "The many ways in which a device can attach are confusing: what is bound and gets a cookie should be the endpoint that the IOMMU can tell apart, not the device.",
      ref: "YP4/KJoYfbaf5U94@yekko",
    },
    {
      who: "Jason Gunthorpe, 30 Jul 2021",
      what: "Right as a picture of groups, but too much for what new hardware needs; the interface is about devices, and endpoints can be deduced from them.",
      ref: "20210730145123.GW1721383@nvidia.com",
    },
    {
      who: "David Gibson, 1 Oct 2021, on the code",
      what: "An address width cannot say windows such as those of POWER; ask for what is needed, and let the kernel supply it or fail.",
      ref: "YVamgnMzuv3TCQiX@yekko",
    },
  ],
  unknown: [
    "Layouts and errno (EINVAL) are of this project; numbers start at 1, so that parent 0 means none.",
    "Kernel tables are stage 2 where the SMMU has both stages, so that guest tables can stand on them.",
    "Software nesting of kernel tables, the KVM PASID map and delegated PASIDs are not modelled and refused; a guest PASID is used as it is.",
    "Enforce-snoop is asked for or not; the automatic choice is not modelled.",
    "The rest of the kernel is 7.2's: the IOMMU driver, VFIO's device file, interrupts with one cookie a domain as before 6.15.",
  ],
  features: { sw_msi: "cookie", vste_needs_vdevice: "none" },
  overrides: (base: KernelOps) => design_ops(RFC2, base),
});
