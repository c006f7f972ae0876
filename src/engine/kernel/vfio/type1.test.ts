import { describe, expect, it } from "vitest";
import { plainResv } from "../../sim/machine_variations.ts";
import { bootedKernel, DeviceProgram, NEWEST } from "../../testing/device_program.ts";
import { ARGS, DATA } from "../../testing/program.ts";
import { errno } from "../../uapi/errno.ts";
import {
  VFIO_CHECK_EXTENSION,
  VFIO_DEVICE_BIND_IOMMUFD,
  VFIO_GROUP_GET_DEVICE_FD,
  VFIO_GROUP_GET_STATUS,
  VFIO_GROUP_SET_CONTAINER,
  VFIO_GROUP_UNSET_CONTAINER,
  VFIO_IOMMU_GET_INFO,
  VFIO_IOMMU_MAP_DMA,
  VFIO_IOMMU_UNMAP_DMA,
  VFIO_SET_IOMMU,
} from "../../uapi/vfio.ts";
import { kernel_after_device_access } from "../boot.ts";
import { the_platform } from "../platform.ts";
import * as sys from "../syscall.ts";
import { IRQ } from "./vfio_pci.ts";

const EDU = "0000:00:03.0";
const NVME = "0000:00:02.0";
const USER = 0x4000_0000_0000n;
const V2 = 3n;
/** Behind the struct, the capabilities of migration and of what is left, and the head of the list. */
const RANGES_AT = 88;
const CUT: [bigint, bigint][] = [
  [0n, 0x7ff_ffffn],
  [0x810_0000n, (1n << 48n) - 1n],
];

class Legacy extends DeviceProgram {
  readonly container = this.open("/dev/vfio/vfio");

  number(fd: number, cmd: number, arg: bigint): number {
    return sys.sys_ioctl(this.k, this.task, fd, cmd, arg);
  }

  /** Opens the group of a device. */
  group(bdf: string): number {
    const id = the_platform(this.k).pci.get(bdf)?.dev.iommu_group?.id;
    return this.open(`/dev/vfio/${id}`);
  }

  join(group: number): number {
    return this.ioctl(group, VFIO_GROUP_SET_CONTAINER, { fd: this.container }).ret;
  }

  /** Opens a device by name. */
  named(group: number, bdf: string): number {
    this.poke(ARGS, new TextEncoder().encode(`${bdf}\0`));
    return sys.sys_ioctl(this.k, this.task, group, VFIO_GROUP_GET_DEVICE_FD.cmd, ARGS);
  }

  mapDma(iova: bigint, vaddr: bigint, size: bigint): number {
    return this.ioctl(this.container, VFIO_IOMMU_MAP_DMA, { argsz: 32, flags: 3, iova, vaddr, size }).ret;
  }

  unmapDma(iova: bigint, size: bigint, flags = 0): { ret: number; size: bigint } {
    const { ret, out } = this.ioctl(this.container, VFIO_IOMMU_UNMAP_DMA, { argsz: 24, flags, iova, size });
    return { ret, size: out.size };
  }

  /** The list of valid IOVAs, by the capability that GET_INFO has last. */
  ranges(): [bigint, bigint][] {
    const argsz = this.ioctl(this.container, VFIO_IOMMU_GET_INFO, { argsz: 24 }).out.argsz;
    this.poke(DATA, new Uint8Array(argsz));
    this.poke(DATA, Uint8Array.of(argsz));
    expect(sys.sys_ioctl(this.k, this.task, this.container, VFIO_IOMMU_GET_INFO.cmd, DATA)).toBe(0);
    const view = new DataView(this.peek(DATA, argsz).buffer);
    const out: [bigint, bigint][] = [];
    for (let at = RANGES_AT; at < argsz; at += 16)
      out.push([view.getBigUint64(at, true), view.getBigUint64(at + 8, true)]);
    return out;
  }

  read(bdf: string, lo: number): number[] | null {
    const { ok, data } = this.machine.dma(bdf, { write: false, hi: 0, lo, len: 2 });
    kernel_after_device_access(this.k);
    return ok ? [...data] : null;
  }
}

function legacy(): Legacy {
  const p = new Legacy(bootedKernel(undefined, undefined, { vfio_container: "type1" }));
  p.map(USER, 0x10_000n);
  for (let page = 0n; page < 16n; page++) p.poke(USER + page * 0x1000n, Uint8Array.of(Number(page), 0xbb));
  return p;
}

