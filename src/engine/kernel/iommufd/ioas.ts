/** The ioctls of an I/O address space. Source: linux 7.2 drivers/iommu/iommufd/ioas.c. */
import { decode, encode } from "../../uapi/codec.ts";
import { errno } from "../../uapi/errno.ts";
import {
  IOMMU_IOAS_ALLOC,
  IOMMU_IOAS_ALLOW_IOVAS,
  IOMMU_IOAS_CHANGE_PROCESS,
  IOMMU_IOAS_COPY,
  IOMMU_IOAS_IOVA_RANGES,
  IOMMU_IOAS_MAP,
  IOMMU_IOAS_MAP_FILE,
  IOMMU_IOAS_UNMAP,
  MAP_FLAGS,
  OPTION_OP,
} from "../../uapi/iommufd.ts";
import { IOVA_RANGE } from "../../uapi/records.ts";
import { IOMMU_CACHE, IOMMU_READ, IOMMU_WRITE } from "../iommu/types.ts";
import type { Kernel } from "../kernel.ts";
import { ULONG_MAX } from "../mm/const.ts";
import { copy_from_user, copy_to_user } from "../mm/uaccess.ts";
import { RangeMap } from "../range_map.ts";
import { iopt_disable_large_pages, iopt_enable_large_pages, iopt_get_pages, iopt_unmap_all } from "./io_pagetable.ts";
import type { AllowedRange } from "./iopt.ts";
import type { IoptPages } from "./iopt_pages.ts";
import { iommufd_get_object, iommufd_object_abort, iommufd_object_alloc, iommufd_object_finalize } from "./object.ts";
import { IommufdIoas } from "./objects.ts";
import { account_pinned, iopt_put_pages } from "./pages.ts";
import { iopt_map_file_pages, iopt_map_user_pages } from "./pages_alloc.ts";
import { allowedInterval, iopt_holes } from "./reserved.ts";
import { iommufd_ucmd_respond, type Ucmd } from "./ucmd.ts";

export const conv_iommu_prot = (flags: number): number =>
  IOMMU_CACHE | ((flags & MAP_FLAGS.W) !== 0 ? IOMMU_WRITE : 0) | ((flags & MAP_FLAGS.R) !== 0 ? IOMMU_READ : 0);

export function iommufd_ioas_alloc(k: Kernel, ucmd: Ucmd): IommufdIoas | number {
  const ioas = new IommufdIoas(ucmd.ictx);
  const rc = iommufd_object_alloc(k, ioas);
  return rc < 0 ? rc : ioas;
}

export function iommufd_ioas_alloc_ioctl(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(IOMMU_IOAS_ALLOC, ucmd.bytes);
  if (!k.check(cmd.flags === 0, "no flag is set")) return -errno.EOPNOTSUPP;
  const ioas = iommufd_ioas_alloc(k, ucmd);
  if (typeof ioas === "number") return ioas;
  const rc = iommufd_ucmd_respond(k, ucmd, IOMMU_IOAS_ALLOC, { out_ioas_id: ioas.id });
  if (rc < 0) iommufd_object_abort(ioas);
  else iommufd_object_finalize(ioas);
  return rc;
}

/** Unmaps everything; nothing is linked any more. */
export function iommufd_ioas_destroy(k: Kernel, ioas: IommufdIoas): void {
  iopt_unmap_all(k, ioas.iopt);
  ioas.iopt.reserved.length = 0;
  ioas.iopt.allowed.clear();
}

export function iommufd_ioas_iova_ranges(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(IOMMU_IOAS_IOVA_RANGES, ucmd.bytes);
  if (!k.check(cmd.__reserved === 0, "the reserved field is 0")) return -errno.EOPNOTSUPP;
  const ioas = iommufd_get_object(k, ucmd.ictx, cmd.ioas_id, "IOAS");
  if (ioas === null) return -errno.ENOENT;
  const holes = iopt_holes(ioas.iopt);
  for (let i = 0; i < Math.min(holes.length, cmd.num_iovas); i++) {
    const range = holes[i];
    if (range === undefined) continue;
    const ok = copy_to_user(k, cmd.allowed_iovas + BigInt(i * IOVA_RANGE.size), encode(IOVA_RANGE, range));
    if (!k.check(ok, "the array can be written")) return -errno.EFAULT;
  }
  const rc = iommufd_ucmd_respond(k, ucmd, IOMMU_IOAS_IOVA_RANGES, {
    num_iovas: holes.length,
    out_iova_alignment: ioas.iopt.iova_alignment,
  });
  if (rc < 0) return rc;
  const detail = () => ({ left: `${holes.length} ranges`, right: `room for ${cmd.num_iovas}` });
  return k.check(holes.length <= cmd.num_iovas, "all ranges fit into the array", detail) ? 0 : -errno.EMSGSIZE;
}

