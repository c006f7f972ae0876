/**
 * /dev/vfio/vfio without iommufd: a container of groups, and type1 behind it, which maps the program's memory for all of
 * them. Source: linux 7.2 drivers/vfio/{container,vfio_iommu_type1}.c.
 */
import { decode, encode, encodeInto } from "../../uapi/codec.ts";
import { errno } from "../../uapi/errno.ts";
import { IOVA_RANGE, VFIO_CAP_DMA_AVAIL, VFIO_CAP_IOVA_RANGE_HEAD, VFIO_CAP_MIGRATION } from "../../uapi/records.ts";
import * as vfio from "../../uapi/vfio.ts";
import { iommu_domain_free } from "../iommu/core.ts";
import { min_page_size } from "../iommu/map.ts";
import { iommu_get_msi_cookie } from "../iommu/msi_cookie.ts";
import { iommu_get_group_resv_regions } from "../iommu/resv.ts";
import {
  type Device,
  IOMMU_CACHE,
  IOMMU_READ,
  IOMMU_WRITE,
  type IommuDomain,
  type IommuGroup,
} from "../iommu/types.ts";
import type { DevNode, File, FileOps } from "../file.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_MASK_N, PAGE_SIZE_N, ULONG_MAX } from "../mm/const.ts";
import { pin_user_pages, type PinnedRun } from "../mm/gup.ts";
import type { Mm } from "../mm/mm.ts";
import { unpin_frames } from "../mm/store.ts";
import { copy_to_user } from "../mm/uaccess.ts";
import type { Task } from "../task.ts";
import { the_platform } from "../platform.ts";
import { VfioContainer, type VfioGroup } from "./group_state.ts";
import { vfio_copy_args } from "./info.ts";

const TYPE1 = 1;
const TYPE1v2 = 3;
const DMA_CC = 4;
const UNMAP_ALL = 9;
const UPDATE_VADDR = 10;
const CAP_IOVA_RANGE = 1;
const CAP_MIGRATION = 2;
const CAP_DMA_AVAIL = 3;
const DIRTY_BITMAP_SIZE_MAX = 0x1000_0000n;
/** Module parameter `dma_entry_limit`. */
const DMA_ENTRY_LIMIT = 0xffff;
const INFO_PGSIZES = 1;
const INFO_CAPS = 2;

/** `struct vfio_dma`: one MAP_DMA. */
export interface VfioDma {
  iova: bigint;
  size: bigint;
  vaddr: bigint;
  prot: number;
  mm: Mm;
  task: Task;
  /** Pinned pages in order, once there is a domain. */
  runs: PinnedRun[];
  mapped: boolean;
}

/** `struct vfio_iommu`. */
export interface Type1 {
  v2: boolean;
  domains: { domain: IommuDomain; groups: VfioGroup[] }[];
  /** By iova. */
  dmas: VfioDma[];
  avail: number;
  pgsize_bitmap: bigint;
}

interface Hole {
  start: bigint;
  last: bigint;
}

function first_device({ iommu_group }: VfioGroup): Device | null {
  return iommu_group.devices[0] ?? null;
}

/** What all groups can reach: the domains' apertures without reserved regions. */
function iova_list(k: Kernel, iommu: Type1): Hole[] {
  let holes: Hole[] = [{ start: 0n, last: ULONG_MAX }];
  const cut = (start: bigint, last: bigint) => {
    holes = holes.flatMap((h) => {
      if (last < h.start || start > h.last) return [h];
      const out: Hole[] = [];
      if (start > h.start) out.push({ start: h.start, last: start - 1n });
      if (last < h.last) out.push({ start: last + 1n, last: h.last });
      return out;
    });
  };
  for (const { domain, groups } of iommu.domains) {
    if (domain.aperture_start > 0n) cut(0n, domain.aperture_start - 1n);
    if (domain.aperture_end < ULONG_MAX) cut(domain.aperture_end + 1n, ULONG_MAX);
    for (const { iommu_group } of groups) {
      for (const r of iommu_get_group_resv_regions(k, iommu_group)) {
        if (r.type !== "direct-relaxable") cut(r.start, r.start + r.length - 1n);
      }
    }
  }
  return holes;
}

