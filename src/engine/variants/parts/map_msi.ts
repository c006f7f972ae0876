/** The doorbell page in stage 2, where the guest has its own. */
import { GITS } from "../../../hw/irq/its.ts";
import { IOMMU_MMIO, IOMMU_READ, IOMMU_WRITE } from "../../kernel/iommu/types.ts";
import type { Entry } from "../../kernel/iommufd/main.ts";
import { iommufd_get_object } from "../../kernel/iommufd/object.ts";
import type { Ucmd } from "../../kernel/iommufd/ucmd.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { PAGE_MASK_N, PAGE_SIZE_N } from "../../kernel/mm/const.ts";
import { the_platform } from "../../kernel/platform.ts";
import { decode } from "../../uapi/codec.ts";
import { errno } from "../../uapi/errno.ts";
import { IOMMU_IOAS_MAP_MSI } from "../../uapi/proposals.ts";

const PROT = IOMMU_READ | IOMMU_WRITE | IOMMU_MMIO;

function iommufd_ioas_map_msi(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(IOMMU_IOAS_MAP_MSI, ucmd.bytes);
  const ioas = iommufd_get_object(k, ucmd.ictx, cmd.ioas_id, "IOAS");
  const idev = iommufd_get_object(k, ucmd.ictx, cmd.dev_id, "DEVICE");
  if (ioas === null || idev === null) return -errno.ENOENT;
  if (!k.check((cmd.iova & PAGE_MASK_N) === 0n, "a page")) return -errno.EINVAL;
  const { its } = the_platform(k).irq;
  if (!k.check(its !== null, "the device's interrupts go through an ITS") || its === null) return -errno.EOPNOTSUPP;
  const page = BigInt(its.base + GITS.TRANSLATER) & ~PAGE_MASK_N;
  const why = { label: `doorbell page for ${idev.dev.name}`, kind: "msi" } as const;
  const last = cmd.iova + PAGE_SIZE_N - 1n;
  const rc = k.ops.iopt_reserve_iova(k, ioas.iopt, cmd.iova, last, { map_msi: idev.dev.name }, why);
  if (rc < 0) return rc;
  for (const domain of ioas.iopt.domains) {
    const mapped = k.ops.iommu_map(k, domain, cmd.iova, page, PAGE_SIZE_N, PROT);
    if (mapped < 0) return mapped;
  }
  return 0;
}

/** Declaration and handler. */
export const MAP_MSI: Entry = Object.freeze({ def: IOMMU_IOAS_MAP_MSI, run: iommufd_ioas_map_msi });
