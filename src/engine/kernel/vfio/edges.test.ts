import { describe, expect, it } from "vitest";
import { x86MachineById } from "../../sim/machines_x86.ts";
import { bootedKernel, DeviceProgram, NEWEST } from "../../testing/device_program.ts";
import { ARGS } from "../../testing/program.ts";
import { errno } from "../../uapi/errno.ts";
import {
  IRQ_SET_FLAGS,
  VFIO_DEVICE_ATTACH_IOMMUFD_PT,
  VFIO_DEVICE_BIND_IOMMUFD,
  VFIO_DEVICE_DETACH_IOMMUFD_PT,
  VFIO_DEVICE_GET_INFO,
  VFIO_DEVICE_GET_IRQ_INFO,
  VFIO_DEVICE_SET_IRQS,
  VFIO_GROUP_GET_DEVICE_FD,
  VFIO_GROUP_SET_CONTAINER,
} from "../../uapi/vfio.ts";
import { boot_x86 } from "../boot_x86.ts";
import type { Kernel } from "../kernel.ts";
import { the_platform } from "../platform.ts";
import * as sys from "../syscall.ts";
import { bar_of, IRQ, REGION } from "./vfio_pci.ts";

function intelSm(): Kernel {
  const machine = x86MachineById("intel-sm");
  if (machine === undefined) throw new Error("no machine intel-sm");
  return boot_x86(machine, NEWEST);
}

const EDU = "0000:00:03.0";
const E1000E = "0000:00:01.0";

describe("the device's own node", () => {
  it("reads a token before it says that the device takes none", () => {
    const p = new DeviceProgram(bootedKernel());
    const bind = (token_uuid_ptr: bigint) =>
      p.ioctl(p.device(EDU), VFIO_DEVICE_BIND_IOMMUFD, { flags: 1, iommufd: p.iommufd, token_uuid_ptr }).ret;
    expect([bind(0n), bind(ARGS)]).toEqual([-errno.EFAULT, -errno.EINVAL]);
  });

  it("notes PASIDs as ints", () => {
    const p = new DeviceProgram(bootedKernel());
    const dev = p.bound(EDU);
    const pt_id = p.hwpt(dev.devid, p.ioas(), 8);
    const attach = (pasid: number) => p.ioctl(dev.fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, { flags: 1, pt_id, pasid }).ret;
    expect([attach(0x7fff_ffff), attach(0x8000_0000)]).toEqual([0, -errno.ENOSPC]);
    expect(p.ioctl(dev.fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, { flags: 1, pasid: 0x8000_0000 }).ret).toBe(0);
  });

  it("alone attaches and detaches: a file that the group gave does not know these calls", () => {
    const p = new DeviceProgram(bootedKernel());
    const group = p.open(`/dev/vfio/${the_platform(p.k).pci.get(EDU)?.dev.iommu_group?.id}`);
    expect(p.ioctl(group, VFIO_GROUP_SET_CONTAINER, { fd: p.iommufd }).ret).toBe(0);
    p.poke(ARGS, new TextEncoder().encode(`${EDU}\0`));
    const fd = sys.sys_ioctl(p.k, p.task, group, VFIO_GROUP_GET_DEVICE_FD.cmd, ARGS);
    expect(p.ioctl(fd, VFIO_DEVICE_GET_INFO, {}).ret).toBe(0);
    expect(p.ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, { pt_id: p.ioas() }).ret).toBe(-errno.ENOTTY);
    expect(p.ioctl(fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, {}).ret).toBe(-errno.ENOTTY);
    expect(p.ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, { iommufd: p.iommufd }).ret).toBe(-errno.EINVAL);
  });
});

