import { describe, expect, it } from "vitest";
import { bootedKernel, DeviceProgram, type Opened } from "../../testing/device_program.ts";
import { errno } from "../../uapi/errno.ts";
import {
  IRQ_SET_FLAGS,
  VFIO_DEVICE_ATTACH_IOMMUFD_PT,
  VFIO_DEVICE_BIND_IOMMUFD,
  VFIO_DEVICE_DETACH_IOMMUFD_PT,
  VFIO_DEVICE_GET_INFO,
  VFIO_DEVICE_GET_IRQ_INFO,
  VFIO_DEVICE_GET_PCI_HOT_RESET_INFO,
  VFIO_DEVICE_GET_REGION_INFO,
  VFIO_DEVICE_PCI_HOT_RESET,
  VFIO_DEVICE_RESET,
} from "../../uapi/vfio.ts";
import { kernel_after_device_access } from "../boot.ts";
import { IRQ, REGION } from "./vfio_pci.ts";

/** On the root bus: MSI (1 vector) and MSI-X (5 vectors in BAR 3). */
const E1000E = "0000:00:01.0";
const NVME = "0000:00:02.0";
const EDU = "0000:00:03.0";
/** Behind a root port, alone on its bus. */
const BEHIND_PORT = "0000:01:00.0";
/** First of three functions behind a PCIe-to-PCI bridge; the others have no IOMMU, since it has their StreamID. */
const CONVENTIONAL = "0000:06:01.0";
const { DATA_EVENTFD, DATA_NONE, DATA_BOOL, ACTION_TRIGGER, ACTION_MASK } = IRQ_SET_FLAGS;

function opened(bdf: string): { p: DeviceProgram; dev: Opened } {
  const p = new DeviceProgram(bootedKernel());
  return { p, dev: p.bound(bdf) };
}

describe("bind and attach", () => {
  it("nothing works before the bind, and one file has the device", () => {
    const p = new DeviceProgram(bootedKernel());
    const fd = p.device(EDU);
    expect(p.ioctl(fd, VFIO_DEVICE_GET_INFO, { argsz: 24 }).ret).toBe(-errno.EINVAL);
    expect(p.pread(fd, REGION.CONFIG, 0, 4).ret).toBe(-errno.EINVAL);
    expect(p.ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, { argsz: 16, iommufd: 99 }).ret).toBe(-errno.EBADF);
    expect(p.ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, { argsz: 16, iommufd: fd }).ret).toBe(-errno.EBADFD);
    expect(p.ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, { argsz: 16, iommufd: -1 }).ret).toBe(-errno.EINVAL);
    expect(p.ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, { argsz: 16, iommufd: p.iommufd }).ret).toBe(0);
    expect(p.ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, { argsz: 16, iommufd: p.iommufd }).ret).toBe(-errno.EINVAL);
    const other = p.device(EDU);
    expect(p.ioctl(other, VFIO_DEVICE_BIND_IOMMUFD, { argsz: 16, iommufd: p.iommufd }).ret).toBe(-errno.EINVAL);
    expect(p.close(fd)).toBe(0);
    expect(p.ioctl(other, VFIO_DEVICE_BIND_IOMMUFD, { argsz: 16, iommufd: p.iommufd }).ret).toBe(0);
  });

  it("attach returns the hwpt, a second attach replaces, detach always succeeds", () => {
    const { p, dev } = opened(EDU);
    const ioas = p.ioas();
    const first = p.ioctl(dev.fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, { argsz: 12, pt_id: ioas });
    expect(first.ret).toBe(0);
    expect(first.out.pt_id).not.toBe(ioas);
    expect(p.attach(dev, p.ioas())).toBe(0);
    expect(p.attach(dev, 999)).toBe(-errno.ENOENT);
    expect(p.detach(dev)).toBe(0);
    expect(p.detach(dev)).toBe(0);
    expect(p.ioctl(dev.fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, { argsz: 4 }).ret).toBe(-errno.EINVAL);
    expect(p.ioctl(dev.fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, { argsz: 12, flags: 2, pt_id: ioas }).ret).toBe(
      -errno.EINVAL,
    );
  });
});