function update_pgsizes(iommu: Type1): void {
  let bits = ULONG_MAX ^ PAGE_MASK_N;
  for (const { domain } of iommu.domains) bits &= domain.pgsize_bitmap;
  if ((bits & PAGE_MASK_N) !== 0n) bits = (bits ^ (bits & PAGE_MASK_N)) | PAGE_SIZE_N;
  iommu.pgsize_bitmap = bits;
}

/** Pins what is not pinned yet. -EFAULT, or -ENOMEM beyond RLIMIT_MEMLOCK. */
function pin_dma(k: Kernel, dma: VfioDma): number {
  if (dma.runs.length > 0) return 0;
  const pages = Number(dma.size / PAGE_SIZE_N);
  const { mm, task } = dma;
  const limit = task.rlimits.memlock === null ? Number.POSITIVE_INFINITY : Number(task.rlimits.memlock / PAGE_SIZE_N);
  const locks = task.capable("CAP_IPC_LOCK") || mm.locked_vm + pages <= limit;
  if (!k.check(locks, "the pages fit into RLIMIT_MEMLOCK")) return -errno.ENOMEM;
  for (let done = 0; done < pages;) {
    const run = pin_user_pages(k, mm, dma.vaddr + BigInt(done) * PAGE_SIZE_N, pages - done, (dma.prot & 2) !== 0);
    if (typeof run === "number") {
      for (const one of dma.runs) unpin_frames(k, one.pfn, one.n);
      dma.runs = [];
      return run;
    }
    dma.runs.push(run);
    done += run.n;
  }
  mm.locked_vm += pages;
  return 0;
}

function unpin_dma(k: Kernel, dma: VfioDma): void {
  for (const run of dma.runs) unpin_frames(k, run.pfn, run.n);
  if (dma.runs.length > 0) dma.mm.locked_vm -= Number(dma.size / PAGE_SIZE_N);
  dma.runs = [];
}

function map_into(k: Kernel, domain: IommuDomain, dma: VfioDma): number {
  let at = dma.iova;
  for (const { pfn, n } of dma.runs) {
    const bytes = BigInt(n) * PAGE_SIZE_N;
    const rc = k.ops.iommu_map(k, domain, at, BigInt(pfn) * PAGE_SIZE_N, bytes, dma.prot | IOMMU_CACHE);
    if (rc < 0) {
      if (at > dma.iova) k.ops.iommu_unmap(k, domain, dma.iova, at - dma.iova);
      return rc;
    }
    at += bytes;
  }
  return 0;
}

function pin_map_dma(k: Kernel, iommu: Type1, dma: VfioDma): number {
  let rc = pin_dma(k, dma);
  for (const [i, { domain }] of iommu.domains.entries()) {
    if (rc < 0) break;
    rc = map_into(k, domain, dma);
    if (rc < 0) for (const done of iommu.domains.slice(0, i)) k.ops.iommu_unmap(k, done.domain, dma.iova, dma.size);
  }
  dma.mapped = rc === 0;
  if (rc < 0) unpin_dma(k, dma);
  return rc;
}

function remove_dma(k: Kernel, iommu: Type1, dma: VfioDma): void {
  if (dma.mapped) for (const { domain } of iommu.domains) k.ops.iommu_unmap(k, domain, dma.iova, dma.size);
  unpin_dma(k, dma);
  iommu.dmas = iommu.dmas.filter((one) => one !== dma);
  iommu.avail++;
}

