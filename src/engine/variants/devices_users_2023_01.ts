import { hwpt_devices } from "../kernel/iommufd/linkage.ts";
import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "devices-users-2023-01",
  title: "devices_users",
  subtitle: "one count for parent and children",
  base: "deferred-linkage-2023",
  date: "2023-01-28",
  ref: "c1c65ce093a3b585546dd17a77949efbe03a81d9.1674939002.git.nicolinc@nvidia.com",
  changes:
    "Deferred linkage with one count of devices that a parent shares with the nested page tables on it: the first of all links it, the last of all unlinks it.",
  scenario: "replace-devices-users",
  expects: [
    "a device on a nested page table and one on its parent attach in any order; the parent is linked once",
    "the parent stays linked until the last of them has left",
    "the late limits of deferred linkage stay",
  ],
  objections: [
    {
      who: "Jason Gunthorpe, 30 Jan 2023",
      what: "A stage 2 is made by a call of its own and is linked to one IOAS then. Attaching something nested must do nothing to it: there is nothing to count.",
      ref: "Y9gfbx/fszb0aTJn@nvidia.com",
    },
    {
      who: "Nicolin Chen, 2 Feb 2023",
      what: "With domain_alloc_user for every domain the link moves to the allocation; the counter is not needed any more and locking gets simpler.",
      ref: "Y9tmBW/wnZJ0JyBk@Asurada-Nvidia",
    },
  ],
  unknown: [
    "The count was posted as a number shared by pointer, 1 meaning unused; here it is counted when it is asked for.",
  ],
  overrides: () => ({
    iommufd_hwpt_devices_users(k, hwpt) {
      const parent = k.ops.find_hwpt_paging(k, hwpt);
      let n = 0;
      for (const obj of hwpt.ictx.objects.values()) {
        if (obj.kind !== "HWPT_PAGING" && obj.kind !== "HWPT_NESTED") continue;
        if (obj !== hwpt && k.ops.find_hwpt_paging(k, obj) === parent) n += hwpt_devices(obj);
      }
      return n + hwpt_devices(hwpt);
    },
  }),
});
