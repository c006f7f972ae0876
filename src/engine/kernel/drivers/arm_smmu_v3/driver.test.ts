/** What the recorded machines cannot do: PASIDs, ATS, stalls, dirty state, a second SMMU. */
import { describe, expect, it } from "vitest";
import { set } from "../../../../hw/base/fields.ts";
import type { MachineDesc } from "../../../../hw/machine.ts";
import { EXT } from "../../../../hw/pci/regs.ts";
import { IDR0, IDR1 } from "../../../../hw/smmuv3/regs.ts";
import { PLAIN } from "../../../presets/plain.ts";
import { bootedKernel, DeviceProgram, type Opened } from "../../../testing/device_program.ts";
import { DATA } from "../../../testing/program.ts";
import { decode, encode } from "../../../uapi/codec.ts";
import { errno } from "../../../uapi/errno.ts";
import {
  HWPT_ALLOC_FLAGS,
  IOMMU_FAULT_QUEUE_ALLOC,
  IOMMU_GET_HW_INFO,
  IOMMU_HWPT_ALLOC,
  IOMMU_HWPT_GET_DIRTY_BITMAP,
  IOMMU_HWPT_SET_DIRTY_TRACKING,
  IOMMU_IOAS_UNMAP,
} from "../../../uapi/iommufd.ts";
import { HWPT_PAGE_RESPONSE, HWPT_PGFAULT } from "../../../uapi/records.ts";
import { VFIO_DEVICE_ATTACH_IOMMUFD_PT, VFIO_DEVICE_DETACH_IOMMUFD_PT } from "../../../uapi/vfio.ts";
import { kernel_after_device_access } from "../../boot.ts";
import { type BootOptions, the_platform } from "../../platform.ts";
import * as sys from "../../syscall.ts";

const NVME = "0000:00:02.0";
const EDU = "0000:00:03.0";
const USER = 0x4000_0000_0000n;
const MEMORY_AND_MASTER = 6;

interface Change {
  idr0?: Partial<Record<keyof typeof IDR0.f, number>>;
  ssidBits?: number;
  /** Adds PASID (16 bits) and ATS to the NVMe's extended capabilities. */
  capabilities?: boolean;
  /** Firmware says that the root complex passes ATS requests on. */
  ats?: true;
}

function machine({ idr0 = {}, ssidBits = 0, capabilities = false, ats }: Change): MachineDesc {
  const smmus = PLAIN.smmus.map((s) => {
    const [zero, one] = [Uint32Array.of(s.idr0), Uint32Array.of(s.idr1)];
    for (const [name, value] of Object.entries(idr0)) set(IDR0.f[name as keyof typeof IDR0.f], zero, value);
    set(IDR1.f.SSIDSIZE, one, ssidBits);
    return { ...s, idr0: zero[0] ?? 0, idr1: one[0] ?? 0 };
  });
  const functions = PLAIN.functions.map((f) => {
    if (f.bdf !== NVME || !capabilities) return f;
    const next = 0x120;
    const header = (id: number, at: number) => id | (1 << 16) | (at << 20);
    const words: Record<number, number> = {
      0x100: header(EXT.PASID, next),
      0x104: 16 << 8,
      [next]: header(EXT.ATS, 0),
      [next + 4]: 0,
    };
    const bytes = new Uint8Array(0x130);
    const hex = f.config.match(/../g) ?? [];
    hex.forEach((byte, i) => (bytes[i] = Number.parseInt(byte, 16)));
    const view = new DataView(bytes.buffer);
    for (const [at, word] of Object.entries(words)) view.setUint32(Number(at), word >>> 0, true);
    return { ...f, config: Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("") };
  });
  const { firmware } = PLAIN;
  if (firmware === undefined) throw new Error("a machine with firmware");
  return {
    ...PLAIN,
    quirks: "none",
    smmus,
    functions,
    firmware: { ...firmware, ...(ats === undefined ? {} : { ats }) },
  };
}