function ready(type = V2): { p: Legacy; group: number; dev: number } {
  const p = legacy();
  const group = p.group(EDU);
  expect(p.join(group)).toBe(0);
  expect(p.number(p.container, VFIO_SET_IOMMU.cmd, type)).toBe(0);
  const dev = p.named(group, EDU);
  expect(dev).toBeGreaterThan(0);
  p.pwrite(dev, 7, 4, [6, 0]);
  return { p, group, dev };
}

describe("the way to a device", () => {
  it("is group, container, IOMMU, device; nothing before its turn", () => {
    const p = legacy();
    const group = p.group(EDU);
    expect(p.ioctl(group, VFIO_GROUP_GET_STATUS, { argsz: 8 }).out.flags).toBe(1);
    expect(p.named(group, EDU)).toBe(-errno.EINVAL);
    const updates_vaddr = () => p.number(p.container, VFIO_CHECK_EXTENSION.cmd, 10n);
    expect([p.number(p.container, VFIO_CHECK_EXTENSION.cmd, V2), updates_vaddr()]).toEqual([1, 0]);
    expect(p.number(p.container, VFIO_SET_IOMMU.cmd, V2)).toBe(-errno.EINVAL);
    expect(p.mapDma(0n, USER, 0x1000n)).toBe(-errno.EINVAL);
    expect(p.join(group)).toBe(0);
    expect(p.join(group)).toBe(-errno.EINVAL);
    expect(p.ioctl(group, VFIO_GROUP_GET_STATUS, { argsz: 8 }).out.flags).toBe(3);
    expect(p.named(group, EDU)).toBe(-errno.EINVAL);
    expect(p.number(p.container, VFIO_SET_IOMMU.cmd, 7n)).toBe(-errno.ENODEV);
    expect(p.number(p.container, VFIO_SET_IOMMU.cmd, V2)).toBe(0);
    expect(updates_vaddr()).toBe(1);
    expect(p.named(group, NVME)).toBe(-errno.ENODEV);
    expect(p.named(group, EDU)).toBeGreaterThan(0);
    expect(p.ioctl(group, VFIO_GROUP_UNSET_CONTAINER, {}).ret).toBe(-errno.EBUSY);
  });

  it("excludes iommufd as long as the group is open", () => {
    const { p } = ready();
    const { ret } = p.ioctl(p.device(EDU), VFIO_DEVICE_BIND_IOMMUFD, { argsz: 16, iommufd: p.iommufd });
    expect(ret).toBe(-errno.EBUSY);
  });
});

