import { defineKernel, releaseNumber } from "../kernel/profile.ts";
import { errno } from "../uapi/errno.ts";

export default defineKernel({
  id: "linux-6.12",
  title: "6.12",
  subtitle: "nested attach too",
  base: "linux-6.13",
  date: "2024-11-17",
  ref: "b2f44814680b",
  changes:
    "A nested attach reserves on the parent's IOAS and gives the parent an MSI cookie; there is no vIOMMU, vDEVICE, MAP_FILE or CHANGE_PROCESS yet.",
  scenario: "sw-msi-nested",
  expects: [
    "attaching D1 to the nested hwpt cuts the window out of the parent's IOAS",
    "the MSI address is 0x8000040 and the interrupt arrives once the guest maps the window one to one",
    "memory in the window is refused with EINVAL while the device is attached",
  ],
  objections: [
    {
      who: "Named by Kevin Tian himself, 31 Jul 2024",
      what: "The regions of a device on the nested page table shrink the space of another device on the parent; answered by: a VMM must respect every device's regions anyway, since the guest may switch its vIOMMU off.",
      ref: "BN9PR11MB5276497781C96415272E6FED8CB12@BN9PR11MB5276.namprd11.prod.outlook.com",
    },
    {
      who: "Kevin Tian, 5 Aug 2024, on v1",
      what: 'The comparison of old and new IOAS says "the same" when one side has none, so a move from such a type would not reserve.',
      ref: "BN9PR11MB5276B6D6A75FFDF7DB14CAC18CBE2@BN9PR11MB5276.namprd11.prod.outlook.com",
    },
    {
      who: "Jason Gunthorpe, 6 Aug 2024, on v2",
      what: "Nested objects should not pass through the common cast; the few callers should look the paging page table up.",
      ref: "20240806174242.GP478300@nvidia.com",
    },
  ],
  unknown: [
    "Nesting on SMMUv3 (vIOMMU, vDEVICE, MSIs mapped in the parent) is mainline from 6.13 on: scenarios play the rule of 6.12 with that added.",
    "This is 6.12.117, which was recorded: it has later fixes, as the success of an empty UNMAP_DMA. Which release after 6.12 stopped concatenating stage-2 start tables wherever possible is not known; no table of a 4K kernel shows it.",
  ],
  features: {
    uapi_release: releaseNumber("6.12"),
    s2_concat: "opportunistic",
    // The kernel that was recorded, 6.12.117, has this fix of 6.18.
    compat_unmap_empty: "ok",
  },
  overrides: (base) => ({
    iopt_check_dirty_range: (k, iopt, range) =>
      k.check(range.length !== 0n, "the length is not 0") ? base.iopt_check_dirty_range(k, iopt, range) : -errno.EINVAL,
  }),
  played: { uapi_release: releaseNumber("6.13") },
});
