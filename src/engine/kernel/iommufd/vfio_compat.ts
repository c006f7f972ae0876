/** VFIO container ioctls answered by an iommufd file. Source: linux 7.2 drivers/iommu/iommufd/vfio_compat.c. */
import { decode, encode, encodeInto } from "../../uapi/codec.ts";
import { errno } from "../../uapi/errno.ts";
import { IOMMU_VFIO_IOAS, VFIO_IOAS_OP } from "../../uapi/iommufd.ts";
import { IOVA_RANGE, VFIO_CAP_DMA_AVAIL, VFIO_CAP_IOVA_RANGE_HEAD } from "../../uapi/records.ts";
import * as vfio from "../../uapi/vfio.ts";
import { IOMMU_CACHE, IOMMU_READ, IOMMU_WRITE } from "../iommu/types.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_MASK_N, PAGE_SIZE_N, ULONG_MAX } from "../mm/const.ts";
import { copy_from_user, copy_to_user } from "../mm/uaccess.ts";
import { iopt_cut_iova, iopt_disable_large_pages, iopt_unmap_all } from "./io_pagetable.ts";
import { iommufd_get_object } from "./object.ts";
import type { IommufdCtx, IommufdIoas } from "./objects.ts";
import { iopt_map_user_pages } from "./pages_alloc.ts";
import { iopt_holes } from "./reserved.ts";
import { iommufd_ucmd_respond, type Ucmd } from "./ucmd.ts";

export const VFIO_TYPE1_IOMMU = 1;
export const VFIO_TYPE1v2_IOMMU = 3;
const VFIO_DMA_CC_IOMMU = 4;
export const VFIO_NOIOMMU_IOMMU = 8;
const VFIO_UNMAP_ALL = 9;
const CAP_IOVA_RANGE = 1;
const CAP_DMA_AVAIL = 3;

function get_compat_ioas(k: Kernel, ictx: IommufdCtx): IommufdIoas | null {
  const ioas = k.fails() ? null : ictx.vfio_ioas;
  k.check(ioas !== null, "the file has an IOAS for VFIO containers");
  return ioas;
}

export function iommufd_vfio_ioas(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(IOMMU_VFIO_IOAS, ucmd.bytes);
  if (!k.check(cmd.__reserved === 0, "the reserved field is 0")) return -errno.EOPNOTSUPP;
  switch (cmd.op) {
    case VFIO_IOAS_OP.GET: {
      const ioas = get_compat_ioas(k, ucmd.ictx);
      return ioas === null ? -errno.ENODEV : iommufd_ucmd_respond(k, ucmd, IOMMU_VFIO_IOAS, { ioas_id: ioas.id });
    }
    case VFIO_IOAS_OP.SET: {
      const ioas = iommufd_get_object(k, ucmd.ictx, cmd.ioas_id, "IOAS");
      if (ioas === null) return -errno.ENOENT;
      ucmd.ictx.vfio_ioas = ioas;
      return 0;
    }
    case VFIO_IOAS_OP.CLEAR:
      ucmd.ictx.vfio_ioas = null;
      return 0;
    default:
      k.check(false, "the operation is GET, SET or CLEAR");
      return -errno.EOPNOTSUPP;
  }
}

function check_extension(k: Kernel, ictx: IommufdCtx, extension: bigint): number {
  switch (Number(extension)) {
    case VFIO_TYPE1_IOMMU:
    case VFIO_TYPE1v2_IOMMU:
    case VFIO_UNMAP_ALL:
      return ictx.no_iommu_mode ? 0 : 1;
    case VFIO_DMA_CC_IOMMU: {
      const ioas = get_compat_ioas(k, ictx);
      if (ioas === null) return -errno.ENODEV;
      return ioas.hwpt_list.every((hwpt) => hwpt.enforce_cache_coherency) ? 1 : 0;
    }
    default:
      return 0;
  }
}

