/** Whatever a program does with devices and address spaces: devices see exactly what is mapped where they are attached. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { bootedKernel, DeviceProgram, type Opened } from "../testing/device_program.ts";
import { IOMMU_IOAS_MAP, IOMMU_IOAS_UNMAP } from "../uapi/iommufd.ts";
import { kernel_after_device_access } from "./boot.ts";
import type { EventfdCtx } from "./eventfd.ts";
import { MAP_HUGETLB, MAP_PRIVATE } from "./syscall.ts";
import { IRQ } from "./vfio/vfio_pci.ts";

const DEVICES = ["0000:00:01.0", "0000:00:02.0", "0000:00:03.0"] as const;
const PAGE = 0x1000n;
/** Small pages of the program, and two huge ones. */
const SMALL = 0x4000_0000_0000n;
const SMALL_PAGES = 16;
const HUGE = 0x4100_0000_0000n;
const MIB2 = 0x20_0000n;
/** IOVAs that are looked at: pages from here on, and some pages of two 2 MiB slots. */
const BASE = 0x10_0000n;
const SLOTS = 24;
const HUGE_BASE = 0x4000_0000n;

interface Area {
  iova: bigint;
  length: bigint;
  va: bigint;
}

type Draw = readonly [number, number, number, number];

class World {
  readonly p = new DeviceProgram(bootedKernel());
  readonly devices: (Opened & { vector: EventfdCtx; at: number | null })[];
  readonly spaces: { ioas: number; areas: Area[]; tables: number[] }[];

  constructor() {
    const { p } = this;
    p.map(SMALL, BigInt(SMALL_PAGES) * PAGE);
    p.map(HUGE, 2n * MIB2, MAP_PRIVATE | MAP_HUGETLB);
    for (let i = 0n; i < SMALL_PAGES; i++) p.poke(SMALL + i * PAGE, Uint8Array.of(Number(i), 0x11));
    for (let i = 0n; i < 1024n; i += 37n) p.poke(HUGE + i * PAGE, Uint8Array.of(Number(i % 251n), 0x22));
    const opened = DEVICES.map((bdf) => p.bound(bdf));
    this.spaces = [0, 1].map(() => {
      const ioas = p.ioas();
      const dev_id = opened[0]?.devid ?? 0;
      const parent = p.hwpt(dev_id, ioas, 1);
      const bypass = p.nested(dev_id, p.viommu(dev_id, parent), [9n, 0n]);
      expect(bypass.ret).toBe(0);
      return { ioas, areas: [], tables: [ioas, p.hwpt(dev_id, ioas), parent, bypass.id] };
    });
    this.devices = opened.map((dev) => {
      p.pwrite(dev.fd, 7, 4, [6, 0]);
      expect(p.attach(dev, this.spaces[0]?.ioas ?? 0)).toBe(0);
      const { fd, ctx } = p.eventfd();
      expect(p.irqs(dev, dev.bdf === DEVICES[2] ? IRQ.MSI : IRQ.MSIX, [fd])).toBe(0);
      return { bdf: dev.bdf, fd: dev.fd, devid: dev.devid, vector: ctx, at: 0 };
    });
  }

  step([what, a, b, c]: Draw): void {
    const { p } = this;
    const dev = this.devices[a % 3];
    const space = this.spaces[a % 2];
    if (dev === undefined || space === undefined) return;
    switch (what % 5) {
      case 0: {
        const target = this.spaces[b % 2]?.tables[c % 4] ?? 0;
        expect(p.attach(dev, target)).toBe(0);
        dev.at = b % 2;
        break;
      }
      case 1:
        expect(p.detach(dev)).toBe(0);
        dev.at = null;
        break;
      case 2: {
        const n = BigInt(1 + (c % 6));
        const first = BigInt(c % (SMALL_PAGES - 6));
        this.map(space, { iova: BASE + BigInt(b % (SLOTS - 6)) * PAGE, length: n * PAGE, va: SMALL + first * PAGE });
        break;
      }
      case 3:
        this.map(space, { iova: HUGE_BASE + BigInt(b % 2) * MIB2, length: MIB2, va: HUGE + BigInt(c % 2) * MIB2 });
        break;
      default: {
        const area = space.areas[b % Math.max(1, space.areas.length)];
        if (area === undefined) return;
        const { iova, length } = area;
        expect(p.ioctl(p.iommufd, IOMMU_IOAS_UNMAP, { ioas_id: space.ioas, iova, length }).ret).toBe(0);
        space.areas = space.areas.filter((one) => one !== area);
      }
    }
  }

  private map(space: World["spaces"][number], area: Area): void {
    const { iova, length, va } = area;
    const asked = { flags: 7, ioas_id: space.ioas, user_va: va, length, iova };
    const { ret } = this.p.ioctl(this.p.iommufd, IOMMU_IOAS_MAP, asked);
    const taken = space.areas.some((one) => one.iova < iova + length && one.iova + one.length > iova);
    expect(ret === 0).toBe(!taken);
    if (ret === 0) space.areas.push(area);
  }

  private expected(at: number | null, iova: bigint): number[] | null {
    const area =
      at === null ? undefined : this.spaces[at]?.areas.find((a) => a.iova <= iova && iova < a.iova + a.length);
    return area === undefined ? null : [...this.p.peek(area.va + (iova - area.iova), 2)];
  }

  /** Every device reads every IOVA, and interrupts. */
  look(): void {
    const { p } = this;
    const iovas = [
      ...Array.from({ length: SLOTS }, (_, i) => BASE + BigInt(i) * PAGE),
      ...Array.from({ length: 8 }, (_, i) => HUGE_BASE + BigInt(i) * 0x8_5000n),
    ];
    for (const dev of this.devices) {
      for (const iova of iovas) {
        const { ok, data } = p.machine.dma(dev.bdf, { write: false, hi: 0, lo: Number(iova), len: 2 });
        expect(ok ? [...data] : null, `${dev.bdf} at 0x${iova.toString(16)}`).toEqual(this.expected(dev.at, iova));
      }
      dev.vector.count = 0n;
      p.machine.msi(dev.bdf, 0);
      kernel_after_device_access(p.k);
      expect(dev.vector.count, `${dev.bdf} interrupts`).toBe(dev.at === null ? 0n : 1n);
    }
  }
}

it("devices see exactly what is mapped in the address space they are attached to, and their doorbell", () => {
  const draw = fc.tuple(fc.nat(0xffff), fc.nat(0xffff), fc.nat(0xffff), fc.nat(0xffff));
  fc.assert(
    fc.property(fc.array(draw, { minLength: 1, maxLength: 40 }), (draws) => {
      const world = new World();
      for (const one of draws) {
        world.step(one);
        world.look();
      }
    }),
    { numRuns: 25, seed: 7 },
  );
});
