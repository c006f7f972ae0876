import { run_entry } from "../kernel/iommufd/main.ts";
import { IommufdCtx } from "../kernel/iommufd/objects.ts";
import { defineKernel } from "../kernel/profile.ts";
import { RESV_IOCTLS } from "./parts/resv_report.ts";

export default defineKernel({
  id: "resv-report-2023-07",
  title: "Nesting v3, reporting",
  subtitle: "regions reported or imported",
  base: "resv-sw-msi-only-2023-07",
  date: "2023-07-25",
  ref: "iommu list, 2023-07-24, nesting series v3, patch 07/17, and its replies",
  changes:
    "IOMMU_RESV_IOVA_RANGES tells the user a device's regions, and IOAS_IMPORT_RESV (asked for, never posted) has the kernel reserve them in an IOAS by itself.",
  scenario: "resv-iova-ranges-not-enough",
  expects: [
    "IOVA_RANGES of the parent offers the place of D1's own region, RESV_IOVA_RANGES names it",
    "too small an array gives EMSGSIZE and the number of regions",
    "after an import nothing can be mapped over the device's regions, before and after every attach",
  ],
  objections: [
    {
      who: "Jason Gunthorpe, 28 Jul 2023",
      what: "Every other call speaks of allowed ranges and this one of disallowed ones: what it says cannot be given to ALLOW_IOVAS, the user has to gather, sort, merge and invert. Better that the kernel imports a device's regions into an IOAS and tells no details; a list, if a VMM needs one, is an interface of its own.",
      ref: "iommu list, 2023-07-28, reply to v3 07/17",
    },
    {
      who: "Kevin Tian, Jul 2023",
      what: "Nothing has to be gathered when the list is only passed on to the guest device by device; but SW_MSI has to be marked, so that the guest can map it one to one.",
      ref: "iommu list, July 2023, replies to v3 07/17",
    },
    {
      who: "Nicolin Chen, Jul 2023",
      what: "Asks whether the window needs a type of its own there or a direct region will do; the kernel's two MSI types are internal.",
      ref: "iommu list, July 2023, replies to v3 07/17",
    },
  ],
  unknown: [
    "Posted with the number 0x8b, which is another call now; here it has one that no release uses. Both patches were dropped in v4 (August 2023).",
    "Nobody posted the import: its form, and that it lasts as long as the IOAS, are the lab's.",
  ],
  overrides: (base) => ({
    iommufd_fops_ioctl(k, file, cmd, arg) {
      const entry = RESV_IOCTLS.get(cmd);
      const ictx = file.private_data;
      if (entry === undefined || !(ictx instanceof IommufdCtx)) return base.iommufd_fops_ioctl(k, file, cmd, arg);
      return run_entry(k, ictx, cmd, arg, entry);
    },
  }),
});
