/** The self-test's looks into IOASes, domains and pages. Source: linux 7.2 drivers/iommu/iommufd/selftest.c. */
import { decode } from "../../../uapi/codec.ts";
import { errno } from "../../../uapi/errno.ts";
import * as uapi from "../../../uapi/iommu_test.ts";
import { iommu_iova_to_phys, min_page_size } from "../../iommu/map.ts";
import { iommufd_get_object } from "../../iommufd/object.ts";
import type { IommufdHwptPaging } from "../../iommufd/objects.ts";
import { iommufd_ucmd_respond, type Ucmd } from "../../iommufd/ucmd.ts";
import type { Kernel } from "../../kernel.ts";
import { PAGE_MASK_N, PAGE_SIZE_N, ULONG_MAX } from "../../mm/const.ts";
import { mm_pages } from "../../mm/mm.ts";
import { copy_from_user } from "../../mm/uaccess.ts";
import { leaves } from "./driver.ts";
import { MOCK_ENTRIES, MockNested, to_mock_paging } from "./state.ts";

export function test_add_reserved(k: Kernel, ucmd: Ucmd): number {
  const { id, start, length } = decode(uapi.TEST_ADD_RESERVED, ucmd.bytes);
  if (!k.check(length !== 0n, "the length is not 0")) return -errno.EINVAL;
  if (!k.check(start + length - 1n <= ULONG_MAX, "the range ends inside 64 bits")) return -errno.EOVERFLOW;
  const ioas = iommufd_get_object(k, ucmd.ictx, id, "IOAS");
  if (ioas === null) return -errno.ENOENT;
  const why = { label: "a reservation of the self-test", kind: "test" };
  return k.ops.iopt_reserve_iova(k, ioas.iopt, start, start + length - 1n, null, why);
}

function get_paging(k: Kernel, ucmd: Ucmd, id: number): IommufdHwptPaging | null {
  return iommufd_get_object(k, ucmd.ictx, id, "HWPT_PAGING");
}

export function test_md_check_map(k: Kernel, ucmd: Ucmd): number {
  const { id, iova, length, uptr } = decode(uapi.TEST_MD_CHECK_MAP, ucmd.bytes);
  const domain = get_paging(k, ucmd, id)?.domain;
  if (domain === undefined || domain === null) return -errno.ENOENT;
  const page = min_page_size(domain.pgsize_bitmap);
  const aligned = iova % page === 0n && length % page === 0n && uptr % page === 0n && uptr + length <= ULONG_MAX;
  if (!k.check(aligned, "the addresses are multiples of the smallest page")) return -errno.EINVAL;
  for (let done = 0n; done < length; done += page) {
    const va = uptr + done;
    const hit = mm_pages(k, k.current.mm, va & ~PAGE_MASK_N, false, 1);
    if (!k.check(hit !== null, "the user's page can be read") || hit === null) return -errno.EFAULT;
    const pa = iommu_iova_to_phys(k, domain, BigInt.asUintN(64, iova + done)) ?? 0n;
    const same = pa === BigInt(hit.pfn) * PAGE_SIZE_N + (va & PAGE_MASK_N);
    if (!k.check(same, `IOVA 0x${(iova + done).toString(16)} leads to the user's page`)) return -errno.EINVAL;
  }
  return 0;
}

export function test_md_check_refs(k: Kernel, ucmd: Ucmd): number {
  const { length, uptr, refs } = decode(uapi.TEST_MD_CHECK_REFS, ucmd.bytes);
  const aligned = length % PAGE_SIZE_N === 0n && uptr % PAGE_SIZE_N === 0n && uptr + length <= ULONG_MAX;
  if (!k.check(aligned, "the range is made of whole pages")) return -errno.EINVAL;
  for (let done = 0n; done < length; done += PAGE_SIZE_N) {
    const hit = mm_pages(k, k.current.mm, uptr + done, false, 1);
    if (!k.check(hit !== null, "the user's page can be read") || hit === null) return -errno.EFAULT;
    if (hit.vma.store.kind === "hugetlb") continue;
    const pins = k.mm.pins.get(hit.pfn);
    const detail = () => ({ left: `${pins} pins`, right: `${refs}` });
    if (!k.check(pins === refs, "the page is pinned so many times", detail)) return -errno.EIO;
  }
  return 0;
}

export function test_md_check_iotlb(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(uapi.TEST_MD_CHECK_IOTLB, ucmd.bytes);
  const nested = iommufd_get_object(k, ucmd.ictx, cmd.id, "HWPT_NESTED")?.domain?.priv;
  if (!(nested instanceof MockNested)) return -errno.ENOENT;
  const same = cmd.iotlb_id < MOCK_ENTRIES && nested.iotlb[cmd.iotlb_id] === cmd.iotlb;
  return k.check(same, "the IOTLB entry exists and has this value") ? 0 : -errno.EINVAL;
}

/** The request of TEST_DIRTY once checked: a bitmap over pages of a domain. */
export interface DirtyRequest {
  hwpt: IommufdHwptPaging;
  iova: bigint;
  page_size: bigint;
  /** Numbers of the bits set. */
  bits: number[];
}

/** Checks shared by all releases' mocks. */
export function test_dirty_request(k: Kernel, ucmd: Ucmd): DirtyRequest | number {
  const { id, iova, length, page_size, uptr } = decode(uapi.TEST_DIRTY, ucmd.bytes);
  const sane = page_size !== 0n && length !== 0n && uptr !== 0n && iova % page_size === 0n && length % page_size === 0n;
  if (!k.check(sane, "the range is made of whole pages and there is a bitmap")) return -errno.EINVAL;
  const n = length / page_size;
  if (!k.check(n <= 1n << 27n, "the bitmap is not too large")) return -errno.EOVERFLOW;
  const hwpt = get_paging(k, ucmd, id);
  if (hwpt === null || hwpt.domain === null) return -errno.ENOENT;
  if (!k.check(to_mock_paging(hwpt.domain).tracking, "dirty tracking is on")) return -errno.EINVAL;
  if (k.fails()) return -errno.ENOMEM;
  const bytes = copy_from_user(k, uptr, Math.ceil(Number(n) / 8));
  if (!k.check(bytes !== null, "the bitmap can be read") || bytes === null) return -errno.EFAULT;
  const bits: number[] = [];
  bytes.forEach((byte, at) => {
    for (let bit = 0; byte >> bit !== 0; bit++) {
      const i = at * 8 + bit;
      if (((byte >> bit) & 1) !== 0 && BigInt(i) < n) bits.push(i);
    }
  });
  return { hwpt, iova, page_size, bits };
}

export function test_dirty(k: Kernel, ucmd: Ucmd): number {
  const request = test_dirty_request(k, ucmd);
  if (typeof request === "number") return request;
  const { hwpt, iova, page_size, bits } = request;
  if (hwpt.domain === null) return -errno.ENOENT;
  const table = leaves(hwpt.domain);
  for (const bit of bits) table.mark_dirty(iova + BigInt(bit) * page_size);
  return iommufd_ucmd_respond(k, ucmd, uapi.TEST_DIRTY, { out_nr_dirty: BigInt(bits.length) });
}
