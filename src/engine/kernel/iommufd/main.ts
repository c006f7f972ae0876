/** The /dev/iommu file: opening, dispatch, objects, options. Source: linux 7.2 drivers/iommu/iommufd/main.c. */
import { decode, encodeInto } from "../../uapi/codec.ts";
import { errno } from "../../uapi/errno.ts";
import * as uapi from "../../uapi/iommufd.ts";
import type { IoctlDef } from "../../uapi/layout.ts";
import { type DevNode, File, type FileOps } from "../file.ts";
import type { Kernel } from "../kernel.ts";
import { releaseNumber } from "../profile.ts";
import { PAGE_SIZE_N, PROT_EXEC } from "../mm/const.ts";
import type { Vma, VmOps } from "../mm/mm.ts";
import { PageStore } from "../mm/store.ts";
import { copy_from_user, copy_struct_from_user, copy_to_user } from "../mm/uaccess.ts";
import { iommufd_access_destroy } from "./access.ts";
import { iommufd_device_destroy } from "./device.ts";
import { iommufd_fault_destroy, iommufd_veventq_destroy } from "./eventq.ts";
import { iommufd_hwpt_nested_destroy, iommufd_hwpt_paging_destroy } from "./hw_pagetable.ts";
import { iommufd_ioas_destroy, iommufd_ioas_option } from "./ioas.ts";
import { iommufd_ctx_is_empty, iommufd_get_object, iommufd_object_abort } from "./object.ts";
import { IommufdCtx, type IommufdObject, IommufdViommu } from "./objects.ts";
import { known_size } from "./struct_size.ts";
import type { Ucmd } from "./ucmd.ts";
import { iommufd_hw_queue_destroy, iommufd_vdevice_destroy, iommufd_viommu_destroy } from "./viommu.ts";

/** Undoes what an object stands for. Its id stays the caller's to give back. */
export function iommufd_object_destroy(k: Kernel, obj: IommufdObject): void {
  switch (obj.kind) {
    case "IOAS":
      if (obj.ictx.vfio_ioas === obj) obj.ictx.vfio_ioas = null;
      return iommufd_ioas_destroy(k, obj);
    case "DEVICE":
      return iommufd_device_destroy(k, obj);
    case "HWPT_PAGING":
      return iommufd_hwpt_paging_destroy(k, obj);
    case "HWPT_NESTED":
      return iommufd_hwpt_nested_destroy(k, obj);
    case "ACCESS":
      return iommufd_access_destroy(k, obj);
    case "FAULT":
      return iommufd_fault_destroy(k, obj);
    case "VIOMMU":
      return iommufd_viommu_destroy(k, obj);
    case "VDEVICE":
      return iommufd_vdevice_destroy(k, obj);
    case "VEVENTQ":
      return iommufd_veventq_destroy(k, obj);
    case "HW_QUEUE":
      return iommufd_hw_queue_destroy(k, obj);
    case "SELFTEST":
      return k.config.selftest?.iommufd_selftest_destroy(k, obj);
  }
}

/** Removes an object that nothing else refers to. */
export function iommufd_object_remove(k: Kernel, ictx: IommufdCtx, id: number): number {
  const obj = k.fails() ? undefined : ictx.objects.get(id);
  if (!k.check(obj !== undefined, `object ${id} exists`, () => ({ objects: [id] })) || obj === undefined)
    return -errno.ENOENT;
  const detail = () => ({ objects: [id], left: `users ${obj.users}`, right: "users 1" });
  if (!k.check(obj.users === 1, "nothing else refers to the object", detail)) return -errno.EBUSY;
  k.ops.iommufd_object_destroy(k, obj);
  iommufd_object_abort(obj);
  return 0;
}

export function iommufd_destroy(k: Kernel, ucmd: Ucmd): number {
  return iommufd_object_remove(k, ucmd.ictx, decode(uapi.IOMMU_DESTROY, ucmd.bytes).id);
}