/** `vfio_iommu_type1_attach_group`: into a domain that is there, else a new one that gets all mappings. */
function attach_group(k: Kernel, iommu: Type1, group: VfioGroup): number {
  const dev = first_device(group);
  const ops = dev?.iommu_ops;
  if (dev === null || ops === null || ops === undefined) return -errno.ENODEV;
  const regions = iommu_get_group_resv_regions(k, group.iommu_group);
  const clash = regions.some(
    (r) =>
      r.type !== "direct-relaxable" &&
      iommu.dmas.some((dma) => dma.iova < r.start + r.length && dma.iova + dma.size > r.start),
  );
  if (!k.check(!clash, "no mapping lies in a region of the group")) return -errno.EINVAL;
  const isolated = group.iommu_group.devices.every((one) => one.msi_isolated);
  const { allow_unsafe_interrupts } = the_platform(k).boot;
  if (!k.check(isolated || allow_unsafe_interrupts, "interrupts of the group are isolated")) return -errno.EPERM;
  for (const there of iommu.domains) {
    if (there.domain.owner !== ops) continue;
    if (k.ops.iommu_group_set_domain(k, group.iommu_group, there.domain) < 0) continue;
    there.groups.push(group);
    return 0;
  }
  const domain = ops.domain_alloc_paging_flags?.(k, dev, 0, null) ?? -errno.EOPNOTSUPP;
  if (typeof domain === "number") return domain;
  let rc = k.ops.iommu_group_set_domain(k, group.iommu_group, domain);
  const window = regions.find((r) => r.type === "sw-msi");
  if (rc === 0 && window !== undefined) rc = iommu_get_msi_cookie(k, domain, window.start);
  iommu.domains.push({ domain, groups: [group] });
  for (const dma of iommu.dmas) {
    if (rc < 0) break;
    rc = dma.mapped ? map_into(k, domain, dma) : pin_map_dma(k, iommu, dma);
  }
  if (rc < 0) detach_group(k, iommu, group);
  update_pgsizes(iommu);
  return rc;
}

/** Without a domain nothing stays mapped; the last group takes the mappings with it. */
function detach_group(k: Kernel, iommu: Type1, group: VfioGroup): void {
  const there = iommu.domains.find((one) => one.groups.includes(group));
  if (there === undefined) return;
  there.groups = there.groups.filter((one) => one !== group);
  const last = there.groups.length === 0;
  if (last && iommu.domains.length === 1) for (const dma of [...iommu.dmas]) remove_dma(k, iommu, dma);
  block(k, group.iommu_group);
  if (!last) return;
  iommu_domain_free(k, there.domain);
  iommu.domains = iommu.domains.filter((one) => one !== there);
  update_pgsizes(iommu);
}

function block(k: Kernel, group: IommuGroup): void {
  if (group.blocking_domain !== null) k.ops.iommu_group_set_domain(k, group, group.blocking_domain);
}

/** The group's DMA is the container's; with an IOMMU chosen it joins at once. */
export function vfio_container_attach_group(k: Kernel, container: VfioContainer, group: VfioGroup): number {
  const dev = first_device(group);
  if (dev === null) return -errno.ENODEV;
  let rc = k.ops.iommu_device_claim_dma_owner(k, dev, group);
  if (rc < 0) return rc;
  if (container.type1 !== null) rc = attach_group(k, container.type1, group);
  if (rc < 0) k.ops.iommu_device_release_dma_owner(k, dev);
  else container.groups.push(group);
  return rc;
}

/** The last group takes the choice of the IOMMU with it. */
export function vfio_container_detach_group(k: Kernel, container: VfioContainer, group: VfioGroup): void {
  if (container.type1 !== null) detach_group(k, container.type1, group);
  const dev = first_device(group);
  if (dev !== null) k.ops.iommu_device_release_dma_owner(k, dev);
  container.groups = container.groups.filter((one) => one !== group);
  if (container.groups.length === 0) container.type1 = null;
}

function check_extension(container: VfioContainer, arg: bigint): number {
  switch (Number(arg)) {
    case TYPE1:
    case TYPE1v2:
    case UNMAP_ALL:
    case UPDATE_VADDR:
      return 1;
    case DMA_CC:
      return container.type1 !== null && container.type1.domains.length > 0 ? 1 : 0;
    default:
      return 0;
  }
}

function set_iommu(k: Kernel, container: VfioContainer, arg: bigint): number {
  const ready = container.groups.length > 0 && container.type1 === null;
  if (!k.check(ready, "the container has groups and no IOMMU yet")) return -errno.EINVAL;
  if (!k.check(arg === BigInt(TYPE1) || arg === BigInt(TYPE1v2), "the type is TYPE1 or TYPE1v2")) return -errno.ENODEV;
  const pgsize_bitmap = ULONG_MAX ^ PAGE_MASK_N;
  const iommu: Type1 = { v2: arg !== BigInt(TYPE1), domains: [], dmas: [], avail: DMA_ENTRY_LIMIT, pgsize_bitmap };
  for (const [i, group] of container.groups.entries()) {
    const rc = attach_group(k, iommu, group);
    if (rc === 0) continue;
    for (const done of container.groups.slice(0, i)) detach_group(k, iommu, done);
    return rc;
  }
  container.type1 = iommu;
  return 0;
}

