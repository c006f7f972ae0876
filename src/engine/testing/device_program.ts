/** A process on a booted machine: opens devices, attaches them, asks for interrupts, builds guest stage-1 tables. */
import { Machine, type MachineDesc } from "../../hw/machine.ts";
import { boot } from "../kernel/boot.ts";
import { EventfdCtx, sys_eventfd } from "../kernel/eventfd.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { type BootOptions, the_machine, the_platform } from "../kernel/platform.ts";
import type { ResolvedProfile } from "../kernel/profile.ts";
import { resolveProfile } from "../kernel/resolve.ts";
import * as sys from "../kernel/syscall.ts";
import { PLAIN } from "../presets/plain.ts";
import linux_7_2 from "../releases/linux_7_2.ts";
import { encodeInto } from "../uapi/codec.ts";
import {
  IOMMU_HWPT_ALLOC,
  IOMMU_HWPT_INVALIDATE,
  IOMMU_IOAS_ALLOC,
  IOMMU_IOAS_MAP,
  IOMMU_VDEVICE_ALLOC,
  IOMMU_VIOMMU_ALLOC,
} from "../uapi/iommufd.ts";
import {
  IRQ_SET_FLAGS,
  VFIO_DEVICE_ATTACH_IOMMUFD_PT,
  VFIO_DEVICE_BIND_IOMMUFD,
  VFIO_DEVICE_DETACH_IOMMUFD_PT,
  VFIO_DEVICE_SET_IRQS,
} from "../uapi/vfio.ts";
import { ARGS, DATA, Program } from "./program.ts";

export const NEWEST: ResolvedProfile = resolveProfile("linux-7.2", [linux_7_2]);

export function bootedKernel(
  desc: MachineDesc = PLAIN,
  profile: ResolvedProfile = NEWEST,
  options: Partial<BootOptions> = {},
): Kernel {
  return boot(new Machine(desc), profile, options);
}

/** Guest memory stands here in the process, and its RAM begins at this IPA. */
export const GUEST_VA = 0x4000_0000_0000n;
export const GUEST_IPA = 0x4000_0000n;

export interface Opened {
  bdf: string;
  fd: number;
  devid: number;
}

export class DeviceProgram extends Program {
  readonly iommufd: number;

  constructor(k: Kernel, pid = 100) {
    super(k, pid);
    this.iommufd = this.open();
  }

  get machine(): Machine {
    return the_machine(this.k);
  }

  /** Opens a device's node; the descriptor, or errno. */
  device(bdf: string): number {
    const vdev = the_platform(this.k).vfio.get(bdf);
    if (vdev === undefined) throw new Error(`${bdf} is not under vfio-pci`);
    return this.open(vdev.node);
  }

