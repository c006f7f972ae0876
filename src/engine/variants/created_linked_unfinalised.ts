import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "created-linked-unfinalised",
  title: "linked, unfinalised",
  subtitle: "aperture unknown until attach",
  base: "linux-7.2",
  date: "2023-02-01",
  ref: "Y9rE6L8Nr0xShiKy@nvidia.com",
  changes:
    "A page table is linked when it is allocated, by a driver that finalises a domain only when the first device is attached: until then its aperture is empty.",
  scenario: "replace-unfinalised",
  expects: [
    "HWPT_ALLOC on an IOAS with memory gives EADDRINUSE",
    "HWPT_ALLOC on an empty IOAS succeeds and leaves [0,0] of it: every map fails until the page table is destroyed, attached or not",
    "attaching to the IOAS itself works: there the device comes before the link",
  ],
  objections: [
    {
      who: "Jason Gunthorpe, 1 Feb 2023",
      what: "An unfinalised domain has an empty aperture and cannot be added: the creation fails or, worse, it is added to an empty IOAS and makes that unusable for good.",
      ref: "Y9rE6L8Nr0xShiKy@nvidia.com",
    },
    {
      who: "Jason Gunthorpe, 30 Jan 2023",
      what: "An allocation for iommufd names the format and the device: the driver can make a finished domain at once, and the two steps are not needed.",
      ref: "Y9gqFwDNd3VKQvC3@nvidia.com",
    },
  ],
  unknown: [
    "What a manual page table on SMMUv3 did between 6.6 and the driver's device-aware allocation (about 6.9) is not known; this is what it would do.",
    "Nesting parents are finalised here as ever: a driver that nests knows the device.",
  ],
  features: { domain_finalise: "attach" },
});
