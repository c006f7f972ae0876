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
      who: "Jason Gunthorpe, July 2021",
      what: "The type as an indicator of the whole API should not exist: flags with clear, narrow meanings; a hint of the wanted range instead of a width.",
    },
    { who: "David Gibson, July 2021", what: "An address width cannot say windows such as those of POWER." },
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