  bound(bdf: string): Opened {
    const fd = this.device(bdf);
    const { ret, out } = this.ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, { argsz: 16, iommufd: this.iommufd });
    if (ret !== 0) throw new Error(`bind ${bdf}: ${ret}`);
    return { bdf, fd, devid: out.out_devid };
  }

  attach({ fd }: Opened, pt_id: number): number {
    return this.ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, { argsz: 12, pt_id }).ret;
  }

  detach({ fd }: Opened): number {
    return this.ioctl(fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, { argsz: 8 }).ret;
  }

  ioas(): number {
    return this.ok(this.ioctl(this.iommufd, IOMMU_IOAS_ALLOC, {})).out_ioas_id;
  }

  /** Process memory at `iova`, readable and writable. */
  mapAt(ioas_id: number, iova: bigint, user_va: bigint, length: bigint): void {
    this.ok(this.ioctl(this.iommufd, IOMMU_IOAS_MAP, { flags: 7, ioas_id, iova, user_va, length }));
  }

  hwpt(dev_id: number, pt_id: number, flags = 0): number {
    return this.ok(this.ioctl(this.iommufd, IOMMU_HWPT_ALLOC, { flags, dev_id, pt_id })).out_hwpt_id;
  }

  viommu(dev_id: number, hwpt_id: number): number {
    return this.ok(this.ioctl(this.iommufd, IOMMU_VIOMMU_ALLOC, { type: 1, dev_id, hwpt_id })).out_viommu_id;
  }

  vdevice(viommu_id: number, dev_id: number, virt_id: bigint): number {
    return this.ok(this.ioctl(this.iommufd, IOMMU_VDEVICE_ALLOC, { viommu_id, dev_id, virt_id })).out_vdevice_id;
  }

  /** A nested hwpt of a virtual STE of which the first two words are given. */
  nested(dev_id: number, viommu: number, ste: readonly [bigint, bigint]): { ret: number; id: number } {
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, ste[0], true);
    view.setBigUint64(8, ste[1], true);
    this.poke(DATA, bytes);
    const asked = { dev_id, pt_id: viommu, data_type: 2, data_len: 16, data_uptr: DATA };
    const { ret, out } = this.ioctl(this.iommufd, IOMMU_HWPT_ALLOC, asked);
    return { ret, id: out.out_hwpt_id };
  }

  /** The guest's invalidation commands, 16 bytes each. */
  invalidate(viommu: number, ...commands: readonly (readonly [bigint, bigint])[]): { ret: number; handled: number } {
    const bytes = new Uint8Array(16 * commands.length);
    const view = new DataView(bytes.buffer);
    commands.forEach(([lo, hi], i) => {
      view.setBigUint64(16 * i, lo, true);
      view.setBigUint64(16 * i + 8, hi, true);
    });
    this.poke(DATA, bytes);
    const asked = { hwpt_id: viommu, data_uptr: DATA, data_type: 1, entry_len: 16, entry_num: commands.length };
    const { ret, out } = this.ioctl(this.iommufd, IOMMU_HWPT_INVALIDATE, asked);
    return { ret, handled: out.entry_num };
  }

  eventfd(): { fd: number; ctx: EventfdCtx } {
    const fd = sys_eventfd(this.k, this.task);
    const ctx = this.task.fds.get(fd)?.private_data;
    if (!(ctx instanceof EventfdCtx)) throw new Error("no eventfd");
    return { fd, ctx };
  }

  /** SET_IRQS; by default trigger by eventfds. */
  irqs(
    { fd }: Opened,
    index: number,
    fds: readonly number[],
    flags: number = IRQ_SET_FLAGS.DATA_EVENTFD | IRQ_SET_FLAGS.ACTION_TRIGGER,
    start = 0,
  ): number {
    const def = VFIO_DEVICE_SET_IRQS;
    const bytes = new Uint8Array(def.size + 4 * fds.length);
    encodeInto(def, bytes, { argsz: bytes.length, flags, index, start, count: fds.length });
    const view = new DataView(bytes.buffer);
    fds.forEach((one, i) => view.setInt32(def.size + 4 * i, one, true));
    this.poke(ARGS, bytes);
    return sys.sys_ioctl(this.k, this.task, fd, def.cmd, ARGS);
  }

  pread(fd: number, index: number, offset: number, n: number): { ret: number; bytes: Uint8Array } {
    const at = DATA + 0x1000n;
    this.poke(at, new Uint8Array(n));
    const ret = sys.sys_read(this.k, this.task, fd, at, n, (BigInt(index) << 40n) + BigInt(offset));
    return { ret, bytes: this.peek(at, n) };
  }

  pwrite(fd: number, index: number, offset: number, bytes: readonly number[]): number {
    const at = DATA + 0x1000n;
    this.poke(at, Uint8Array.from(bytes));
    return sys.sys_write(this.k, this.task, fd, at, bytes.length, (BigInt(index) << 40n) + BigInt(offset));
  }

  ok<T>({ ret, out }: { ret: number; out: T }): T {
    if (ret !== 0) throw new Error(`call failed: ${ret}`);
    return out;
  }

  /** Guest RAM: memory of the process that the parent maps at its IPA. */
  guestRam(ioas: number, length = 0x4_0000n): void {
    this.map(GUEST_VA, length);
    this.poke(GUEST_VA, new Uint8Array(Number(length)));
    this.mapAt(ioas, GUEST_IPA, GUEST_VA, length);
  }

  /** Stores a 64-bit word at an IPA of the guest. */
  guestStore(ipa: bigint, value: bigint): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value, true);
    this.poke(GUEST_VA + (ipa - GUEST_IPA), bytes);
  }
}