function load_allowed(k: Kernel, uptr: bigint, n: number): RangeMap<AllowedRange> | number {
  const list = new RangeMap<AllowedRange>();
  for (let i = 0; i < n; i++) {
    const bytes = copy_from_user(k, uptr + BigInt(i * IOVA_RANGE.size), IOVA_RANGE.size);
    if (!k.check(bytes !== null, "the array can be read") || bytes === null) return -errno.EFAULT;
    const range = decode(IOVA_RANGE, bytes);
    const { start, last } = range;
    if (!k.check(start < last, "the range has at least two bytes", () => ({ range }))) return -errno.EINVAL;
    const clash = list.first(start, last);
    const detail = () => ({ range, hits: clash === undefined ? [] : [allowedInterval(clash)] });
    if (!k.check(clash === undefined, "the ranges do not overlap", detail)) return -errno.EINVAL;
    if (k.fails()) return -errno.ENOMEM;
    list.insert({ start, last });
  }
  return list;
}

export function iommufd_ioas_allow_iovas(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(IOMMU_IOAS_ALLOW_IOVAS, ucmd.bytes);
  if (!k.check(cmd.__reserved === 0, "the reserved field is 0")) return -errno.EOPNOTSUPP;
  const ioas = iommufd_get_object(k, ucmd.ictx, cmd.ioas_id, "IOAS");
  if (ioas === null) return -errno.ENOENT;
  const list = load_allowed(k, cmd.allowed_iovas, cmd.num_iovas);
  return typeof list === "number" ? list : k.ops.iopt_set_allow_iova(k, ioas.iopt, list);
}

function check_map_flags(k: Kernel, flags: number): number {
  return k.check((flags & ~7) === 0, "only the flags FIXED_IOVA, WRITEABLE, READABLE") ? 0 : -errno.EOPNOTSUPP;
}

function check_map_access(k: Kernel, flags: number): number {
  return k.check((flags & (MAP_FLAGS.R | MAP_FLAGS.W)) !== 0, "the mapping is readable or writeable")
    ? 0
    : -errno.EINVAL;
}

function below_max(k: Kernel, ...values: bigint[]): number {
  return k.check(
    values.every((x) => x < ULONG_MAX),
    "addresses and lengths are less than 2^64 - 1",
  )
    ? 0
    : -errno.EOVERFLOW;
}

const fixed_iova = (flags: number, iova: bigint): bigint | null => ((flags & MAP_FLAGS.FIXED) !== 0 ? iova : null);

export function iommufd_ioas_map(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(IOMMU_IOAS_MAP, ucmd.bytes);
  if (!k.check((cmd.flags & ~7) === 0 && cmd.__reserved === 0, "only known flags, reserved fields 0"))
    return -errno.EOPNOTSUPP;
  const rc = below_max(k, cmd.iova, cmd.length) || check_map_access(k, cmd.flags);
  if (rc < 0) return rc;
  const ioas = iommufd_get_object(k, ucmd.ictx, cmd.ioas_id, "IOAS");
  if (ioas === null) return -errno.ENOENT;
  const place = { fixed: fixed_iova(cmd.flags, cmd.iova), prot: conv_iommu_prot(cmd.flags) };
  const iova = iopt_map_user_pages(k, ucmd.ictx, ioas.iopt, cmd.user_va, cmd.length, place);
  return typeof iova === "number" ? iova : iommufd_ucmd_respond(k, ucmd, IOMMU_IOAS_MAP, { iova });
}

export function iommufd_ioas_map_file(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(IOMMU_IOAS_MAP_FILE, ucmd.bytes);
  const rc = check_map_flags(k, cmd.flags) || below_max(k, cmd.iova, cmd.length) || check_map_access(k, cmd.flags);
  if (rc < 0) return rc;
  const ioas = iommufd_get_object(k, ucmd.ictx, cmd.ioas_id, "IOAS");
  if (ioas === null) return -errno.ENOENT;
  const place = { fixed: fixed_iova(cmd.flags, cmd.iova), prot: conv_iommu_prot(cmd.flags) };
  const iova = iopt_map_file_pages(k, ucmd.ictx, ioas.iopt, cmd.fd, cmd.start, cmd.length, place);
  return typeof iova === "number" ? iova : iommufd_ucmd_respond(k, ucmd, IOMMU_IOAS_MAP_FILE, { iova });
}