export function iommufd_option(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(uapi.IOMMU_OPTION, ucmd.bytes);
  if (!k.check(cmd.__reserved === 0, "the reserved field is 0")) return -errno.EOPNOTSUPP;
  const value = { val64: cmd.val64 };
  let rc: number;
  if (cmd.option_id === uapi.OPTION_ID.RLIMIT_MODE)
    rc = iommufd_option_rlimit_mode(k, ucmd.ictx, cmd.object_id, cmd.op, value);
  else if (cmd.option_id === uapi.OPTION_ID.HUGE_PAGES) {
    const ioas = iommufd_get_object(k, ucmd.ictx, cmd.object_id, "IOAS");
    rc = ioas === null ? -errno.ENOENT : iommufd_ioas_option(k, ioas, cmd.op, value);
  } else {
    k.check(false, "the option is known", () => ({ left: `option ${cmd.option_id}` }));
    return -errno.EOPNOTSUPP;
  }
  return rc < 0 ? rc : iommufd_option_respond(k, ucmd, value);
}

/** The value goes back to the caller, after SET too. */
export function iommufd_option_respond(k: Kernel, ucmd: Ucmd, value: { val64: bigint }): number {
  const { val64 } = uapi.IOMMU_OPTION.fields;
  encodeInto(uapi.IOMMU_OPTION, ucmd.bytes, value);
  const ok = copy_to_user(k, ucmd.ubuffer + BigInt(val64.offset), ucmd.bytes.subarray(val64.offset, val64.offset + 8));
  return k.check(ok, "the value can be written back") ? 0 : -errno.EFAULT;
}

function iommufd_option_rlimit_mode(
  k: Kernel,
  ictx: IommufdCtx,
  object_id: number,
  op: number,
  value: { val64: bigint },
): number {
  if (!k.check(object_id === 0, "the option is of the whole file: object 0")) return -errno.EOPNOTSUPP;
  if (op === uapi.OPTION_OP.GET) {
    value.val64 = ictx.account_mode === "mm" ? 1n : 0n;
    return 0;
  }
  if (!k.check(op === uapi.OPTION_OP.SET, "the operation is SET or GET")) return -errno.EOPNOTSUPP;
  if (!k.check(k.current.capable("CAP_SYS_RESOURCE"), "the process has CAP_SYS_RESOURCE")) return -errno.EPERM;
  if (!k.check(iommufd_ctx_is_empty(ictx), "the file has no object yet")) return -errno.EBUSY;
  if (!k.check(value.val64 === 0n || value.val64 === 1n, "the value is 0 or 1")) return -errno.EINVAL;
  ictx.account_mode = value.val64 === 0n ? "user" : "mm";
  return 0;
}

export interface Entry {
  readonly def: IoctlDef;
  readonly run: (k: Kernel, ucmd: Ucmd) => number;
}

/** Command number -> declaration and handler. */
const handlers: ReadonlyMap<number, Entry> = new Map<number, Entry>(
  (
    [
      [uapi.IOMMU_DESTROY, (k, u) => k.ops.iommufd_destroy(k, u)],
      [uapi.IOMMU_IOAS_ALLOC, (k, u) => k.ops.iommufd_ioas_alloc_ioctl(k, u)],
      [uapi.IOMMU_IOAS_ALLOW_IOVAS, (k, u) => k.ops.iommufd_ioas_allow_iovas(k, u)],
      [uapi.IOMMU_IOAS_COPY, (k, u) => k.ops.iommufd_ioas_copy(k, u)],
      [uapi.IOMMU_IOAS_IOVA_RANGES, (k, u) => k.ops.iommufd_ioas_iova_ranges(k, u)],
      [uapi.IOMMU_IOAS_MAP, (k, u) => k.ops.iommufd_ioas_map(k, u)],
      [uapi.IOMMU_IOAS_UNMAP, (k, u) => k.ops.iommufd_ioas_unmap(k, u)],
      [uapi.IOMMU_OPTION, (k, u) => k.ops.iommufd_option(k, u)],
      [uapi.IOMMU_VFIO_IOAS, (k, u) => k.ops.iommufd_vfio_ioas(k, u)],
      [uapi.IOMMU_HWPT_ALLOC, (k, u) => k.ops.iommufd_hwpt_alloc(k, u)],
      [uapi.IOMMU_GET_HW_INFO, (k, u) => k.ops.iommufd_get_hw_info(k, u)],
      [uapi.IOMMU_HWPT_SET_DIRTY_TRACKING, (k, u) => k.ops.iommufd_hwpt_set_dirty_tracking(k, u)],
      [uapi.IOMMU_HWPT_GET_DIRTY_BITMAP, (k, u) => k.ops.iommufd_hwpt_get_dirty_bitmap(k, u)],
      [uapi.IOMMU_HWPT_INVALIDATE, (k, u) => k.ops.iommufd_hwpt_invalidate(k, u)],
      [uapi.IOMMU_FAULT_QUEUE_ALLOC, (k, u) => k.ops.iommufd_fault_alloc(k, u)],
      [uapi.IOMMU_IOAS_MAP_FILE, (k, u) => k.ops.iommufd_ioas_map_file(k, u)],
      [uapi.IOMMU_VIOMMU_ALLOC, (k, u) => k.ops.iommufd_viommu_alloc_ioctl(k, u)],
      [uapi.IOMMU_VDEVICE_ALLOC, (k, u) => k.ops.iommufd_vdevice_alloc_ioctl(k, u)],
      [uapi.IOMMU_IOAS_CHANGE_PROCESS, (k, u) => k.ops.iommufd_ioas_change_process(k, u)],
      [uapi.IOMMU_VEVENTQ_ALLOC, (k, u) => k.ops.iommufd_veventq_alloc(k, u)],
      [uapi.IOMMU_HW_QUEUE_ALLOC, (k, u) => k.ops.iommufd_hw_queue_alloc_ioctl(k, u)],
    ] satisfies [IoctlDef, Entry["run"]][]
  ).map(([def, run]): [number, Entry] => [def.cmd, Object.freeze({ def, run })]),
);

