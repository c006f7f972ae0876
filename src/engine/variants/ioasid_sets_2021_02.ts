import { SETS } from "../designs/ioasid/sets.ts";
import { design_ops } from "../designs/ioasid/node.ts";
import type { KernelOps } from "../kernel/ops.ts";
import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "ioasid-sets-2021-02",
  title: "/dev/ioasid sets",
  subtitle: "PASIDs per process",
  base: "linux-7.2",
  date: "2021-02-27",
  ref: "1614463286-97618-1-git-send-email-jacob.jun.pan@linux.intel.com",
  changes:
    "/dev/ioasid hands out PASIDs from a set per process with a quota; page tables, devices and faults stay in VFIO containers.",
  scenario: "ioasid-sets",
  expects: [
    "a second open by the same process fails with EBUSY",
    "a PASID that a guest uses is free-pending, and its number is taken until the guest lets go",
    "memory cannot be mapped in a container before a group is in it",
  ],
  objections: [
    {
      who: "Jason Gunthorpe, 31 Mar 2021",
      what: "A set for each process is no key to anything: whoever holds the file may use what was allocated in it, and the device is authorised by a call on its own file that names PASID and ioasid file.",
      ref: "20210401003705.GS1463678@nvidia.com",
    },
    {
      who: "Jason Gunthorpe, 10 May 2021",
      what: "PASIDs should be given out per device; a number space that several devices share is the special case, and the calls to userspace come before the kernel's own interfaces.",
      ref: "20210510234500.GI1002214@nvidia.com",
    },
  ],
  unknown: [
    "The quota of a set is 1,000 here; the series takes it from a cgroup controller, which is not modelled.",
    "Guest binds went through the VFIO container in a series of its own; here the device file takes them, by a number of this project.",
    "A number of another set is not freed and that is no error, read from the posted code; cgroup charges are not modelled.",
    "The rest of the kernel is 7.2's: the IOMMU driver, VFIO's device file, interrupts with one cookie a domain as before 6.15.",
  ],
  features: { sw_msi: "cookie", vste_needs_vdevice: "none" },
  overrides: (base: KernelOps) => design_ops(SETS, base),
});
