import { CODE } from "../designs/ioasid/dev_iommu.ts";
import { design_ops } from "../designs/ioasid/node.ts";
import type { KernelOps } from "../kernel/ops.ts";
import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "dev-iommu-code-2021-09",
  title: "/dev/iommu code",
  subtitle: "20 patches",
  base: "linux-7.2",
  date: "2021-09-19",
  ref: "20210919063848.1476776-1-yi.l.liu@intel.com",
  changes:
    "The first posted code of /dev/iommu: kernel tables with type1v2 calls only, snooping enforced, nothing mapped before a device is attached; the domain comes with the first device.",
  scenario: "ioasid-code-rules",
  expects: [
    "IOASID_ALLOC without ENFORCE_SNOOP or address width: EINVAL",
    "map and unmap without a device: EINVAL",
    "a second attach of a device: EBUSY; freeing an attached space: EBUSY",
  ],
  objections: [
    {
      who: "Jason Gunthorpe, 22 Sep 2021",
      what: "A type that stands for the whole interface should not exist: flags with clear, narrow meanings, a format, and a hint of the wanted range in the place of a width.",
      ref: "20210922140911.GT327412@nvidia.com",
    },
    {
      who: "Jason Gunthorpe, 21 Sep 2021",
      what: "A copy of the map should be kept in software and pushed into each domain; that an attach checks widths and the first device brings the only domain comes from reusing the type1 code.",
      ref: "20210921180203.GY327412@nvidia.com",
    },
    {
      who: "Alex Williamson, 22 Sep 2021",
      what: "The struct of the bind wants its fields in another order, so that no padding is needed.",
      ref: "20210922150101.5548eb6f.alex.williamson@redhat.com",
    },
  ],
  unknown: [
    "Two devices with one cookie in a file: EBUSY from memory of the code.",
    "An unattached space loses its mappings with the last device, as type1 does with its last group.",
    "The code has no faults and no guest tables: faults go to the kernel log.",
    "The rest of the kernel is 7.2's: the IOMMU driver, VFIO's device file, interrupts with one cookie a domain as before 6.15.",
  ],
  features: { sw_msi: "cookie", vste_needs_vdevice: "none" },
  overrides: (base: KernelOps) => design_ops(CODE, base),
});