export function iommufd_ioas_copy(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(IOMMU_IOAS_COPY, ucmd.bytes);
  k.config.selftest?.iommufd_test_syz_conv_iova_id(k, ucmd.ictx, cmd);
  const rc =
    check_map_flags(k, cmd.flags) ||
    below_max(k, cmd.length, cmd.src_iova, cmd.dst_iova) ||
    check_map_access(k, cmd.flags);
  if (rc < 0) return rc;
  const src = iommufd_get_object(k, ucmd.ictx, cmd.src_ioas_id, "IOAS");
  if (src === null) return -errno.ENOENT;
  const pieces = iopt_get_pages(k, src.iopt, cmd.src_iova, cmd.length);
  if (typeof pieces === "number") return pieces;
  const dst = iommufd_get_object(k, ucmd.ictx, cmd.dst_ioas_id, "IOAS");
  const fixed = fixed_iova(cmd.flags, cmd.dst_iova);
  const iova =
    dst === null
      ? -errno.ENOENT
      : k.ops.iopt_map_pages(k, dst.iopt, pieces, cmd.length, fixed, conv_iommu_prot(cmd.flags));
  for (const piece of pieces) iopt_put_pages(k, piece.pages);
  return typeof iova === "number" ? iova : iommufd_ucmd_respond(k, ucmd, IOMMU_IOAS_COPY, { ...cmd, dst_iova: iova });
}

export function iommufd_ioas_unmap(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(IOMMU_IOAS_UNMAP, ucmd.bytes);
  const ioas = iommufd_get_object(k, ucmd.ictx, cmd.ioas_id, "IOAS");
  if (ioas === null) return -errno.ENOENT;
  const all = cmd.iova === 0n && cmd.length === ULONG_MAX;
  if (!all) {
    const rc = below_max(k, cmd.iova, cmd.length);
    if (rc < 0) return rc;
    if (!k.check(cmd.length !== 0n, "the length is not 0")) return -errno.EINVAL;
    if (!k.check(cmd.iova + cmd.length - 1n <= ULONG_MAX, "the range ends inside 64 bits")) return -errno.EOVERFLOW;
  }
  const { rc, bytes } = all
    ? iopt_unmap_all(k, ioas.iopt)
    : k.ops.iopt_unmap_iova(k, ioas.iopt, cmd.iova, cmd.iova + cmd.length - 1n);
  if (rc < 0) return rc;
  if (!k.check(all || bytes !== 0n, "something is mapped in the range")) return -errno.ENOENT;
  return iommufd_ucmd_respond(k, ucmd, IOMMU_IOAS_UNMAP, { length: bytes });
}

/** HUGE_PAGES of IOMMU_OPTION. */
export function iommufd_ioas_option(k: Kernel, ioas: IommufdIoas, op: number, value: { val64: bigint }): number {
  if (op === OPTION_OP.GET) {
    value.val64 = ioas.iopt.disable_large_pages ? 0n : 1n;
    return 0;
  }
  if (!k.check(op === OPTION_OP.SET, "the operation is SET or GET")) return -errno.EOPNOTSUPP;
  if (value.val64 === 0n) return iopt_disable_large_pages(k, ioas.iopt);
  if (!k.check(value.val64 === 1n, "the value is 0 or 1")) return -errno.EINVAL;
  return iopt_enable_large_pages(k, ioas.iopt);
}

/** Moves the accounting of all file-backed mappings to the calling process. */
export function iommufd_ioas_change_process(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(IOMMU_IOAS_CHANGE_PROCESS, ucmd.bytes);
  if (!k.check(cmd.__reserved === 0, "the reserved field is 0")) return -errno.EOPNOTSUPP;
  const seen = new Set<IoptPages>();
  for (const obj of ucmd.ictx.objects.values()) {
    if (obj.kind !== "IOAS") continue;
    for (const area of obj.iopt.areas) {
      if (!k.check(area.pages !== null, "no area is being set up") || area.pages === null) return -errno.EBUSY;
      if (!k.check(area.pages.source.kind === "file", "all mappings are of files")) return -errno.EINVAL;
      seen.add(area.pages);
    }
  }
  const task = k.current;
  const moving = [...seen].filter((pages) => pages.source_user !== task.user || pages.source_mm !== task.mm);
  const charged: { pages: IoptPages; from: Pick<IoptPages, "source_mm" | "source_user" | "source_task"> }[] = [];
  for (const pages of moving) {
    const from = { source_mm: pages.source_mm, source_user: pages.source_user, source_task: pages.source_task };
    Object.assign(pages, { source_mm: task.mm, source_user: task.user, source_task: task });
    const rc = account_pinned(k, pages, pages.npinned);
    if (rc < 0) {
      Object.assign(pages, from);
      for (const one of charged) {
        account_pinned(k, one.pages, -one.pages.npinned);
        Object.assign(one.pages, one.from);
      }
      return rc;
    }
    charged.push({ pages, from });
  }
  for (const { pages, from } of charged) {
    const to = { source_mm: pages.source_mm, source_user: pages.source_user, source_task: pages.source_task };
    Object.assign(pages, from);
    account_pinned(k, pages, -pages.npinned);
    Object.assign(pages, to);
  }
  return 0;
}
