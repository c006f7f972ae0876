import { OWNERS } from "../designs/ioasid/owners.ts";
import { design_ops } from "../designs/ioasid/node.ts";
import type { KernelOps } from "../kernel/ops.ts";
import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "ioasid-vfio-2021-04",
  title: "who owns which level",
  subtitle: "configurations 1 and 3",
  base: "linux-7.2",
  date: "2021-04-07",
  ref: "MWHPR11MB1886A7E4C6F3E3A81240517B8C759@MWHPR11MB1886.namprd11.prod.outlook.com",
  changes:
    "Before a device is used its subsystem declares who owns which level of its tables: 1, VFIO level 2 and ioasid level 1; 3, ioasid both; faults go to the owner, directly or through VFIO.",
  scenario: "ioasid-owners",
  expects: [
    "configuration 1: a level-2 fault comes to VFIO, a level-1 fault to ioasid",
    "with a handler for each device VFIO takes every fault and passes level 1 on",
    "configuration 3: both come to ioasid",
  ],
  objections: [
    {
      who: "Kevin Tian, 7 Apr 2021",
      what: "Faults are reported for each device, so VFIO has to receive all of them and forward those of level 1; handlers for each page table would let each owner register its own.",
      ref: "MWHPR11MB1886A7E4C6F3E3A81240517B8C759@MWHPR11MB1886.namprd11.prod.outlook.com",
    },
    {
      who: "Jean-Philippe Brucker, 7 Apr 2021",
      what: "The record has to keep the device: faults are injected per device and the answer goes back to it; PASID and group alone alias. And all controls in one place are probably better than split ones.",
      ref: "YG39ZtnTuyn5uBOa@myrica",
    },
  ],
  unknown: [
    "The mail is about ownership and names no calls: the calls are those of RFC v1 of May, ALLOW_PASID, the VFIO map calls and the record are of this project.",
    "What it does not say is EINVAL here. Configuration 2, vDPA's control queue, permits nothing through ioasid; there is nothing to play and it is refused.",
    "The rest of the kernel is 7.2's: the IOMMU driver, VFIO's device file, interrupts with one cookie a domain as before 6.15.",
  ],
  features: { sw_msi: "cookie", vste_needs_vdevice: "none" },
  overrides: (base: KernelOps) => design_ops(OWNERS, base),
});
