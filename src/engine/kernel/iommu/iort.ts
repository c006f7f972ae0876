/**
 * What the IO Remapping Table says about a device's addresses. Source: linux 7.2 drivers/acpi/arm64/iort.c
 * `iort_iommu_msi_get_resv_regions`, `iort_get_rmrs`, `iort_rmr_has_dev`.
 */
import type { RmrDesc } from "../../../hw/machine.ts";
import type { Kernel } from "../kernel.ts";
import type { PciDev } from "../pci/pci_dev.ts";
import { the_platform } from "../platform.ts";
import {
  IOMMU_CACHE,
  IOMMU_MMIO,
  IOMMU_NOEXEC,
  IOMMU_PRIV,
  IOMMU_READ,
  IOMMU_WRITE,
  type ResvRegion,
} from "./types.ts";

const SZ_64K = 0x1_0000;
const PAGE = 0x1000;
/** Of the ITS's two frames the second holds the doorbell. */
const ITS_DOORBELL_FRAME = SZ_64K;

/** In the order of the kernel: doorbells that pass by the SMMU, then reserved memory. */
export function iort_iommu_get_resv_regions(k: Kernel, pdev: PciDev): ResvRegion[] {
  return [...msi_regions(k, pdev), ...rmr_regions(k, pdev)];
}

/** HiSilicon's HIP06 and HIP07: writes to the ITS are not translated, so that its page is no IOVA. */
function msi_regions(k: Kernel, pdev: PciDev): ResvRegion[] {
  const { desc } = the_platform(k).machine;
  const smmu = desc.smmus.find((s) => s.name === pdev.hw.desc.smmu);
  if (smmu?.model !== "hi161x" || desc.its === null || pdev.hw.desc.msiDeviceId < 0) return [];
  const start = BigInt(desc.its.base + ITS_DOORBELL_FRAME);
  return [{ start, length: BigInt(SZ_64K), type: "msi", prot: IOMMU_WRITE | IOMMU_NOEXEC | IOMMU_MMIO }];
}

function rmr_regions(k: Kernel, pdev: PciDev): ResvRegion[] {
  const { firmware } = the_platform(k).machine.desc;
  const { smmu, sids } = pdev.hw.desc;
  const mine = (firmware?.rmrs ?? []).filter(
    (rmr) => rmr.smmu === smmu && sids.some((sid) => sid >= rmr.firstSid && sid <= rmr.lastSid),
  );
  if (mine.length === 0) return [];
  const kept = firmware?.preserveConfig === true;
  if (!kept) {
    const why = firmware?.preserveConfig === null ? "was not saved, taken as no" : "no";
    k.note(`${pdev.bdf}: ${mine.length} RMR not used: host bridge preserves its configuration (_DSM 5): ${why}`);
    return [];
  }
  return mine.map(rmr_region);
}

/** What does not lie on 64 KiB is firmware's mistake and goes on with whole pages. */
function rmr_region(rmr: RmrDesc): ResvRegion {
  let { start } = rmr;
  let length = rmr.last + 1 - start;
  if (start % SZ_64K !== 0 || length % SZ_64K !== 0) {
    length = Math.ceil((length + (start % PAGE)) / PAGE) * PAGE;
    start -= start % PAGE;
  }
  const memory = rmr.memory === "device" ? IOMMU_MMIO : rmr.memory === "cached" ? IOMMU_CACHE : 0;
  return {
    start: BigInt(start),
    length: BigInt(length),
    type: rmr.relaxable ? "direct-relaxable" : "direct",
    prot: IOMMU_READ | IOMMU_WRITE | (rmr.privileged ? IOMMU_PRIV : 0) | memory,
  };
}

/** StreamIDs of one SMMU that firmware's devices may be using now, ascending. */
export function iort_get_rmr_sids(k: Kernel, hw_name: string): number[] {
  const sids = new Set<number>();
  for (const rmr of the_platform(k).machine.desc.firmware?.rmrs ?? []) {
    if (rmr.smmu !== hw_name) continue;
    for (let sid = rmr.firstSid; sid <= rmr.lastSid; sid++) sids.add(sid);
  }
  return [...sids].sort((a, b) => a - b);
}