describe("configuration space", () => {
  it("BARs are sized on the user's copy; the device's stay", () => {
    const { p, dev } = opened(E1000E);
    const { config } = p.machine.pci.byBdf.get(E1000E) ?? {};
    const real = config?.read(0x10, 4);
    p.pwrite(dev.fd, REGION.CONFIG, 0x10, [0xff, 0xff, 0xff, 0xff]);
    expect([...p.pread(dev.fd, REGION.CONFIG, 0x10, 4).bytes]).toEqual([0, 0, 0xfe, 0xff]);
    expect(config?.read(0x10, 4)).toBe(real);
  });

  it("the user's MSI capability is his own: the host's message stays hidden", () => {
    const { p, dev } = opened(EDU);
    p.attach(dev, p.ioas());
    expect(p.irqs(dev, IRQ.MSI, [p.eventfd().fd])).toBe(0);
    const { config } = p.machine.pci.byBdf.get(EDU) ?? {};
    expect(config?.read(0x44, 4)).toBe(0x8000040);
    expect([...p.pread(dev.fd, REGION.CONFIG, 0x44, 4).bytes]).toEqual([0, 0, 0, 0]);
    p.pwrite(dev.fd, REGION.CONFIG, 0x44, [0x78, 0x56, 0x34, 0x12]);
    expect([...p.pread(dev.fd, REGION.CONFIG, 0x44, 4).bytes]).toEqual([0x78, 0x56, 0x34, 0x12]);
    expect(config?.read(0x44, 4)).toBe(0x8000040);
  });

  it("the MSI-X table in the BAR reads as ones and takes no write", () => {
    const { p, dev } = opened(E1000E);
    p.attach(dev, p.ioas());
    expect(p.irqs(dev, IRQ.MSIX, [p.eventfd().fd])).toBe(0);
    expect(p.pwrite(dev.fd, 3, 0, [1, 2, 3, 4])).toBe(4);
    expect([...p.pread(dev.fd, 3, 0, 4).bytes]).toEqual([255, 255, 255, 255]);
    expect(p.machine.read32(0x10c0_0000)).toBe(0x8000040);
  });

  it("without memory decoding a BAR cannot be read", () => {
    const { p, dev } = opened(E1000E);
    p.pwrite(dev.fd, REGION.CONFIG, 4, [0, 0]);
    expect(p.pread(dev.fd, 0, 0, 4).ret).toBe(-errno.EIO);
    expect(p.pread(dev.fd, 8, 0, 4).ret).toBe(-errno.EINVAL);
  });
});

describe("regions and interrupts as described", () => {
  it("e1000e", () => {
    const { p, dev } = opened(E1000E);
    expect(p.ioctl(dev.fd, VFIO_DEVICE_GET_INFO, { argsz: 24 }).out).toMatchObject({ num_regions: 9, num_irqs: 5 });
    const region = (index: number) => p.ioctl(dev.fd, VFIO_DEVICE_GET_REGION_INFO, { argsz: 32, index });
    expect(region(0).out).toMatchObject({ flags: 7, size: 0x2_0000n, offset: 0n });
    expect(region(REGION.CONFIG).out).toMatchObject({ flags: 3, size: 4096n, offset: 7n << 40n });
    expect(region(3).out).toMatchObject({ flags: 15, argsz: 40 });
    expect(region(9).ret).toBe(-errno.EINVAL);
    const irq = (index: number) => p.ioctl(dev.fd, VFIO_DEVICE_GET_IRQ_INFO, { argsz: 16, index }).out;
    expect([irq(IRQ.MSI), irq(IRQ.MSIX)]).toMatchObject([
      { count: 1, flags: 9 },
      { count: 5, flags: 9 },
    ]);
  });
});