function set_iommu(k: Kernel, ictx: IommufdCtx, type: bigint): number {
  if (type === BigInt(VFIO_NOIOMMU_IOMMU) && ictx.no_iommu_mode) {
    return k.check(k.current.capable("CAP_SYS_RAWIO"), "the process has CAP_SYS_RAWIO") ? 0 : -errno.EPERM;
  }
  const type1 = type === BigInt(VFIO_TYPE1_IOMMU);
  const known = (type1 || type === BigInt(VFIO_TYPE1v2_IOMMU)) && !ictx.no_iommu_mode;
  if (!k.check(known, "the type is TYPE1 or TYPE1v2")) return -errno.EINVAL;
  const ioas = get_compat_ioas(k, ictx);
  if (ioas === null) return -errno.ENODEV;
  return type1 ? iopt_disable_large_pages(k, ioas.iopt) : 0;
}

/** The struct, `bytes` long; null: -EFAULT. `argsz` must be at least `min`. */
function read_struct(k: Kernel, arg: bigint, bytes: number): Uint8Array | null {
  const out = copy_from_user(k, arg, bytes);
  k.check(out !== null, "the struct can be read");
  return out;
}

function map_dma(k: Kernel, ictx: IommufdCtx, arg: bigint): number {
  const bytes = read_struct(k, arg, vfio.VFIO_IOMMU_MAP_DMA.size);
  if (bytes === null) return -errno.EFAULT;
  const cmd = decode(vfio.VFIO_IOMMU_MAP_DMA, bytes);
  const { R, W } = vfio.DMA_FLAGS;
  const known = cmd.argsz >= bytes.length && (cmd.flags & ~(R | W)) === 0;
  if (!k.check(known, "argsz covers the struct and only the flags READ, WRITE are set")) return -errno.EINVAL;
  const ioas = get_compat_ioas(k, ictx);
  if (ioas === null) return -errno.ENODEV;
  const prot = ((cmd.flags & R) !== 0 ? IOMMU_READ : 0) | ((cmd.flags & W) !== 0 ? IOMMU_WRITE : 0) | IOMMU_CACHE;
  const iova = iopt_map_user_pages(k, ictx, ioas.iopt, cmd.vaddr, cmd.size, { fixed: cmd.iova, prot });
  return typeof iova === "number" ? iova : 0;
}

function unmap_dma(k: Kernel, ictx: IommufdCtx, arg: bigint): number {
  const layout = vfio.VFIO_IOMMU_UNMAP_DMA;
  const bytes = read_struct(k, arg, layout.size);
  if (bytes === null) return -errno.EFAULT;
  const cmd = decode(layout, bytes);
  const all = (cmd.flags & 2) !== 0;
  const known = cmd.argsz >= bytes.length && (cmd.flags & ~2) === 0;
  if (!k.check(known, "argsz covers the struct and only the flag ALL is set")) return -errno.EINVAL;
  const ioas = get_compat_ioas(k, ictx);
  if (ioas === null) return -errno.ENODEV;
  const empty = cmd.iova === 0n && cmd.size === 0n;
  if (!k.check(!all || empty, "ALL comes with iova 0 and size 0")) return -errno.EINVAL;
  if (!all && ioas.iopt.disable_large_pages) {
    const last = BigInt.asUintN(64, cmd.iova + cmd.size - 1n);
    const rc = iopt_cut_iova(k, ioas.iopt, cmd.iova === 0n ? [last] : [last, cmd.iova - 1n]);
    if (rc < 0) return rc;
  }
  const { rc, bytes: size } = all ? iopt_unmap_all(k, ioas.iopt) : unmap_range(k, ioas, cmd.iova, cmd.size);
  encodeInto(layout, bytes, { size });
  return copy_to_user(k, arg, bytes) ? rc : -errno.EFAULT;
}

function unmap_range(k: Kernel, ioas: IommufdIoas, iova: bigint, size: bigint): { rc: number; bytes: bigint } {
  if (!k.check(size !== 0n, "the size is not 0")) return { rc: -errno.EINVAL, bytes: 0n };
  if (!k.check(iova + size - 1n <= ULONG_MAX, "the range ends inside 64 bits"))
    return { rc: -errno.EOVERFLOW, bytes: 0n };
  const done = k.ops.iopt_unmap_iova(k, ioas.iopt, iova, iova + size - 1n);
  const something = k.features.compat_unmap_empty === "ok" || done.rc !== 0 || done.bytes > 0n;
  return k.check(something, "something is mapped in the range") ? done : { rc: -errno.ENOENT, bytes: 0n };
}

