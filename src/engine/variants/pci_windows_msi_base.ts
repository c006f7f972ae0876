import { param_values } from "../kernel/cmdline.ts";
import type { Device } from "../kernel/iommu/types.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { the_platform } from "../kernel/platform.ts";
import { defineKernel } from "../kernel/profile.ts";

/** What the RFC gives as its example, where the machine's command line does not say. */
const DEFAULT = 0xa0000000n;

function msi_iova_base(k: Kernel): bigint {
  const text = param_values(the_platform(k).boot.cmdline, "arm-smmu.msi_iova_base").at(-1) ?? "";
  return /^(0x[0-9a-f]+|[0-9]+)$/i.test(text) ? BigInt(text) : DEFAULT;
}

export default defineKernel({
  id: "pci-windows-msi-base",
  title: "msi_iova_base",
  subtitle: "the MSI window moved at boot",
  base: "pci-windows-dma-only-5.4",
  date: "2020-05-27",
  ref: "1590595398-4217-1-git-send-email-srinath.mannam@broadcom.com",
  changes:
    "A module parameter of the SMMU driver says where the MSI window starts, for platforms whose bridge does not pass 0x8000000.",
  scenario: "pci-windows-msi-base",
  expects: [
    "memory at 0x8000000 can be mapped, memory at 0xa0000000 gives EINVAL",
    "the MSI address is 0xa0000040 and the interrupt arrives",
  ],
  objections: [
    {
      who: "Robin Murphy, 27 May 2020",
      what: "The DMA API maps doorbells wherever it likes and ignores this window; only VFIO users meet it. The number merely suits QEMU, and a way for VFIO's users to move it was thought of at the time: perhaps that is due now.",
      ref: "f9b221cf-1c7f-9f95-133b-dca65197b6c2@arm.com",
    },
  ],
  unknown: [
    "The RFC changed the driver of SMMUv2; it is applied to SMMUv3 here. Booted with 0xa0000000 unless the machine's command line says otherwise.",
  ],
  overrides: (base) => ({
    arm_smmu_get_resv_regions: (k: Kernel, dev: Device) =>
      base
        .arm_smmu_get_resv_regions(k, dev)
        .map((r) => (r.type === "sw-msi" ? Object.assign(r, { start: msi_iova_base(k) }) : r)),
  }),
});