describe("SET_IRQS", () => {
  const setup = () => {
    const { p, dev } = opened(E1000E);
    p.pwrite(dev.fd, REGION.CONFIG, 4, [6, 0]);
    expect(p.attach(dev, p.ioas())).toBe(0);
    return { p, dev, one: p.eventfd(), two: p.eventfd() };
  };
  const fire = (p: DeviceProgram, vector: number) => {
    p.machine.msi(E1000E, vector);
    kernel_after_device_access(p.k);
  };

  it("every vector counts on its own eventfd; -1 takes one out; what was masked comes when somebody listens", () => {
    const { p, dev, one, two } = setup();
    expect(p.irqs(dev, IRQ.MSIX, [one.fd, -1, two.fd])).toBe(0);
    for (const vector of [0, 1, 2, 2]) fire(p, vector);
    expect([one.ctx.count, two.ctx.count]).toEqual([1n, 2n]);
    expect(p.irqs(dev, IRQ.MSIX, [-1])).toBe(0);
    fire(p, 0);
    expect(one.ctx.count).toBe(1n);
    expect(p.irqs(dev, IRQ.MSIX, [one.fd], undefined, 1)).toBe(0);
    expect(one.ctx.count).toBe(2n);
    fire(p, 1);
    expect(one.ctx.count).toBe(3n);
  });

  it("off takes all of them; then another kind may be enabled", () => {
    const { p, dev, one } = setup();
    expect(p.irqs(dev, IRQ.MSIX, [one.fd])).toBe(0);
    expect(p.irqs(dev, IRQ.MSI, [one.fd])).toBe(-errno.EINVAL);
    expect(p.irqs(dev, IRQ.MSIX, [], DATA_NONE | ACTION_TRIGGER)).toBe(0);
    expect(p.irqs(dev, IRQ.MSIX, [], DATA_NONE | ACTION_TRIGGER)).toBe(-errno.EINVAL);
    expect(p.irqs(dev, IRQ.MSI, [one.fd])).toBe(0);
    fire(p, 0);
    expect(one.ctx.count).toBe(1n);
  });

  it("a wrong descriptor undoes the whole call", () => {
    const { p, dev, one } = setup();
    expect(p.irqs(dev, IRQ.MSIX, [one.fd, 77])).toBe(-errno.EBADF);
    expect(p.irqs(dev, IRQ.MSIX, [one.fd, dev.fd])).toBe(-errno.EINVAL);
    fire(p, 0);
    expect(one.ctx.count).toBe(0n);
    expect(p.irqs(dev, IRQ.MSI, [one.fd])).toBe(0);
  });

  it("INTx: one signal and the device is quiet; unmasked it signals again while the wire is asserted", () => {
    const { p, dev, one } = setup();
    const config = p.machine.pci.byBdf.get(E1000E)?.config;
    const disabled = () => ((config?.read(4, 2) ?? 0) & 0x400) !== 0;
    const pending = () => ((config?.read(6, 2) ?? 0) & 8) !== 0;
    const wire = (on: boolean) => {
      const why = p.machine.intx(E1000E, on);
      kernel_after_device_access(p.k);
      return why;
    };
    const unmask = () => p.irqs(dev, IRQ.INTX, [0], DATA_NONE | IRQ_SET_FLAGS.ACTION_UNMASK);
    expect(p.irqs(dev, IRQ.INTX, [one.fd])).toBe(0);
    expect([wire(true), one.ctx.count, disabled(), pending()]).toEqual(["", 1n, true, true]);
    expect([wire(true), one.ctx.count]).toEqual(["DisINTx: only the status register says it", 1n]);
    expect([unmask(), one.ctx.count, disabled()]).toEqual([0, 2n, true]);
    expect([wire(false), pending(), unmask(), one.ctx.count, disabled()]).toEqual(["let go", false, 0, 2n, false]);
    expect([wire(true), one.ctx.count]).toEqual(["", 3n]);
    expect(p.irqs(dev, IRQ.INTX, [], DATA_NONE | ACTION_TRIGGER)).toBe(0);
    expect([wire(true), one.ctx.count]).toEqual(["", 3n]);
  });

  it("bounds, data and actions are checked", () => {
    const { p, dev, one } = setup();
    expect(
      p.irqs(
        dev,
        IRQ.MSIX,
        Array.from({ length: 6 }, () => one.fd),
      ),
    ).toBe(-errno.EINVAL);
    expect(p.irqs(dev, 5, [one.fd])).toBe(-errno.EINVAL);
    expect(p.irqs(dev, IRQ.MSIX, [one.fd], DATA_EVENTFD | DATA_BOOL | ACTION_TRIGGER)).toBe(-errno.EINVAL);
    expect(p.irqs(dev, IRQ.MSIX, [one.fd], DATA_EVENTFD | ACTION_MASK)).toBe(-errno.ENOTTY);
    expect(p.irqs(dev, IRQ.MSIX, [one.fd], 64)).toBe(-errno.EINVAL);
  });
});

describe("reset", () => {
  it("masks the MSI-X vectors of a device without interrupts and keeps it attached", () => {
    const { p, dev } = opened(NVME);
    expect(p.attach(dev, p.ioas())).toBe(0);
    const { ret } = p.ioctl(dev.fd, VFIO_DEVICE_RESET, {});
    expect(ret).toBe(p.ioctl(dev.fd, VFIO_DEVICE_GET_INFO, { argsz: 24 }).out.flags === 3 ? 0 : -errno.EINVAL);
    expect(p.attach(dev, p.ioas())).toBe(0);
  });

  it("the root bus cannot be reset", () => {
    const { p, dev } = opened(E1000E);
    expect(p.ioctl(dev.fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, { argsz: 64 }).ret).toBe(-errno.ENODEV);
    expect(p.ioctl(dev.fd, VFIO_DEVICE_PCI_HOT_RESET, { argsz: 12 }).ret).toBe(-errno.ENODEV);
  });

  it("a bus with one device is its owner's", () => {
    const { p, dev } = opened(BEHIND_PORT);
    const info = p.ioctl(dev.fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, { argsz: 20 });
    expect(info).toMatchObject({ ret: 0, out: { flags: 3, count: 1 } });
    expect(p.ioctl(dev.fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, { argsz: 12 })).toMatchObject({
      ret: -errno.ENOSPC,
      out: { count: 1 },
    });
    expect(p.ioctl(dev.fd, VFIO_DEVICE_PCI_HOT_RESET, { argsz: 12 }).ret).toBe(0);
  });

  it("a function on the bus that vfio-pci does not have forbids it", () => {
    const { p, dev } = opened(CONVENTIONAL);
    const asked = { argsz: 12 + 8 * 3 };
    expect(p.ioctl(dev.fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, asked).out).toMatchObject({ flags: 1, count: 3 });
    expect(p.ioctl(dev.fd, VFIO_DEVICE_PCI_HOT_RESET, { argsz: 12 }).ret).toBe(-errno.EINVAL);
  });
});
