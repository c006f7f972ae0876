/** How long the kernel of a release took each struct to be: bytes beyond must be 0. Source: include/uapi/linux/iommufd.h. */
import { IOMMU_GET_HW_INFO, IOMMU_HWPT_ALLOC, IOMMU_VIOMMU_ALLOC } from "../../uapi/iommufd.ts";
import type { IoctlDef } from "../../uapi/layout.ts";
import type { Kernel } from "../kernel.ts";
import { releaseNumber } from "../profile.ts";

/** Name of the ioctl -> its sizes before the releases that made it longer, oldest first. */
const GREW: Readonly<Record<string, readonly { before: string; size: number }[]>> = Object.freeze({
  [IOMMU_HWPT_ALLOC.name]: Object.freeze([
    { before: "6.7", size: 24 },
    { before: "6.11", size: 40 },
  ]),
  [IOMMU_GET_HW_INFO.name]: Object.freeze([{ before: "6.7", size: 32 }]),
  [IOMMU_VIOMMU_ALLOC.name]: Object.freeze([{ before: "6.17", size: 24 }]),
});

/** Bytes of the struct that this kernel knows. */
export function known_size(k: Kernel, def: IoctlDef): number {
  const was = GREW[def.name]?.find(({ before }) => k.features.uapi_release < releaseNumber(before));
  return was?.size ?? def.size;
}
