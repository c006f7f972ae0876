/** From open() to a device's interrupt: all of the kernel on emulated hardware. */
import { describe, expect, it } from "vitest";
import { bootedKernel, DeviceProgram, GUEST_IPA, GUEST_VA, NEWEST, type Opened } from "../testing/device_program.ts";
import { DATA } from "../testing/program.ts";
import { kernels } from "../testing/scenarios.ts";
import { errno } from "../uapi/errno.ts";
import { IOMMU_VEVENTQ_ALLOC } from "../uapi/iommufd.ts";
import { kernel_after_device_access } from "./boot.ts";
import type { ResolvedProfile } from "./profile.ts";
import * as sys from "./syscall.ts";
import { the_platform } from "./platform.ts";
import { IRQ } from "./vfio/vfio_pci.ts";

/** The test device "edu": one MSI vector, StreamID 0x18. */
const EDU = "0000:00:03.0";
const MSI_CAP = 0x40;
const MEMORY_AND_MASTER = 6;

/** The guest's CD, tables and RAM lie at these IPAs. */
const CD = GUEST_IPA;
const [L0, L1, L2, L3, MSI_L3] = [0x1000n, 0x2000n, 0x3000n, 0x4000n, 0x5000n].map((x) => GUEST_IPA + x);
const RAM = GUEST_IPA + 0x8000n;
/** 48-bit addresses, 4K pages, faults recorded: what a guest's driver writes. */
const CD_WORD0 = 0x5e205c0003510n;
const PAGE_RW = 0xf43n;
const PAGE_RO = 0xfc3n;
const TLBI_NH_ALL: readonly [bigint, bigint] = [0x10n, 0n];

interface Guest {
  p: DeviceProgram;
  dev: Opened;
  viommu: number;
  parent: number;
}

/** A device in a guest whose stage 1 maps 0x1000 read/write, 0x2000 read-only, and the doorbell's window 1:1. */
function guest(profile: ResolvedProfile | undefined = NEWEST): Guest {
  const p = new DeviceProgram(bootedKernel(undefined, profile));
  const dev = p.bound(EDU);
  p.pwrite(dev.fd, 7, 4, [MEMORY_AND_MASTER, 0]);
  const ioas = p.ioas();
  const parent = p.hwpt(dev.devid, ioas, 1);
  p.guestRam(ioas);
  const viommu = p.viommu(dev.devid, parent);
  p.vdevice(viommu, dev.devid, 0x123n);
  p.guestStore(CD, CD_WORD0 | (1n << 31n));
  p.guestStore(CD + 8n, L0 ?? 0n);
  p.guestStore(CD + 24n, 0xff440c0400n);
  p.guestStore(L0 ?? 0n, (L1 ?? 0n) | 3n);
  p.guestStore(L1 ?? 0n, (L2 ?? 0n) | 3n);
  p.guestStore(L2 ?? 0n, (L3 ?? 0n) | 3n);
  p.guestStore((L2 ?? 0n) + 8n * 64n, (MSI_L3 ?? 0n) | 3n);
  p.guestStore((L3 ?? 0n) + 8n, RAM | PAGE_RW);
  p.guestStore((L3 ?? 0n) + 16n, (RAM + 0x1000n) | PAGE_RO);
  p.guestStore(MSI_L3 ?? 0n, 0x800_0000n | PAGE_RW);
  const { ret, id } = p.nested(dev.devid, viommu, [CD | 0xbn, 0xd4n]);
  expect(ret).toBe(0);
  expect(p.attach(dev, id)).toBe(0);
  return { p, dev, viommu, parent };
}

const dma = (p: DeviceProgram, iova: number, write: boolean, data = new Uint8Array(4)) =>
  p.machine.dma(EDU, { write, hi: 0, lo: iova, len: data.length, ...(write ? { data } : {}) });

const msiAddress = (p: DeviceProgram) => {
  const { config } = the_platform(p.k).pci.get(EDU)?.hw ?? {};
  return (config?.read(MSI_CAP + 4, 4) ?? 0) + (config?.read(MSI_CAP + 8, 4) ?? 0) * 2 ** 32;
};

