import { run_entry } from "../kernel/iommufd/main.ts";
import { IommufdCtx } from "../kernel/iommufd/objects.ts";
import { msi_desc_set_iommu_msi_iova } from "../kernel/irq/msi.ts";
import { copy_from_user } from "../kernel/mm/uaccess.ts";
import { PAGE_SHIFT } from "../kernel/mm/const.ts";
import { the_platform } from "../kernel/platform.ts";
import { defineKernel } from "../kernel/profile.ts";
import { VfioDeviceFile } from "../kernel/vfio/device_cdev.ts";
import { decode } from "../uapi/codec.ts";
import { errno } from "../uapi/errno.ts";
import { IOMMU_IOAS_MAP_MSI, IRQ_SET_PROPOSED } from "../uapi/proposals.ts";
import { VFIO_DEVICE_SET_IRQS } from "../uapi/vfio.ts";
import { MAP_MSI } from "./parts/map_msi.ts";

const PREPARE = IRQ_SET_PROPOSED.DATA_MSI_IOVA | IRQ_SET_PROPOSED.ACTION_PREPARE;

export default defineKernel({
  id: "msi-prepare-2024-11",
  title: "MSI PREPARE RFC",
  subtitle: "the guest's own doorbell",
  base: "linux-7.2",
  date: "2024-11-09",
  ref: "cover.1731130093.git.nicolinc@nvidia.com",
  changes:
    "The VMM maps the physical ITS page where the guest has its virtual one, and tells VFIO the address that the guest wrote: it goes into the device as it is.",
  scenario: "vmm-option-a",
  expects: ["the interrupt takes the guest's own way through both stages, without window and without identity map"],
  objections: [
    {
      who: "Robin Murphy, 11 Nov 2024",
      what: "VFIO writes vectors into devices already; once it has the address from userspace it can override it there. No need to hand it down through all layers of interrupts and up again.",
      ref: "a63e7c3b-ce96-47a5-b462-d5de3a2edb56@arm.com",
    },
    {
      who: "Jason Gunthorpe, 20 Nov 2024",
      what: "VFIO is not the only one that writes messages: affinity and KVM do as well. Who controls the translation of the domain should give the message, by a hook of the domain.",
      ref: "20241120140337.GA772273@nvidia.com",
    },
  ],
  unknown: [
    "How the page gets into stage 2 was left open: IOAS_MAP_MSI is the lab's form, for page tables that exist then. One address serves all vectors of a device.",
  ],
  overrides: (base) => ({
    iommufd_fops_ioctl(k, file, cmd, arg) {
      const ictx = file.private_data;
      if (cmd !== IOMMU_IOAS_MAP_MSI.cmd || !(ictx instanceof IommufdCtx))
        return base.iommufd_fops_ioctl(k, file, cmd, arg);
      return run_entry(k, ictx, cmd, arg, MAP_MSI);
    },
    vfio_device_fops_ioctl(k, file, cmd, arg) {
      const df = file.private_data;
      const { size, cmd: set } = VFIO_DEVICE_SET_IRQS;
      const head = cmd === set && df instanceof VfioDeviceFile ? copy_from_user(k, arg, size + 8) : null;
      if (head === null || !(df instanceof VfioDeviceFile) || decode(VFIO_DEVICE_SET_IRQS, head).flags !== PREPARE)
        return base.vfio_device_fops_ioctl(k, file, cmd, arg);
      if (!k.check(df.vdev.irq_type < 0, "the vectors are off")) return -errno.EBUSY;
      const iova = new DataView(head.buffer, head.byteOffset).getBigUint64(size, true);
      df.vdev.msi_iovas = Object.freeze([iova]);
      return 0;
    },
    iommu_dma_prepare_msi(k, desc, dev, phys) {
      const iova = the_platform(k).vfio.get(dev.name)?.msi_iovas[0];
      if (iova === undefined) return base.iommu_dma_prepare_msi(k, desc, dev, phys);
      k.note(`the user chose 0x${iova.toString(16)}: nothing is mapped for it`);
      msi_desc_set_iommu_msi_iova(desc, iova, PAGE_SHIFT);
      return 0;
    },
  }),
});