function program(change: Change, options: Partial<BootOptions> = {}): DeviceProgram {
  const p = new DeviceProgram(bootedKernel(machine(change), undefined, options));
  p.map(USER, 0x10_000n);
  for (let page = 0n; page < 16n; page++) p.poke(USER + page * 0x1000n, Uint8Array.of(Number(page), 0xaa));
  return p;
}

function master(p: DeviceProgram, bdf: string): Opened {
  const dev = p.bound(bdf);
  p.pwrite(dev.fd, 7, 4, [MEMORY_AND_MASTER, 0]);
  return dev;
}

const attachPasid = (p: DeviceProgram, { fd }: Opened, pasid: number, pt_id: number) =>
  p.ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, { argsz: 16, flags: 1, pt_id, pasid }).ret;
const detachPasid = (p: DeviceProgram, { fd }: Opened, pasid: number) =>
  p.ioctl(fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, { argsz: 12, flags: 1, pasid }).ret;

const read = (p: DeviceProgram, bdf: string, lo: number, ssid?: number) => {
  const { ok, data } = p.machine.dma(bdf, { write: false, hi: 0, lo, len: 2, ...(ssid === undefined ? {} : { ssid }) });
  kernel_after_device_access(p.k);
  return ok ? [...data] : null;
};

describe.each([
  ["one table of CDs", 4],
  ["two levels of CDs", 16],
])("PASIDs, %s", (_name, ssidBits) => {
  const setup = () => {
    const p = program({ ssidBits, capabilities: true });
    const dev = master(p, NVME);
    const spaces = [0n, 1n].map((page) => {
      const ioas = p.ioas();
      p.mapAt(ioas, 0x1000n, USER + page * 0x1000n, 0x1000n);
      return p.hwpt(dev.devid, ioas, HWPT_ALLOC_FLAGS.PASID);
    });
    return { p, dev, rid: spaces[0] ?? 0, other: spaces[1] ?? 0 };
  };

  it("the RID and a PASID have address spaces of their own", () => {
    const { p, dev, rid, other } = setup();
    expect(p.attach(dev, rid)).toBe(0);
    expect(attachPasid(p, dev, 5, other)).toBe(0);
    expect(read(p, NVME, 0x1000)).toEqual([0, 0xaa]);
    expect(read(p, NVME, 0x1000, 5)).toEqual([1, 0xaa]);
    expect(read(p, NVME, 0x1000, 6)).toBeNull();
    expect(p.detach(dev)).toBe(0);
    expect(read(p, NVME, 0x1000)).toBeNull();
    expect(read(p, NVME, 0x1000, 5)).toEqual([1, 0xaa]);
    expect(detachPasid(p, dev, 5)).toBe(0);
    expect(read(p, NVME, 0x1000, 5)).toBeNull();
  });

  it("a PASID alone: the RID stays blocked", () => {
    const { p, dev, other } = setup();
    expect(attachPasid(p, dev, 2 ** ssidBits - 1, other)).toBe(0);
    expect(read(p, NVME, 0x1000, 2 ** ssidBits - 1)).toEqual([1, 0xaa]);
    expect(read(p, NVME, 0x1000)).toBeNull();
    expect(attachPasid(p, dev, 2 ** ssidBits, other)).toBe(-errno.EINVAL);
    expect(p.close(dev.fd)).toBe(0);
    expect(read(p, NVME, 0x1000, 2 ** ssidBits - 1)).toBeNull();
  });

  it("the device information says how many", () => {
    const { p, dev } = setup();
    const { out } = p.ioctl(p.iommufd, IOMMU_GET_HW_INFO, { dev_id: dev.devid, data_len: 0 });
    expect(out.out_max_pasid_log2).toBe(ssidBits);
  });

  it("stage 2 and PASIDs exclude each other", () => {
    const { p, dev, rid, other } = setup();
    const parent = p.hwpt(dev.devid, p.ioas(), HWPT_ALLOC_FLAGS.NEST_PARENT);
    expect(p.attach(dev, rid)).toBe(0);
    expect(attachPasid(p, dev, 5, other)).toBe(0);
    expect(p.attach(dev, parent)).not.toBe(0);
    expect(read(p, NVME, 0x1000)).toEqual([0, 0xaa]);
  });
});

