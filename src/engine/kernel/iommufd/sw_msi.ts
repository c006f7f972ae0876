/** MSI doorbells in the tables of iommufd. Source: linux 7.2 drivers/iommu/iommufd/{device,driver}.c, 6.12 device.c. */
import { errno } from "../../uapi/errno.ts";
import { IOMMU_MMIO, IOMMU_READ, IOMMU_WRITE, type Device, type IommuDomain } from "../iommu/types.ts";
import { type MsiDesc, msi_desc_set_iommu_msi_iova } from "../irq/msi.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_MASK_N, PAGE_SHIFT, PAGE_SIZE_N } from "../mm/const.ts";
import { hwpt_label } from "./hw_pagetable.ts";
import {
  IommufdAttachHandle,
  type IommufdCtx,
  type IommufdGroup,
  type IommufdHwptPaging,
  type SwMsiMap,
} from "./objects.ts";

/** Bits in present_sw_msi and required_sw_msi. */
const MAX_SW_MSI = 64;

function get_map(k: Kernel, ictx: IommufdCtx, sw_msi_start: bigint, page: bigint): SwMsiMap | number {
  const found = ictx.sw_msi_list.find((map) => map.sw_msi_start === sw_msi_start && map.msi_addr === page);
  if (found !== undefined) return found;
  if (!k.check(ictx.sw_msi_id < MAX_SW_MSI, "fewer than 64 doorbell pages on this file")) return -errno.EOVERFLOW;
  if (k.fails()) return -errno.ENOMEM;
  let pgoff = 0n;
  for (const map of ictx.sw_msi_list) {
    if (map.sw_msi_start === sw_msi_start && map.pgoff >= pgoff) pgoff = map.pgoff + 1n;
  }
  const map: SwMsiMap = { id: ictx.sw_msi_id++, sw_msi_start, msi_addr: page, pgoff };
  ictx.sw_msi_list.push(map);
  return map;
}

function install(k: Kernel, hwpt: IommufdHwptPaging, map: SwMsiMap): number {
  const bit = 1n << BigInt(map.id);
  if ((hwpt.present_sw_msi & bit) !== 0n || hwpt.domain === null) return 0;
  const iova = map.sw_msi_start + map.pgoff * PAGE_SIZE_N;
  const rc = k.ops.iommu_map(k, hwpt.domain, iova, map.msi_addr, PAGE_SIZE_N, IOMMU_WRITE | IOMMU_READ | IOMMU_MMIO);
  if (rc < 0) return rc;
  k.note(`doorbell page 0x${map.msi_addr.toString(16)} is at 0x${iova.toString(16)} in ${hwpt_label(hwpt)}`);
  hwpt.present_sw_msi |= bit;
  return 0;
}

/**
 * An interrupt of `dev` gets the doorbell `msi_addr`: maps its page where the group's window is and puts the IOVA
 * into `desc`. 0 with `desc` untouched means that the physical address is used.
 */
export function iommufd_sw_msi(k: Kernel, _domain: IommuDomain, dev: Device, desc: MsiDesc, msi_addr: bigint): number {
  const handle = dev.iommu_group?.rid_handle;
  if (!(handle instanceof IommufdAttachHandle)) return 0;
  const { igroup } = handle.owner;
  const hwpt = k.ops.find_hwpt_paging(k, handle.hwpt);
  if (igroup.sw_msi_start === null) {
    k.note("no attach saw an SW_MSI window: the physical doorbell address is used");
    return 0;
  }
  const map = get_map(k, igroup.ictx, igroup.sw_msi_start, msi_addr & ~PAGE_MASK_N);
  if (typeof map === "number") return map;
  const rc = install(k, hwpt, map);
  if (rc < 0) return rc;
  igroup.required_sw_msi |= 1n << BigInt(map.id);
  msi_desc_set_iommu_msi_iova(desc, map.sw_msi_start + map.pgoff * PAGE_SIZE_N, PAGE_SHIFT);
  return 0;
}

/**
 * A group is about to use `hwpt`: every doorbell page that it ever asked for is installed first, so that messages
 * already programmed go on working. With cookies (up to 6.14) only the window is announced.
 */
export function iommufd_group_setup_msi(k: Kernel, igroup: IommufdGroup, hwpt: IommufdHwptPaging): number {
  const start = igroup.sw_msi_start;
  if (start === null) return 0;
  if (k.features.sw_msi === "cookie") {
    if (hwpt.msi_cookie || hwpt.domain === null) return 0;
    const rc = k.ops.iommu_get_msi_cookie(k, hwpt.domain, start);
    if (rc === 0) hwpt.msi_cookie = true;
    return rc;
  }
  for (const map of igroup.ictx.sw_msi_list) {
    if (map.sw_msi_start !== start || (igroup.required_sw_msi & (1n << BigInt(map.id))) === 0n) continue;
    const rc = install(k, hwpt, map);
    if (rc < 0) return rc;
  }
  return 0;
}
