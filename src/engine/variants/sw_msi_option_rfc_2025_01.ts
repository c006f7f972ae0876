import { defineKernel } from "../kernel/profile.ts";
import { errno } from "../uapi/errno.ts";
import { OPTION_OP } from "../uapi/iommufd.ts";
import { wanted_window, with_sw_msi_option } from "./parts/sw_msi_option.ts";

export default defineKernel({
  id: "sw-msi-option-rfc-2025-01",
  title: "SW_MSI option RFC",
  subtitle: "one window a file, not reserved",
  base: "linux-6.15",
  date: "2025-01-11",
  ref: "d3cb1694e07be0e214dc44dcb2cb74f014606560.1736550979.git.nicolinc@nvidia.com",
  changes:
    "IOMMU_OPTION SW_MSI_START and SIZE choose one window for the whole file: doorbells go there, but the driver's window is what attach reserves.",
  scenario: "sw-msi-q11",
  expects: [
    "the doorbell lies in the window that was chosen, while IOVA_RANGES still lacks only the driver's window",
    "memory may be mapped where the doorbell is to go, and enabling the interrupt fails then",
    "SET takes any number; GET of a START that nobody set reads 2^64 - 1",
  ],
  objections: [
    {
      who: "Eric Auger, 29 Jan 2025",
      what: "Nothing checks the chosen window against the device's other reserved regions, and it cannot be put just anywhere: it must stay clear of the VM's memory. sysfs goes on showing the driver's window.",
      ref: "0521187e-c511-4ab1-9ffa-be2be8eacd04@redhat.com",
    },
    {
      who: "Jason Gunthorpe, 29 Jan 2025",
      what: "Once userspace has chosen, the driver's window is to be ignored; but the chosen one has to be reserved in the IOAS at each attach and checked against the device's regions and against the geometry. That was missing.",
      ref: "20250129145800.GG5556@nvidia.com",
    },
    {
      who: "Jason Gunthorpe, later the same day",
      what: "A single doorbell page reliably lies at the start of the window, so a VMM could tell its guest that address as the ITS. With several pages nobody can say where each lies: for tests only.",
      ref: "20250129201307.GJ5556@nvidia.com",
    },
  ],
  unknown: ["Posted on a tree before 6.14 together with the native doorbells; it is played on 6.15, which has them."],
  overrides: (base) => ({
    iommufd_option: with_sw_msi_option(base, (k, ictx, { what, op, object_id, value }) => {
      if (!k.check(object_id === 0, "the option is of the whole file: object 0")) return -errno.EOPNOTSUPP;
      if (op === OPTION_OP.GET) value.val64 = ictx.sw_msi_option[what];
      else if (op === OPTION_OP.SET) ictx.sw_msi_option[what] = value.val64;
      else return -errno.EOPNOTSUPP;
      return 0;
    }),
    iopt_table_enforce_dev_resv_regions(k, iopt, dev, igroup, target) {
      const rc = base.iopt_table_enforce_dev_resv_regions(k, iopt, dev, igroup, target);
      const window = igroup === null ? null : wanted_window(igroup.ictx.sw_msi_option);
      if (rc < 0 || igroup === null || window === null) return rc;
      k.note(`doorbells go to 0x${window.start.toString(16)}, which nobody reserved`);
      igroup.sw_msi_start = window.start;
      return rc;
    },
  }),
});
