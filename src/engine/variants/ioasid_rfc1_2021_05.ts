import { RFC1 } from "../designs/ioasid/rfc.ts";
import { design_ops } from "../designs/ioasid/node.ts";
import type { KernelOps } from "../kernel/ops.ts";
import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "ioasid-rfc1-2021-05",
  title: "/dev/ioasid RFC v1",
  subtitle: "no command before attach",
  base: "linux-7.2",
  date: "2021-05-27",
  ref: "MWHPR11MB1886422D4839B372C6AB245F8C239@MWHPR11MB1886.namprd11.prod.outlook.com",
  changes:
    "/dev/ioasid makes address spaces, one page table each, that take no command before a device is attached; a fault is known by address space and address alone.",
  scenario: "ioasid-q12",
  expects: [
    "map before attach fails",
    "a fault record has the address space and the address, and no device",
    "a device whose IOMMU cannot use the table is refused",
  ],
  objections: [
    {
      who: "Jean-Philippe Brucker, 7 Apr 2021, before this RFC",
      what: "A fault is told to the guest as that of a device, and the answer goes back to that device; an Arm guest has tables of PASIDs, not single page tables, to bind.",
      ref: "YG39ZtnTuyn5uBOa@myrica",
    },
    {
      who: "Jason Gunthorpe, 28 May 2021",
      what: "Format and parent belong to the allocation: the user knows then what it wants, and a device that does not fit should fail to bind. To learn what a space can do only after an attach is the wrong way round.",
      ref: "20210528233649.GB3816344@nvidia.com",
    },
    {
      who: "David Gibson, 2 Jun 2021",
      what: "Report the ranges that may be used rather than the reserved ones: that suits IOMMUs with windows, such as that of POWER.",
      ref: "YLch6zbbYqV4PyVf@yekko",
    },
  ],
  unknown: [
    "The mail lists calls and their meaning, not their structs: layouts and all errno (EINVAL) are of this project; so is that numbers start at 0.",
    "BIND_PGTABLE is refused on an SMMUv3, which reads tables of context descriptors; BIND_PASID_TABLE, the Arm opinion, works.",
    "Kernel tables are stage 2 where the SMMU has both stages, so that guest tables can stand on them.",
    "An answer completes the oldest fault of the address space; that kernel tables and faults without an answer are reported is an assumption.",
    "The rest of the kernel is 7.2's: the IOMMU driver, VFIO's device file, interrupts with one cookie a domain as before 6.15.",
  ],
  features: { sw_msi: "cookie", vste_needs_vdevice: "none" },
  overrides: (base: KernelOps) => design_ops(RFC1, base),
});