describe("a device in an address space of the program", () => {
  it("reads and writes the program's memory, and nothing else", () => {
    const p = new DeviceProgram(bootedKernel());
    const dev = p.bound(EDU);
    p.pwrite(dev.fd, 7, 4, [MEMORY_AND_MASTER, 0]);
    const ioas = p.ioas();
    p.map(GUEST_VA, 0x2000n);
    p.mapAt(ioas, 0x10_0000n, GUEST_VA, 0x2000n);
    expect(p.attach(dev, ioas)).toBe(0);
    expect(dma(p, 0x10_1ffc, true, Uint8Array.of(1, 2, 3, 4)).ok).toBe(true);
    expect([...p.peek(GUEST_VA + 0x1ffcn, 4)]).toEqual([1, 2, 3, 4]);
    p.poke(GUEST_VA, Uint8Array.of(9, 8, 7, 6));
    expect([...dma(p, 0x10_0000, false).data]).toEqual([9, 8, 7, 6]);
    expect(dma(p, 0x10_2000, false).ok).toBe(false);
    const { events } = kernel_after_device_access(p.k);
    expect([...events.values()].flat().map((words) => (words[0] ?? 0) & 0xff)).toEqual([0x10]);
    expect(p.detach(dev)).toBe(0);
    expect(dma(p, 0x10_0000, false).ok).toBe(false);
  });

  it("has no interrupts while nothing is attached, and the one event of its ITS table stays lost", () => {
    const p = new DeviceProgram(bootedKernel());
    const dev = p.bound(EDU);
    const { fd } = p.eventfd();
    expect(p.irqs(dev, IRQ.MSI, [fd])).toBe(-errno.ENOSPC);
    expect(p.attach(dev, p.ioas())).toBe(0);
    expect(p.irqs(dev, IRQ.MSI, [fd])).toBe(-errno.ENOSPC);
  });

  it("interrupts through the doorbell's window, in every address space it is moved to", () => {
    const p = new DeviceProgram(bootedKernel());
    const dev = p.bound(EDU);
    p.pwrite(dev.fd, 7, 4, [MEMORY_AND_MASTER, 0]);
    const { fd, ctx } = p.eventfd();
    expect(p.attach(dev, p.ioas())).toBe(0);
    expect(p.irqs(dev, IRQ.MSI, [fd])).toBe(0);
    expect(msiAddress(p)).toBe(0x800_0040);
    p.machine.msi(EDU, 0);
    kernel_after_device_access(p.k);
    expect(ctx.count).toBe(1n);
    expect(p.attach(dev, p.ioas())).toBe(0);
    p.machine.msi(EDU, 0);
    kernel_after_device_access(p.k);
    expect(ctx.count).toBe(2n);
    expect(p.close(dev.fd)).toBe(0);
    expect(msiAddress(p)).toBe(0);
  });
});

describe("a device in a guest", () => {
  it("goes through the guest's stage 1 and the parent's stage 2", () => {
    const { p } = guest();
    expect(dma(p, 0x1000, true, Uint8Array.of(5, 6, 7, 8)).ok).toBe(true);
    expect([...p.peek(GUEST_VA + 0x8000n, 4)]).toEqual([5, 6, 7, 8]);
    expect(dma(p, 0x2000, true).ok).toBe(false);
    expect(dma(p, 0x3000, false).ok).toBe(false);
  });

  it("tells the guest of its own faults under the guest's StreamID", () => {
    const { p, viommu } = guest();
    const queue = p.ok(p.ioctl(p.iommufd, IOMMU_VEVENTQ_ALLOC, { viommu_id: viommu, type: 1, veventq_depth: 8 }));
    dma(p, 0x2000, true);
    kernel_after_device_access(p.k);
    expect(sys.sys_read(p.k, p.task, queue.out_veventq_fd, DATA, 40)).toBe(40);
    const record = new DataView(p.peek(DATA, 40).buffer);
    expect([record.getUint32(8, true) & 0xff, record.getUint32(12, true)]).toEqual([0x13, 0x123]);
    expect(record.getBigUint64(24, true)).toBe(0x2000n);
  });

  it("interrupts through stage 1 and 2: the guest must map the doorbell's window", () => {
    const { p, dev, viommu } = guest();
    const { fd, ctx } = p.eventfd();
    expect(p.irqs(dev, IRQ.MSI, [fd])).toBe(0);
    expect(msiAddress(p)).toBe(0x800_0040);
    p.machine.msi(EDU, 0);
    kernel_after_device_access(p.k);
    expect(ctx.count).toBe(1n);
    p.guestStore(MSI_L3 ?? 0n, 0n);
    p.invalidate(viommu, TLBI_NH_ALL);
    p.machine.msi(EDU, 0);
    kernel_after_device_access(p.k);
    expect(ctx.count).toBe(1n);
  });

  it("keeps the physical doorbell where a nested attach does not lead to a domain with a cookie", () => {
    const { p, dev } = guest(kernels.resolve("linux-6.11", true));
    const { fd, ctx } = p.eventfd();
    expect(p.irqs(dev, IRQ.MSI, [fd])).toBe(0);
    expect(msiAddress(p)).toBe(0x8090040);
    p.machine.msi(EDU, 0);
    kernel_after_device_access(p.k);
    expect(ctx.count).toBe(0n);
  });

  it("gets the doorbell into the parent by a cookie where that is the rule", () => {
    const { p, dev } = guest(kernels.resolve("linux-6.12", true));
    const { fd, ctx } = p.eventfd();
    expect(p.irqs(dev, IRQ.MSI, [fd])).toBe(0);
    expect(msiAddress(p)).toBe(0x8000040);
    p.machine.msi(EDU, 0);
    kernel_after_device_access(p.k);
    expect(ctx.count).toBe(1n);
  });
});