function get_info(k: Kernel, iommu: Type1, arg: bigint): number {
  const def = vfio.VFIO_IOMMU_GET_INFO;
  const head = vfio_copy_args(k, arg, def);
  if (typeof head === "number") return head;
  const { argsz } = decode(def, head);
  const holes = iova_list(k, iommu);
  const ranges = VFIO_CAP_IOVA_RANGE_HEAD.size + holes.length * IOVA_RANGE.size;
  const at = { migration: def.size, avail: def.size + VFIO_CAP_MIGRATION.size, ranges: 0 };
  at.ranges = at.avail + Math.ceil(VFIO_CAP_DMA_AVAIL.size / 8) * 8;
  const total = at.ranges + ranges;
  const bytes = new Uint8Array(argsz >= total ? total : Math.min(argsz, def.size));
  const whole = new Uint8Array(total);
  whole.set(head.subarray(0, def.size));
  const fits = argsz >= total;
  encodeInto(def, whole, {
    argsz: fits ? argsz : total,
    flags: INFO_PGSIZES | INFO_CAPS,
    iova_pgsizes: iommu.pgsize_bitmap,
    cap_offset: fits ? def.size : 0,
  });
  const pgsize = min_page_size(iommu.pgsize_bitmap);
  const migration = { pgsize_bitmap: pgsize, max_dirty_bitmap_size: DIRTY_BITMAP_SIZE_MAX };
  whole.set(encode(VFIO_CAP_MIGRATION, { id: CAP_MIGRATION, version: 1, next: at.avail, ...migration }), at.migration);
  const avail = { id: CAP_DMA_AVAIL, version: 1, next: at.ranges, avail: iommu.avail };
  whole.set(encode(VFIO_CAP_DMA_AVAIL, avail), at.avail);
  const list = { id: CAP_IOVA_RANGE, version: 1, next: 0, nr_iovas: holes.length };
  whole.set(encode(VFIO_CAP_IOVA_RANGE_HEAD, list), at.ranges);
  holes.forEach((hole, i) => {
    whole.set(encode(IOVA_RANGE, hole), at.ranges + VFIO_CAP_IOVA_RANGE_HEAD.size + i * IOVA_RANGE.size);
  });
  bytes.set(whole.subarray(0, bytes.length));
  return copy_to_user(k, arg, bytes) ? 0 : -errno.EFAULT;
}

function map_dma(k: Kernel, iommu: Type1, arg: bigint): number {
  const def = vfio.VFIO_IOMMU_MAP_DMA;
  const bytes = vfio_copy_args(k, arg, def);
  if (typeof bytes === "number") return bytes;
  const { flags, vaddr, iova, size } = decode(def, bytes);
  const { R, W } = vfio.DMA_FLAGS;
  const prot = ((flags & R) !== 0 ? IOMMU_READ : 0) | ((flags & W) !== 0 ? IOMMU_WRITE : 0);
  if (!k.check((flags & ~(R | W)) === 0 && prot !== 0, "READ, WRITE or both")) return -errno.EINVAL;
  const mask = min_page_size(iommu.pgsize_bitmap) - 1n;
  if (!k.check(size !== 0n && ((iova | size | vaddr) & mask) === 0n, "whole pages")) return -errno.EINVAL;
  const wraps = iova + size - 1n > ULONG_MAX || vaddr + size - 1n > ULONG_MAX;
  if (!k.check(!wraps, "no range passes the end")) return -errno.EOVERFLOW;
  const there = iommu.dmas.some((dma) => dma.iova < iova + size && dma.iova + dma.size > iova);
  if (!k.check(!there, "nothing is mapped there")) return -errno.EEXIST;
  if (!k.check(iommu.avail > 0, "mappings are left")) return -errno.ENOSPC;
  const last = iova + size - 1n;
  const inside = iova_list(k, iommu).some((hole) => hole.start <= iova && last <= hole.last);
  if (!k.check(inside, "all groups can reach the range")) return -errno.EINVAL;
  if (k.fails()) return -errno.ENOMEM;
  const task = k.current;
  const dma: VfioDma = { iova, size, vaddr, prot, mm: task.mm, task, runs: [], mapped: false };
  const rc = pin_map_dma(k, iommu, dma);
  if (rc < 0) return rc;
  iommu.avail--;
  iommu.dmas = [...iommu.dmas, dma].sort((a, b) => (a.iova < b.iova ? -1 : 1));
  return 0;
}