describe("ATS", () => {
  it("stays off where firmware does not say that the root complex passes requests on", () => {
    const p = program({ idr0: { ATS: 1 }, capabilities: true });
    const dev = master(p, NVME);
    expect(p.attach(dev, p.ioas())).toBe(0);
    expect((p.machine.pci.byBdf.get(NVME)?.config.read(0x120 + 6, 2) ?? 0) & 0x8000).toBe(0);
  });

  it("is on while the device translates; unmapped addresses leave its cache", () => {
    const p = program({ idr0: { ATS: 1 }, capabilities: true, ats: true });
    const dev = master(p, NVME);
    const { config } = p.machine.pci.byBdf.get(NVME) ?? {};
    const control = () => config?.read(0x120 + 6, 2) ?? 0;
    expect(control() & 0x8000).toBe(0);
    const ioas = p.ioas();
    p.mapAt(ioas, 0x1000n, USER, 0x1000n);
    expect(p.attach(dev, ioas)).toBe(0);
    expect(control()).toBe(0x8000);
    p.machine.ats(NVME, { hi: 0, lo: 0x1000, write: false });
    const atc = p.machine.pci.byBdf.get(NVME)?.atc;
    expect(atc?.entries.length).toBe(1);
    p.ok(p.ioctl(p.iommufd, IOMMU_IOAS_UNMAP, { ioas_id: ioas, iova: 0x1000n, length: 0x1000n }));
    expect(atc?.entries.length).toBe(0);
    expect(p.detach(dev)).toBe(0);
    expect(control() & 0x8000).toBe(0);
  });
});

describe("a device that stalls", () => {
  const faulting = () => {
    const p = program({ idr0: { STALL_MODEL: 0 } }, { dma_can_stall: [EDU] });
    const dev = master(p, EDU);
    const ioas = p.ioas();
    const queue = p.ok(p.ioctl(p.iommufd, IOMMU_FAULT_QUEUE_ALLOC, {}));
    const { FAULT_ID_VALID } = HWPT_ALLOC_FLAGS;
    const asked = { flags: FAULT_ID_VALID, dev_id: dev.devid, pt_id: ioas, fault_id: queue.out_fault_id };
    const { out_hwpt_id } = p.ok(p.ioctl(p.iommufd, IOMMU_HWPT_ALLOC, asked));
    expect(p.attach(dev, out_hwpt_id)).toBe(0);
    const result = p.machine.dma(EDU, { write: false, hi: 0, lo: 0x5000, len: 2 });
    kernel_after_device_access(p.k);
    expect(result.stalled).not.toBeNull();
    expect(sys.sys_read(p.k, p.task, queue.out_fault_fd, DATA, HWPT_PGFAULT.size)).toBe(HWPT_PGFAULT.size);
    const record = decode(HWPT_PGFAULT, p.peek(DATA, HWPT_PGFAULT.size));
    expect(record).toMatchObject({ dev_id: dev.devid, addr: 0x5000n, perm: 1 });
    const answer = (code: number) => {
      p.poke(DATA, encode(HWPT_PAGE_RESPONSE, { cookie: record.cookie, code }));
      return sys.sys_write(p.k, p.task, queue.out_fault_fd, DATA, HWPT_PAGE_RESPONSE.size);
    };
    return { p, ioas, result, answer };
  };

  it("goes on where it was when the page was mapped", () => {
    const { p, ioas, result, answer } = faulting();
    p.mapAt(ioas, 0x5000n, USER + 0x3000n, 0x1000n);
    expect(answer(0)).toBe(HWPT_PAGE_RESPONSE.size);
    expect(result).toMatchObject({ stalled: null, ok: true });
    expect([...result.data]).toEqual([3, 0xaa]);
  });

  it("fails when the answer is no", () => {
    const { result, answer } = faulting();
    expect(answer(1)).toBe(HWPT_PAGE_RESPONSE.size);
    expect(result).toMatchObject({ stalled: null, ok: false });
  });
});

