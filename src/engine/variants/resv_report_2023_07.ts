import { run_entry } from "../kernel/iommufd/main.ts";
import { IommufdCtx } from "../kernel/iommufd/objects.ts";
import { defineKernel } from "../kernel/profile.ts";
import { RESV_IOCTLS } from "./parts/resv_report.ts";

export default defineKernel({
  id: "resv-report-2023-07",
  title: "Nesting v3, reporting",
  subtitle: "regions reported or imported",
  base: "resv-sw-msi-only-2023-07",
  date: "2023-07-24",
  ref: "20230724110406.107212-8-yi.l.liu@intel.com",
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
      what: "The other calls speak of allowed ranges and this one of disallowed ones: what it says cannot be given to ALLOW_IOVAS, the user has to gather, sort, merge and invert. It belongs in a series of its own, once it is known what QEMU needs.",
      ref: "ZMP+lvbhAwEbhjx/@nvidia.com",
    },
    {
      who: "Jason Gunthorpe, before it, 27 and 28 Jun 2023",
      what: "Better that the kernel imports a device's regions into an IOAS and tells no details; a list, if a VMM needs one, is an interface of its own.",
      ref: "ZJsH1NtUJIDfUthO@nvidia.com, ZJwpQV6oBBsIAtHD@nvidia.com",
    },
    {
      who: "Kevin Tian, 28 Jul 2023",
      what: "SW_MSI has to be marked: it is to be mapped one to one in stage 1 and not to be left out as the others are.",
      ref: "BN9PR11MB5276AAD6B3785DC247E4F35F8C06A@BN9PR11MB5276.namprd11.prod.outlook.com",
    },
    {
      who: "Kevin Tian, 31 Jul 2023, and with Jason Gunthorpe to the end",
      what: "Nothing has to be gathered when the list is only passed on to the guest device by device. But QEMU would not use it soon, and so both let it go (2 Aug).",
      ref: "BN9PR11MB52764E058BDC007FCF2F240B8C05A@BN9PR11MB5276.namprd11.prod.outlook.com, ZMpKmgPAuQDI2nDx@nvidia.com",
    },
    {
      who: "Nicolin Chen, 26 Jun 2023",
      what: "Asks whether the new call should tell the kernel's type of each region; those types are internal, Kevin Tian answers, and a mark on SW_MSI will do.",
      ref: "ZJnK2schtjrrwJ1L@Asurada-Nvidia",
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