/** Whole mappings go. v2 refuses a range that cuts one; before, a mapping that starts in the range goes as a whole. */
function unmap_dma(k: Kernel, iommu: Type1, arg: bigint): number {
  const def = vfio.VFIO_IOMMU_UNMAP_DMA;
  const bytes = vfio_copy_args(k, arg, def);
  if (typeof bytes === "number") return bytes;
  const { flags, iova, size } = decode(def, bytes);
  const all = (flags & 2) !== 0;
  if (!k.check((flags & ~2) === 0, "no flag but ALL")) return -errno.EINVAL;
  if (!k.check(!all || (iova === 0n && size === 0n), "ALL comes with iova 0 and size 0")) return -errno.EINVAL;
  const mask = min_page_size(iommu.pgsize_bitmap) - 1n;
  const last = all ? ULONG_MAX : iova + size - 1n;
  if (!all) {
    if (!k.check(size !== 0n && ((iova | size) & mask) === 0n, "whole pages")) return -errno.EINVAL;
    if (!k.check(last <= ULONG_MAX, "the range does not pass the end")) return -errno.EOVERFLOW;
  }
  const cuts = (at: bigint) => iommu.dmas.some((dma) => dma.iova < at && at < dma.iova + dma.size);
  const whole = !iommu.v2 || all || (!cuts(iova) && !cuts(last + 1n));
  if (!k.check(whole, "no mapping is cut")) return -errno.EINVAL;
  let unmapped = 0n;
  for (const dma of [...iommu.dmas]) {
    if (dma.iova > last || dma.iova + dma.size <= iova) continue;
    if (!iommu.v2 && dma.iova < iova) break;
    unmapped += dma.size;
    remove_dma(k, iommu, dma);
  }
  encodeInto(def, bytes, { size: unmapped });
  return copy_to_user(k, arg, bytes) ? 0 : -errno.EFAULT;
}

function container_of(file: File): VfioContainer {
  if (!(file.private_data instanceof VfioContainer)) throw new Error("not a VFIO container");
  return file.private_data;
}

function vfio_fops_ioctl(k: Kernel, file: File, cmd: number, arg: bigint): number {
  const container = container_of(file);
  if (cmd === vfio.VFIO_GET_API_VERSION.cmd) return 0;
  if (cmd === vfio.VFIO_CHECK_EXTENSION.cmd) return check_extension(container, arg);
  if (cmd === vfio.VFIO_SET_IOMMU.cmd) return set_iommu(k, container, arg);
  const { type1 } = container;
  if (!k.check(type1 !== null, "an IOMMU was chosen") || type1 === null) return -errno.EINVAL;
  switch (cmd) {
    case vfio.VFIO_IOMMU_GET_INFO.cmd:
      return get_info(k, type1, arg);
    case vfio.VFIO_IOMMU_MAP_DMA.cmd:
      return map_dma(k, type1, arg);
    case vfio.VFIO_IOMMU_UNMAP_DMA.cmd:
      return unmap_dma(k, type1, arg);
    default:
      k.check(false, "type1 knows the command", () => ({ left: `0x${cmd.toString(16)}` }));
      return -errno.ENOTTY;
  }
}

const vfio_fops: FileOps = Object.freeze({ name: "vfio-container", ioctl: vfio_fops_ioctl });

/** Every open is a container of its own. Groups hold the file. */
export class VfioContainerNode implements DevNode {
  readonly ops = vfio_fops;

  open(_k: Kernel, file: File): number {
    file.private_data = new VfioContainer();
    return 0;
  }
}