describe("dirty tracking by the hardware", () => {
  it("tells which pages a device wrote, once", () => {
    const p = program({ idr0: { HTTU: 2 } });
    const dev = master(p, EDU);
    const ioas = p.ioas();
    p.mapAt(ioas, 0n, USER, 0x10_000n);
    const hwpt_id = p.hwpt(dev.devid, ioas, HWPT_ALLOC_FLAGS.DIRTY_TRACKING);
    expect(p.attach(dev, hwpt_id)).toBe(0);
    p.ok(p.ioctl(p.iommufd, IOMMU_HWPT_SET_DIRTY_TRACKING, { hwpt_id, flags: 1 }));
    const bitmap = () => {
      p.poke(DATA, new Uint8Array(8));
      const asked = { hwpt_id, iova: 0n, length: 0x10_000n, page_size: 0x1000n, data: DATA };
      p.ok(p.ioctl(p.iommufd, IOMMU_HWPT_GET_DIRTY_BITMAP, asked));
      return new DataView(p.peek(DATA, 8).buffer).getUint32(0, true);
    };
    expect(bitmap()).toBe(0);
    for (const page of [2, 7])
      p.machine.dma(EDU, { write: true, hi: 0, lo: page * 0x1000, len: 1, data: Uint8Array.of(1) });
    read(p, EDU, 0x9000);
    expect(bitmap()).toBe((1 << 2) | (1 << 7));
    expect(bitmap()).toBe(0);
  });

  it("is refused where the SMMU cannot", () => {
    const p = program({});
    const dev = master(p, EDU);
    const { ret } = p.ioctl(p.iommufd, IOMMU_HWPT_ALLOC, { dev_id: dev.devid, pt_id: p.ioas(), flags: 2 });
    expect(ret).toBe(-errno.EOPNOTSUPP);
  });
});

describe("two SMMUs", () => {
  const setup = () => {
    const [first] = PLAIN.smmus;
    if (first === undefined) throw new Error("no SMMU");
    const second = { ...first, name: "smmu3.0x0000000009070000", base: 0x907_0000 };
    const functions = PLAIN.functions.map((f) => (f.bdf === NVME ? { ...f, smmu: second.name } : f));
    const p = new DeviceProgram(bootedKernel({ ...PLAIN, smmus: [first, second], functions }));
    p.map(USER, 0x10_000n);
    return { p, edu: master(p, EDU), nvme: master(p, NVME) };
  };

  it("share an IOAS, each with a table of its own", () => {
    const { p, edu, nvme } = setup();
    const ioas = p.ioas();
    expect(p.attach(edu, ioas)).toBe(0);
    expect(p.attach(nvme, ioas)).toBe(0);
    p.mapAt(ioas, 0x1000n, USER, 0x1000n);
    p.poke(USER, Uint8Array.of(7, 8));
    expect([read(p, EDU, 0x1000), read(p, NVME, 0x1000)]).toEqual([
      [7, 8],
      [7, 8],
    ]);
    const tables = the_platform(p.k).smmus.map((smmu) => smmu.cmdq.base);
    expect(new Set(tables).size).toBe(2);
  });

  it("a table made for one is no table of the other", () => {
    const { p, edu, nvme } = setup();
    const hwpt = p.hwpt(edu.devid, p.ioas());
    expect(p.attach(nvme, hwpt)).toBe(-errno.EINVAL);
    expect(p.attach(edu, hwpt)).toBe(0);
  });
});
