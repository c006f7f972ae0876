import { CONTAINERS } from "../designs/ioasid/containers.ts";
import { design_ops } from "../designs/ioasid/node.ts";
import type { KernelOps } from "../kernel/ops.ts";
import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "ioasid-containers-2021-04",
  title: "containers",
  subtitle: "one open, one table",
  base: "linux-7.2",
  date: "2021-04-07",
  ref: "YG39ZtnTuyn5uBOa@myrica",
  changes:
    "Every open of /dev/ioasid is a container without any operation until a device is attached; one level takes one device, a shared level 2 has a child for the tables of each device.",
  scenario: "ioasid-child-faults",
  expects: [
    "map before attach fails, and so does a second device on a container with one level",
    "a level-1 fault comes out of the child of its device, a level-2 fault out of the parent",
    "the record carries device, PASID and group; faults that need no answer come too",
  ],
  objections: [
    {
      who: "Jean-Philippe Brucker, 7 Apr 2021",
      what: "His own doubt: several devices on one level 2 are painful to define and to implement.",
      ref: "YG39ZtnTuyn5uBOa@myrica",
    },
    {
      who: "Jason Gunthorpe, 7 Apr 2021",
      what: "It is VFIO's container, generalised and shared by all subsystems, and that is the point. But why should one level take one device only?",
      ref: "20210407193654.GG282464@nvidia.com",
    },
  ],
  unknown: [
    "A sketch without errno: what it calls an error is EINVAL here; layouts and numbers are of this project.",
    "That the attach says whether the container is to be the level below guest tables is an assumption: the sketch does not tell how the kernel learns it.",
    "vPASID to PASID translation and PASIDs that the host allocates are not modelled.",
    "The rest of the kernel is 7.2's: the IOMMU driver, VFIO's device file, interrupts with one cookie a domain as before 6.15.",
  ],
  features: { sw_msi: "cookie", vste_needs_vdevice: "none" },
  overrides: (base: KernelOps) => design_ops(CONTAINERS, base),
});
