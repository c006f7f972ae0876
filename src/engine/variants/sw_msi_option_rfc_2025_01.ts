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
  ref: "iommu list, 2025-01-11, RFCv2 of MSI mapping with a nested SMMU",
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
      who: "Eric Auger, Jan 2025",
      what: "The chosen window is not taken out of the IOVA space, and it cannot be put just anywhere: it must not meet what the guest uses.",
      ref: "iommu list, January 2025, replies to RFCv2",
    },
    {
      who: "Jason Gunthorpe, 2025",
      what: "If the VMM gives the range, the kernel has to ignore the driver's own window; one page at its start is reliable with an identity map, several are not.",
      ref: "iommu list, January to February 2025",
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
