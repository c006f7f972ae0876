import { hwpt_devices } from "../kernel/iommufd/linkage.ts";
import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "devices-users-2023-01",
  title: "devices_users",
  subtitle: "one count for parent and children",
  base: "deferred-linkage-2023",
  date: "2023-01-30",
  ref: "iommu list, January 2023, Add devices_users to track the hw_pagetable usage by device",
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
      who: "Jason Gunthorpe, Feb 2023",
      what: "Link at allocation instead: with domain_alloc_user the driver knows the device then and can finish the domain. The counter is not needed and locking gets simpler.",
      ref: "iommu list, February 2023",
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
