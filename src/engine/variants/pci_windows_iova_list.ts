import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "pci-windows-iova-list",
  title: "IOVA list v4",
  subtitle: "windows for all, maps refused",
  base: "pci-windows-generic",
  date: "2018-02-21",
  ref: "lkml.org/lkml/2018/2/21/355, vfio/type1: valid iova list, v4",
  changes:
    "VFIO keeps a list of valid IOVAs without the reserved regions of the groups, tells it, and refuses every map outside it.",
  scenario: "pci-windows-vm-acs",
  expects: [
    "a VM whose memory starts at 0x40000000 does not start on a machine with a window there: EINVAL",
    "the same behind ACS, where the mapping would have worked",
    "a region of type direct in the middle of guest memory gives EINVAL too",
  ],
  objections: [
    {
      who: "Shameer Kolothum, Feb 2018",
      what: "Tested on machines whose host window lies where QEMU puts memory, it takes away what worked; report the windows only where the path lacks ACS.",
      ref: "iommu list, February 2018",
    },
    {
      who: "Alex Williamson, Feb 2018",
      what: "The list should tell what never reaches the IOMMU as an address. Peer to peer below is topology: would it change on hotplug, with memory decoding of a neighbour, when a BAR or a bridge window moves? Groups already have to contain that. And no check may break a VM that runs today.",
      ref: "iommu list, February to March 2018",
    },
    {
      who: "Alex Williamson, 5 Jun 2018, before 4.18",
      what: "RMRRs of USB and graphics would be enforced as well, and with them assignment that works would stop.",
      ref: "lkml.org/lkml/2018/6/5/760, told again in 20190626151248.11776-1-shameerali.kolothum.thodi@huawei.com",
    },
  ],
  unknown: ["v1 to v4 are one here; the last change of wording in between does not show in what is modelled."],
  features: { type1_iova_list: true },
});