const FIRST_NR = 0x80;
const LAST_NR = 0x94;

function exists(k: Kernel, entry: Entry | undefined): entry is Entry {
  return entry !== undefined && k.features.uapi_release >= releaseNumber(entry.def.since);
}

/** What answers a command, if this kernel was built with it. */
function entry_of(k: Kernel, cmd: number): Entry | undefined {
  const { selftest } = k.config;
  if (selftest !== null && cmd === selftest.def.cmd) return { def: selftest.def, run: selftest.iommufd_test };
  return handlers.get(cmd);
}

/** One past the highest number that the dispatch table has room for; other numbers are VFIO's. */
function table_end(k: Kernel): number {
  const { selftest } = k.config;
  if (selftest !== null) return (selftest.def.cmd & 0xff) + 1;
  let last = LAST_NR;
  while (last > FIRST_NR && !exists(k, handlers.get(0x3b00 | last))) last--;
  return last + 1;
}

export function iommufd_fops_ioctl(k: Kernel, file: File, cmd: number, arg: bigint): number {
  const ictx = file.private_data;
  if (!(ictx instanceof IommufdCtx)) return -errno.EBADFD;
  const nr = cmd & 0xff;
  if (nr < FIRST_NR || nr >= table_end(k)) return k.ops.iommufd_vfio_ioctl(k, ictx, cmd, arg);
  const entry = entry_of(k, cmd);
  return run_entry(k, ictx, cmd, arg, exists(k, entry) ? entry : undefined);
}

/** Copies the struct in and runs the handler. -ENOTTY when this kernel has none. */
export function run_entry(k: Kernel, ictx: IommufdCtx, cmd: number, arg: bigint, entry: Entry | undefined): number {
  const head = copy_from_user(k, arg, 4);
  if (!k.check(head !== null, "the struct's size can be read") || head === null) return -errno.EFAULT;
  const known = entry !== undefined;
  if (!k.check(known, "this kernel knows the command", () => ({ left: `0x${cmd.toString(16)}` })) || !known)
    return -errno.ENOTTY;
  const { def, run } = entry;
  const user_size = new DataView(head.buffer).getUint32(0, true);
  const detail = () => ({ left: `size ${user_size}`, right: `at least ${def.min}` });
  if (!k.check(user_size >= def.min, "the struct is large enough", detail)) return -errno.EINVAL;
  const copied = copy_struct_from_user(k, arg, user_size, known_size(k, def));
  if (!k.check(copied !== null, "the struct can be read") || copied === null) return -errno.EFAULT;
  if (!k.check(copied !== "big", "bytes beyond the known struct are 0") || copied === "big") return -errno.E2BIG;
  const bytes = new Uint8Array(def.size);
  bytes.set(copied);
  return run(k, { ictx, bytes, user_size, ubuffer: arg });
}