describe("MSI-X vectors", () => {
  /** Enables vector 0, then asks for vector 3: flags of the kind, result, and what the eventfd of vector 3 counted. */
  function grow(p: DeviceProgram, bdf: string): [number, number, number] {
    const dev = p.bound(bdf);
    expect(p.attach(dev, p.ioas())).toBe(0);
    const { flags } = p.ok(p.ioctl(dev.fd, VFIO_DEVICE_GET_IRQ_INFO, { argsz: 16, index: IRQ.MSIX }));
    expect(p.irqs(dev, IRQ.MSIX, [p.eventfd().fd])).toBe(0);
    const { fd, ctx } = p.eventfd();
    const ret = p.irqs(dev, IRQ.MSIX, [fd], undefined, 3);
    const bytes = new Uint8Array(20);
    new Uint32Array(bytes.buffer).set([20, IRQ_SET_FLAGS.DATA_NONE | IRQ_SET_FLAGS.ACTION_TRIGGER, IRQ.MSIX, 3, 1]);
    p.poke(ARGS, bytes);
    sys.sys_ioctl(p.k, p.task, dev.fd, VFIO_DEVICE_SET_IRQS.cmd, ARGS);
    expect(p.irqs(dev, IRQ.MSIX, [], IRQ_SET_FLAGS.DATA_NONE | IRQ_SET_FLAGS.ACTION_TRIGGER)).toBe(0);
    return [flags, ret, Number(ctx.count)];
  }

  it("are all set up at once on Arm", () => {
    expect(grow(new DeviceProgram(bootedKernel()), E1000E)).toEqual([9, -errno.EINVAL, 0]);
  });

  it("come one by one on x86, where the kind says that it may grow", () => {
    const k = intelSm();
    const many = [...the_platform(k).vfio.values()].find(({ pdev }) => (pdev.hw.msix?.place.entries ?? 0) > 3);
    expect(grow(new DeviceProgram(k), many?.pdev.bdf ?? "none")).toEqual([1, 0, 1]);
    expect(many?.pdev.msi).toBeNull();
  });
});

describe("INTx", () => {
  it("can be on without a listener; an unmasking eventfd must be one", () => {
    const p = new DeviceProgram(bootedKernel());
    const dev = p.bound(E1000E);
    expect(p.attach(dev, p.ioas())).toBe(0);
    const unmask = IRQ_SET_FLAGS.DATA_EVENTFD | IRQ_SET_FLAGS.ACTION_UNMASK;
    expect(p.irqs(dev, IRQ.INTX, [p.eventfd().fd], unmask)).toBe(-errno.EINVAL);
    expect(p.irqs(dev, IRQ.INTX, [-1])).toBe(0);
    expect(p.irqs(dev, IRQ.MSI, [p.eventfd().fd])).toBe(-errno.EINVAL);
    expect(p.irqs(dev, IRQ.INTX, [77], unmask)).toBe(-errno.EBADF);
    expect(p.irqs(dev, IRQ.INTX, [p.eventfd().fd], unmask)).toBe(0);
    expect(p.irqs(dev, IRQ.INTX, [], IRQ_SET_FLAGS.DATA_NONE | IRQ_SET_FLAGS.ACTION_TRIGGER)).toBe(0);
    expect(p.irqs(dev, IRQ.MSI, [p.eventfd().fd])).toBe(0);
  });
});

describe("base address registers", () => {
  it("say their size when all ones were written; those that are not there, and no others, say zero", () => {
    const k = intelSm();
    const vdev = [...the_platform(k).vfio.values()].find(({ pdev }) => bar_of(pdev, REGION.ROM) !== undefined);
    if (vdev === undefined) throw new Error("no device with a ROM");
    const p = new DeviceProgram(k);
    const { fd } = p.bound(vdev.pdev.bdf);
    const after = (register: number, value: number): number => {
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setUint32(0, value, true);
      p.pwrite(fd, REGION.CONFIG, register, [...bytes]);
      return new DataView(p.pread(fd, REGION.CONFIG, register, 4).bytes.buffer).getUint32(0, true);
    };
    const rom = bar_of(vdev.pdev, REGION.ROM);
    const size = (rom?.last ?? 0) - (rom?.start ?? 0) + 1;
    expect(after(0x30, 0xffff_f800)).toBe(2 ** 32 - size);
    expect(after(0x30, 0xfe80_07ff)).toBe(0xfe80_0001);
    for (let index = 0; index < 6; index++) {
      const bar = bar_of(vdev.pdev, index);
      const upper = bar_of(vdev.pdev, index - 1)?.kind === "mem64";
      const value = after(0x10 + 4 * index, 0xffff_ffff);
      expect(value === 0, `BAR ${index}`).toBe(bar === undefined && !upper);
      if (bar?.kind === "mem") expect(value & 0xffff_fff0).toBe(-(bar.last - bar.start + 1) | 0);
    }
  });
});