/** Page sizes that VFIO users may expect: those of all domains, nothing below a page. */
function pgsizes(ioas: IommufdIoas): bigint {
  let bits = ULONG_MAX;
  for (const domain of ioas.iopt.domains) bits &= domain.pgsize_bitmap;
  if ((bits & PAGE_MASK_N) !== 0n) bits = (bits & ~PAGE_MASK_N) | PAGE_SIZE_N;
  return bits > ioas.iopt.iova_alignment ? bits : ioas.iopt.iova_alignment;
}

function get_info(k: Kernel, ictx: IommufdCtx, arg: bigint): number {
  const layout = vfio.VFIO_IOMMU_GET_INFO;
  const head = read_struct(k, arg, layout.min);
  if (head === null) return -errno.EFAULT;
  const { argsz } = decode(layout, head);
  if (!k.check(argsz >= layout.min, "argsz covers the old struct")) return -errno.EINVAL;
  const ioas = get_compat_ioas(k, ictx);
  if (ioas === null) return -errno.ENODEV;
  const room = Math.min(argsz, layout.size);
  const bytes = new Uint8Array(layout.size);
  bytes.set(head);
  const holes = iopt_holes(ioas.iopt);
  const avail = { at: layout.size, bytes: 16 };
  const ranges = { at: avail.at + avail.bytes, bytes: VFIO_CAP_IOVA_RANGE_HEAD.size + holes.length * IOVA_RANGE.size };
  const total = ranges.at + ranges.bytes;
  let ok = true;
  if (argsz >= avail.at + VFIO_CAP_DMA_AVAIL.size) {
    const next = argsz >= ranges.at ? ranges.at : 0;
    const cap = encode(VFIO_CAP_DMA_AVAIL, { id: CAP_DMA_AVAIL, version: 1, next, avail: 0xffff_ffff });
    ok = copy_to_user(k, arg + BigInt(avail.at), cap);
  }
  if (ok) ok = write_ranges(k, arg, argsz, ranges, holes);
  if (!k.check(ok, "the capabilities can be written")) return -errno.EFAULT;
  encodeInto(layout, bytes, {
    argsz: total,
    flags: 3,
    iova_pgsizes: pgsizes(ioas),
    cap_offset: argsz >= total ? layout.size : 0,
  });
  return copy_to_user(k, arg, bytes.subarray(0, room)) ? 0 : -errno.EFAULT;
}

function write_ranges(
  k: Kernel,
  arg: bigint,
  argsz: number,
  place: { at: number; bytes: number },
  holes: readonly { start: bigint; last: bigint }[],
): boolean {
  const head = VFIO_CAP_IOVA_RANGE_HEAD.size;
  if (argsz >= place.at + place.bytes) {
    const cap = encode(VFIO_CAP_IOVA_RANGE_HEAD, { id: CAP_IOVA_RANGE, version: 1, nr_iovas: holes.length });
    if (!copy_to_user(k, arg + BigInt(place.at), cap)) return false;
  }
  return holes.every((hole, i) => {
    const at = place.at + head + i * IOVA_RANGE.size;
    return argsz < at + IOVA_RANGE.size || copy_to_user(k, arg + BigInt(at), encode(IOVA_RANGE, hole));
  });
}

/** Every number below the iommufd ones. -ENOTTY for those that VFIO containers do not have. */
export function iommufd_vfio_ioctl(k: Kernel, ictx: IommufdCtx, cmd: number, arg: bigint): number {
  switch (cmd) {
    case vfio.VFIO_GET_API_VERSION.cmd:
      return 0;
    case vfio.VFIO_CHECK_EXTENSION.cmd:
      return check_extension(k, ictx, arg);
    case vfio.VFIO_SET_IOMMU.cmd:
      return set_iommu(k, ictx, arg);
    case vfio.VFIO_IOMMU_GET_INFO.cmd:
      return get_info(k, ictx, arg);
    case vfio.VFIO_IOMMU_MAP_DMA.cmd:
      return map_dma(k, ictx, arg);
    case vfio.VFIO_IOMMU_UNMAP_DMA.cmd:
      return unmap_dma(k, ictx, arg);
    default:
      k.check(false, "VFIO containers know the command", () => ({ left: `0x${cmd.toString(16)}` }));
      return -errno.ENOTTY;
  }
}