export function iommufd_fops_open(k: Kernel, file: File): number {
  if (k.fails()) return -errno.ENOMEM;
  const ictx = new IommufdCtx();
  ictx.file = file;
  // VFIO's container node counts locked memory per process, as type1 does.
  if (file.path === "/dev/vfio/vfio") ictx.account_mode = "mm";
  file.private_data = ictx;
  k.iommufd.ctxs.add(ictx);
  return 0;
}

/** Destroys everything, whatever nothing else refers to first. Nothing can be left but a bug. */
export function iommufd_fops_release(k: Kernel, file: File): void {
  const ictx = file.private_data;
  if (!(ictx instanceof IommufdCtx)) return;
  while (ictx.objects.size > 0) {
    let progress = false;
    for (const id of [...ictx.objects.keys()].sort((a, b) => a - b)) {
      const obj = ictx.objects.get(id);
      if (obj?.users !== 1) continue;
      iommufd_object_abort(obj);
      k.ops.iommufd_object_destroy(k, obj);
      progress = true;
    }
    if (!progress) {
      const left = [...ictx.objects.values()].map((obj) => `${obj.kind} ${obj.id} (users ${obj.users})`);
      k.note(`objects leak, somebody still counts as their user: ${left.join(", ")}`);
      return;
    }
  }
  ictx.file = null;
  k.iommufd.ctxs.delete(ictx);
}

const viommu_vm_ops: VmOps = Object.freeze({
  open: (_k: Kernel, vma: Vma): void => {
    if (vma.vm_private instanceof IommufdViommu) vma.vm_private.users++;
  },
  close: (_k: Kernel, vma: Vma): void => {
    if (vma.vm_private instanceof IommufdViommu) vma.vm_private.users--;
  },
});

export function iommufd_fops_mmap(k: Kernel, file: File, vma: Vma, offset: bigint): number {
  const ictx = file.private_data;
  if (!(ictx instanceof IommufdCtx)) return -errno.EBADFD;
  if (!k.check(vma.shared, "the mapping is shared")) return -errno.EINVAL;
  if (!k.check((vma.prot & PROT_EXEC) === 0, "the mapping is not executable")) return -errno.EPERM;
  const length = vma.last - vma.start + 1n;
  const region = ictx.mmap_regions.at(offset);
  const whole = region !== undefined && region.start === offset && region.last - region.start + 1n === length;
  if (!k.check(whole, "offset and length are those of a region handed out") || region === undefined)
    return -errno.ENXIO;
  vma.store = new PageStore("device", "contiguous");
  vma.store.frames.set(0, region.mmio_addr / Number(PAGE_SIZE_N), Number(length / PAGE_SIZE_N));
  vma.vm_ops = viommu_vm_ops;
  vma.vm_private = region.owner;
  vma.name = `viommu ${region.owner.id} MMIO`;
  region.owner.users++;
  return 0;
}

export const iommufd_fops: FileOps = Object.freeze({
  name: "iommu",
  ioctl: (k: Kernel, file: File, cmd: number, arg: bigint) => k.ops.iommufd_fops_ioctl(k, file, cmd, arg),
  mmap: iommufd_fops_mmap,
  release: iommufd_fops_release,
} satisfies FileOps);

const iommufd_node: DevNode = Object.freeze({ ops: iommufd_fops, open: iommufd_fops_open });

/** Puts /dev/iommu (and, with CONFIG_IOMMUFD_VFIO_CONTAINER, /dev/vfio/vfio) into place. */
export function iommufd_init(k: Kernel): void {
  k.devnodes.set("/dev/iommu", iommufd_node);
  k.devnodes.set("/dev/vfio/vfio", iommufd_node);
}

/** The context behind a descriptor of the calling process. -EBADF: none; -EBADFD: a file of another kind. */
export function iommufd_ctx_from_fd(k: Kernel, fd: number): IommufdCtx | number {
  const file = k.current.fds.get(fd);
  if (!k.check(file !== undefined, "the descriptor is open") || file === undefined) return -errno.EBADF;
  const ictx = file.private_data;
  if (!k.check(ictx instanceof IommufdCtx, "the descriptor is an iommufd") || !(ictx instanceof IommufdCtx))
    return -errno.EBADFD;
  return ictx;
}
