/** Every allocation of a guest's set-up fails once; what is tried again then works, and nothing is left behind. */
import { expect, it } from "vitest";
import { bootedKernel, DeviceProgram, GUEST_IPA, GUEST_VA } from "../testing/device_program.ts";
import { errno } from "../uapi/errno.ts";
import type { IoctlDef, Values } from "../uapi/layout.ts";
import * as io from "../uapi/iommufd.ts";
import { DATA } from "../testing/program.ts";
import { VFIO_DEVICE_ATTACH_IOMMUFD_PT, VFIO_DEVICE_BIND_IOMMUFD } from "../uapi/vfio.ts";
import { kernel_after_device_access } from "./boot.ts";
import { brokenInvariants } from "./iommufd/invariants.ts";
import { the_platform } from "./platform.ts";
import { IRQ } from "./vfio/vfio_pci.ts";

/** MSI-X with 65 vectors: an event id that a failed try loses is not missed. */
const NVME = "0000:00:02.0";
const VSTE_BYPASS = 9;

class Sweep {
  readonly p = new DeviceProgram(bootedKernel());
  readonly results = new Set<number>();
  injected = 0;

  /** Frames that the kernel has not given out. */
  get free(): number {
    return this.p.k.mm.frames.free.reduce((sum, { n }) => sum + n, 0);
  }

  run<T>(name: string, call: () => { ret: number; out: T }): T {
    const { k } = this.p;
    for (let n = 1; n < 200; n++) {
      k.failAt = n;
      const { ret, out } = call();
      const hit = k.failAt <= 0;
      k.failAt = Number.POSITIVE_INFINITY;
      expect(brokenInvariants(k), `${name}, failure ${n}`).toEqual([]);
      if (!hit || ret >= 0) {
        expect(ret, name).toBeGreaterThanOrEqual(0);
        return out;
      }
      this.injected++;
      this.results.add(ret);
    }
    throw new Error(`${name}: never succeeds`);
  }

  ioctl<L extends IoctlDef>(fd: number, def: L, values: Partial<Values<L>>): Values<L> {
    return this.run(def.name, () => this.p.ioctl(fd, def, values));
  }
}

function guest(s: Sweep): void {
  const { p } = s;
  const iommufd = p.open();
  const fd = p.device(NVME);
  const dev_id = s.ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, { argsz: 16, iommufd }).out_devid;
  const dev = { bdf: NVME, fd, devid: dev_id };
  p.pwrite(fd, 7, 4, [6, 0]);
  const ioas_id = s.ioctl(iommufd, io.IOMMU_IOAS_ALLOC, {}).out_ioas_id;
  s.ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, { argsz: 12, pt_id: ioas_id });
  const parent = s.ioctl(iommufd, io.IOMMU_HWPT_ALLOC, { flags: 1, dev_id, pt_id: ioas_id }).out_hwpt_id;
  s.ioctl(iommufd, io.IOMMU_IOAS_MAP, { flags: 7, ioas_id, user_va: GUEST_VA, length: 0x1_0000n, iova: GUEST_IPA });
  const { out_viommu_id } = s.ioctl(iommufd, io.IOMMU_VIOMMU_ALLOC, { type: 1, dev_id, hwpt_id: parent });
  s.ioctl(iommufd, io.IOMMU_VDEVICE_ALLOC, { viommu_id: out_viommu_id, dev_id, virt_id: 7n });
  p.poke(DATA, Uint8Array.of(VSTE_BYPASS, ...new Uint8Array(15)));
  const nested = { dev_id, pt_id: out_viommu_id, data_type: 2, data_len: 16, data_uptr: DATA };
  const pt_id = s.ioctl(iommufd, io.IOMMU_HWPT_ALLOC, nested).out_hwpt_id;
  s.ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, { argsz: 12, pt_id });
  const vector = p.eventfd();
  s.run("SET_IRQS", () => ({ ret: p.irqs(dev, IRQ.MSIX, [vector.fd]), out: null }));

  const { ok, data } = p.machine.dma(NVME, { write: false, hi: 0, lo: Number(GUEST_IPA), len: 2 });
  expect([ok, ...data]).toEqual([true, 0xca, 0xfe]);
  p.machine.msi(NVME, 0);
  kernel_after_device_access(p.k);
  expect(vector.ctx.count).toBe(1n);
  for (const one of [fd, iommufd, vector.fd]) expect(p.close(one)).toBe(0);
}

it("a guest comes up although everything fails once, and leaves nothing behind", () => {
  const s = new Sweep();
  const { p } = s;
  p.map(GUEST_VA, 0x1_0000n);
  p.poke(GUEST_VA, Uint8Array.of(0xca, 0xfe));
  guest(s);
  expect(s.injected).toBeGreaterThan(20);
  const { ENOENT, ENOMEM, EINVAL, ENOSPC } = errno;
  expect([...s.results].sort((a, b) => b - a)).toEqual([-ENOENT, -ENOMEM, -EINVAL, -ENOSPC]);
  const [smmu] = the_platform(p.k).smmus;
  const after = () => ({ free: s.free, vmids: smmu?.vmid_map.used.size, asids: smmu?.asid_map.used.size });
  const first = after();
  guest(s);
  expect(after()).toEqual(first);
  expect(first.vmids).toBe(0);
});