describe("type1", () => {
  it("maps the program's memory for every group of the container", () => {
    const { p } = ready();
    expect(p.mapDma(0x10_0000n, USER, 0x4000n)).toBe(0);
    expect(p.read(EDU, 0x10_2000)).toEqual([2, 0xbb]);
    const second = p.group(NVME);
    expect(p.join(second)).toBe(0);
    p.pwrite(p.named(second, NVME), 7, 4, [6, 0]);
    expect(p.read(NVME, 0x10_3000)).toEqual([3, 0xbb]);
    expect(p.unmapDma(0x10_0000n, 0x4000n)).toEqual({ ret: 0, size: 0x4000n });
    expect([p.read(EDU, 0x10_2000), p.read(NVME, 0x10_3000)]).toEqual([null, null]);
  });

  it("checks ranges, neighbours and the doorbell's window", () => {
    const { p } = ready();
    expect(p.mapDma(0x1000n, USER, 0x2000n)).toBe(0);
    expect(p.mapDma(0x2000n, USER, 0x1000n)).toBe(-errno.EEXIST);
    expect(p.mapDma(0x800n, USER, 0x1000n)).toBe(-errno.EINVAL);
    expect(p.mapDma(0x7ff_f000n, USER, 0x2000n)).toBe(-errno.EINVAL);
    expect(p.mapDma(0x10_0000n, 0x1234_5000n, 0x1000n)).toBe(-errno.EFAULT);
    expect(p.unmapDma(0x1000n, 0x1000n).ret).toBe(-errno.EINVAL);
    expect(p.unmapDma(0x8000n, 0x1000n)).toEqual({ ret: 0, size: 0n });
    expect(p.unmapDma(0n, 0n, 2)).toEqual({ ret: 0, size: 0x2000n });
  });

  it("version 1 takes whole mappings out from where they start", () => {
    const { p } = ready(1n);
    expect(p.mapDma(0x1000n, USER, 0x2000n)).toBe(0);
    expect(p.unmapDma(0x2000n, 0x1000n)).toEqual({ ret: 0, size: 0n });
    expect(p.unmapDma(0x1000n, 0x1000n)).toEqual({ ret: 0, size: 0x2000n });
  });

  it("tells page sizes and reachable ranges", () => {
    const { p } = ready();
    const asked = p.ioctl(p.container, VFIO_IOMMU_GET_INFO, { argsz: 24 });
    expect(asked.out).toMatchObject({ argsz: 120, flags: 3, iova_pgsizes: 0x4020_1000n, cap_offset: 0 });
  });

  it("keeps the list as it was when the last group came or went", () => {
    const p = new Legacy(bootedKernel(plainResv, undefined, { vfio_container: "type1" }));
    p.map(USER, 0x1000n);
    const ranges = () => p.ranges();
    const first = p.group(NVME);
    expect(p.join(first)).toBe(0);
    expect(p.number(p.container, VFIO_SET_IOMMU.cmd, V2)).toBe(0);
    expect(ranges()).toEqual(CUT);
    const regions = the_platform(p.k).pci.get(NVME)?.hw.desc.regions;
    expect(regions).toEqual([]);
    const second = p.group(EDU);
    expect(p.join(second)).toBe(0);
    expect(ranges()).toEqual([CUT[0], [0x810_0000n, 0x3fff_ffffn], [0x4010_0000n, CUT[1]?.[1]]]);
    expect(p.mapDma(0x4000_0000n, USER, 0x1000n)).toBe(-errno.EINVAL);
    expect(p.ioctl(second, VFIO_GROUP_UNSET_CONTAINER, {}).ret).toBe(0);
    expect(ranges()).toEqual(CUT);
    expect(p.mapDma(0x4000_0000n, USER, 0x1000n)).toBe(0);
    expect(p.join(second)).toBe(-errno.EINVAL);
    expect(ranges()).toEqual(CUT);
  });

  it("before 5.4 has no list, no capabilities, and takes every address that the table takes", () => {
    const profile = { ...NEWEST, features: { ...NEWEST.features, type1_iova_list: false } };
    const p = new Legacy(bootedKernel(plainResv, profile, { vfio_container: "type1" }));
    p.map(USER, 0x1000n);
    expect(p.join(p.group(EDU))).toBe(0);
    expect(p.number(p.container, VFIO_SET_IOMMU.cmd, V2)).toBe(0);
    expect(p.ioctl(p.container, VFIO_IOMMU_GET_INFO, { argsz: 24 }).out).toMatchObject({ flags: 1, cap_offset: 0 });
    expect(p.mapDma(0x800_0000n, USER, 0x1000n)).toBe(0);
    expect(p.mapDma(0x4000_0000n, USER, 0x1000n)).toBe(0);
    expect(p.mapDma(1n << 48n, USER, 0x1000n)).toBeLessThan(0);
  });

  it("gives doorbells the window by a cookie", () => {
    const { p, dev } = ready();
    const { fd, ctx } = p.eventfd();
    expect(p.irqs({ bdf: EDU, fd: dev, devid: 0 }, IRQ.MSI, [fd])).toBe(0);
    p.machine.msi(EDU, 0);
    kernel_after_device_access(p.k);
    expect(ctx.count).toBe(1n);
    expect(p.machine.pci.byBdf.get(EDU)?.config.read(0x44, 4)).toBe(0x800_0040);
  });

  it("lets everything go when files are closed", () => {
    const { p, group, dev } = ready();
    expect(p.mapDma(0n, USER, 0x1000n)).toBe(0);
    expect(p.task.mm.locked_vm).toBe(1);
    expect(p.close(dev)).toBe(0);
    expect(p.close(group)).toBe(0);
    expect(p.task.mm.locked_vm).toBe(0);
    expect(p.close(p.container)).toBe(0);
    expect(p.bound(EDU).devid).toBeGreaterThan(0);
  });
});
