import { describe, expect, it } from "vitest";
import * as test from "../../uapi/iommu_test.ts";
import * as io from "../../uapi/iommufd.ts";
import { ALL_IOCTLS } from "../../uapi/table.ts";
import {
  HWPT_PAGE_RESPONSE,
  HWPT_SELFTEST,
  INVALIDATE_SELFTEST,
  IOVA_RANGE,
  VIOMMU_INVALIDATE_SELFTEST,
  VIOMMU_SELFTEST,
} from "../../uapi/records.ts";
import * as vfio from "../../uapi/vfio.ts";
import { differenceAt, fingerprint } from "../../testing/fingerprint.ts";
import { ARGS, DATA, Program, testKernel } from "../../testing/program.ts";
import type { IoctlDef, Values } from "../../uapi/layout.ts";
import { mock_dev_create, mock_dev_destroy, mock_ops } from "../drivers/mock/driver.ts";
import * as sys from "../syscall.ts";
import { iommufd_device_unbind } from "./device.ts";
import { brokenInvariants, leftovers } from "./invariants.ts";

const RAM = 0x4000_0000n;
const RW = io.MAP_FLAGS.R | io.MAP_FLAGS.W;
const FIXED = RW | io.MAP_FLAGS.FIXED;

/** Runs a call with its first, second, ... allocation or lookup failing, until none is left to fail. */
class Sweep {
  readonly p = new Program(testKernel());
  readonly reached = new Set<string>();
  injected = 0;

  constructor() {
    this.p.map(RAM, 0x20_0000n);
  }

  /** `call` is repeated; it must do the same each time. Its result without a failure is returned. */
  run<T>(name: string, call: () => { ret: number; value: T }): T {
    const { k } = this.p;
    for (let n = 1; n < 200; n++) {
      const before = fingerprint(k);
      k.failAt = n;
      const { ret, value } = call();
      const hit = k.failAt <= 0;
      k.failAt = Number.POSITIVE_INFINITY;
      expect(brokenInvariants(k), `${name}, failure ${n}`).toEqual([]);
      if (!hit || ret >= 0) {
        expect(ret, name).toBeGreaterThanOrEqual(0);
        return value;
      }
      this.injected++;
      const after = fingerprint(k);
      if (after !== before)
        expect.fail(`${name}: failure ${n} (errno ${-ret}) leaves a trace:\n${differenceAt(after, before)}`);
    }
    throw new Error(`${name} never gets through`);
  }

  ioctl<L extends IoctlDef>(fd: number, def: L, values: Partial<Values<L>>): Values<L> {
    this.reached.add(def.name);
    return this.run(def.name, () => {
      const { ret, out } = this.p.ioctl(fd, def, values);
      return { ret, value: out };
    });
  }

  /** A command with a plain number as argument. */
  plain(fd: number, def: IoctlDef, arg: bigint): number {
    this.reached.add(def.name);
    return this.run(def.name, () => {
      const ret = sys.sys_ioctl(this.p.k, this.p.task, fd, def.cmd, arg);
      return { ret, value: ret };
    });
  }

  test<L extends (typeof test.IOMMU_TEST_OPS)[number]>(fd: number, def: L, values: Partial<Values<L>>): Values<L> {
    return this.ioctl(fd, def, { ...values, op: def.nr });
  }
}

function everything(s: Sweep): { fds: number[] } {
  const { p } = s;
  const fd = s.run("open", () => {
    const ret = p.open();
    return { ret, value: ret };
  });
  const ioas_id = s.ioctl(fd, io.IOMMU_IOAS_ALLOC, {}).out_ioas_id;
  const other = s.ioctl(fd, io.IOMMU_IOAS_ALLOC, {}).out_ioas_id;
  s.test(fd, test.TEST_SET_TEMP_MEMORY_LIMIT, { limit: 65536 });
  s.test(fd, test.TEST_ADD_RESERVED, { id: ioas_id, start: 0x7000_0000n, length: 0x1000n });
  s.ioctl(fd, io.IOMMU_IOAS_MAP, { flags: FIXED, ioas_id, user_va: RAM, length: 0x8000n, iova: 0x100_0000n });
  const dev = s.test(fd, test.TEST_MOCK_DOMAIN, { id: ioas_id });
  const mock = s.test(fd, test.TEST_MOCK_DOMAIN_FLAGS, { id: ioas_id, dev_flags: 4 });
  const dev_id = mock.out_idev_id;

  // The IOAS.
  const auto = s.ioctl(fd, io.IOMMU_IOAS_MAP, { flags: RW, ioas_id, user_va: RAM + 0x1_0000n, length: 0x4000n }).iova;
  const memfd = sys.sys_memfd_create(p.k, p.task);
  sys.sys_ftruncate(p.k, p.task, memfd, 0x1_0000n);
  s.ioctl(fd, io.IOMMU_IOAS_MAP_FILE, { flags: RW, ioas_id, fd: memfd, start: 0n, length: 0x3000n });
  const buf = s.test(fd, test.TEST_DMABUF_GET, { length: 8192 });
  expect(buf).toBeDefined();
  const dmabuf = memfd + 1;
  s.ioctl(fd, io.IOMMU_IOAS_MAP_FILE, { flags: RW, ioas_id, fd: dmabuf, start: 0n, length: 0x1000n });
  s.test(fd, test.TEST_DMABUF_REVOKE, { fd: dmabuf, revoked: 1 });
  s.ioctl(fd, io.IOMMU_IOAS_COPY, {
    flags: RW,
    dst_ioas_id: other,
    src_ioas_id: ioas_id,
    length: 0x4000n,
    src_iova: auto,
  });
  // Two areas that touch, not pinned where they come from: the second piece can fail after the first is mapped.
  const piece = { flags: FIXED, ioas_id: other, length: 0x2000n };
  s.ioctl(fd, io.IOMMU_IOAS_MAP, { ...piece, user_va: RAM + 0x2_0000n, iova: 0x5000_0000n });
  s.ioctl(fd, io.IOMMU_IOAS_MAP, { ...piece, user_va: RAM + 0x3_0000n, iova: 0x5000_2000n });
  const both = { dst_ioas_id: ioas_id, src_ioas_id: other, length: 0x4000n, src_iova: 0x5000_0000n };
  s.ioctl(fd, io.IOMMU_IOAS_COPY, { flags: RW, ...both });
  const allowed_iovas = p.data(
    IOVA_RANGE,
    { start: 0x100_0000n, last: 0x1fff_ffffn },
    { start: 0x2000_0000n, last: 0x2fff_ffffn },
  );
  s.ioctl(fd, io.IOMMU_IOAS_ALLOW_IOVAS, { ioas_id, num_iovas: 2, allowed_iovas });
  s.ioctl(fd, io.IOMMU_IOAS_IOVA_RANGES, { ioas_id, num_iovas: 16, allowed_iovas: DATA });
  s.ioctl(fd, io.IOMMU_OPTION, { option_id: io.OPTION_ID.HUGE_PAGES, op: io.OPTION_OP.GET, object_id: ioas_id });
  s.test(fd, test.TEST_MD_CHECK_MAP, { id: dev.out_hwpt_id, iova: auto, length: 0x4000n, uptr: RAM + 0x1_0000n });
  s.test(fd, test.TEST_MD_CHECK_REFS, { length: 0x4000n, uptr: RAM + 0x1_0000n, refs: 1 });

  // Page tables.
  const fault = s.ioctl(fd, io.IOMMU_FAULT_QUEUE_ALLOC, {});
  const iotlb = p.data(HWPT_SELFTEST, { iotlb: 7, pagetable_type: 0 });
  const data = { data_type: io.HWPT_DATA.SELFTEST, data_len: HWPT_SELFTEST.size, data_uptr: iotlb };
  s.ioctl(fd, io.IOMMU_HWPT_ALLOC, { dev_id, pt_id: ioas_id, ...data });
  const parent = s.ioctl(fd, io.IOMMU_HWPT_ALLOC, { dev_id, pt_id: ioas_id, flags: 1 }).out_hwpt_id;
  const tracked = s.ioctl(fd, io.IOMMU_HWPT_ALLOC, { dev_id, pt_id: ioas_id, flags: 2 }).out_hwpt_id;
  const faulty = s.ioctl(fd, io.IOMMU_HWPT_ALLOC, {
    dev_id,
    pt_id: ioas_id,
    flags: io.HWPT_ALLOC_FLAGS.FAULT_ID_VALID | io.HWPT_ALLOC_FLAGS.PASID,
    fault_id: fault.out_fault_id,
  }).out_hwpt_id;
  const nested = s.ioctl(fd, io.IOMMU_HWPT_ALLOC, { dev_id, pt_id: parent, ...data }).out_hwpt_id;
  s.ioctl(fd, io.IOMMU_GET_HW_INFO, { dev_id, data_len: 16, data_uptr: DATA });
  s.ioctl(fd, io.IOMMU_HWPT_SET_DIRTY_TRACKING, { hwpt_id: tracked, flags: 1 });
  p.poke(DATA, new Uint8Array([5]));
  const stretch = { iova: auto, length: 0x4000n, page_size: 0x1000n };
  s.test(fd, test.TEST_DIRTY, { id: tracked, ...stretch, uptr: DATA });
  s.ioctl(fd, io.IOMMU_HWPT_GET_DIRTY_BITMAP, { hwpt_id: tracked, ...stretch, data: DATA });
  const one = p.data(INVALIDATE_SELFTEST, { flags: 0, iotlb_id: 2 });
  const entries = { data_type: io.INVALIDATE_TYPE.SELFTEST, data_uptr: one, entry_num: 1 };
  s.ioctl(fd, io.IOMMU_HWPT_INVALIDATE, { hwpt_id: nested, ...entries, entry_len: INVALIDATE_SELFTEST.size });
  s.test(fd, test.TEST_MD_CHECK_IOTLB, { id: nested, iotlb_id: 2, iotlb: 0 });

  // Attachments and faults.
  s.test(fd, test.TEST_MOCK_DOMAIN_REPLACE, { id: mock.out_stdev_id, pt_id: faulty });
  s.test(fd, test.TEST_PASID_ATTACH, { id: mock.out_stdev_id, pasid: 9, pt_id: faulty });
  const second = s.ioctl(fd, io.IOMMU_HWPT_ALLOC, { dev_id, pt_id: ioas_id, flags: 8 }).out_hwpt_id;
  s.test(fd, test.TEST_PASID_REPLACE, { id: mock.out_stdev_id, pasid: 9, pt_id: second });
  s.test(fd, test.TEST_PASID_CHECK_HWPT, { id: mock.out_stdev_id, pasid: 9, hwpt_id: second });
  s.test(fd, test.TEST_PASID_DETACH, { id: mock.out_stdev_id, pasid: 9 });
  s.test(fd, test.TEST_TRIGGER_IOPF, { dev_id, grpid: 3, perm: 1, addr: 0xabc000n });
  s.run("read of a fault queue", () => {
    const ret = sys.sys_read(p.k, p.task, fault.out_fault_fd, DATA, 80);
    return { ret, value: ret };
  });
  p.data(HWPT_PAGE_RESPONSE, { cookie: 1, code: 0 });
  s.run("write to a fault queue", () => {
    const ret = sys.sys_write(p.k, p.task, fault.out_fault_fd, DATA, 8);
    return { ret, value: ret };
  });

  // Virtual IOMMU.
  const type = io.VIOMMU_TYPE.SELFTEST;
  const viommu_data = { data_len: VIOMMU_SELFTEST.size, data_uptr: p.data(VIOMMU_SELFTEST, { in_data: 1 }) };
  const viommu_id = s.ioctl(fd, io.IOMMU_VIOMMU_ALLOC, { type, dev_id, hwpt_id: parent, ...viommu_data }).out_viommu_id;
  s.ioctl(fd, io.IOMMU_VDEVICE_ALLOC, { viommu_id, dev_id, virt_id: 0x99n });
  const veventq = s.ioctl(fd, io.IOMMU_VEVENTQ_ALLOC, { viommu_id, type: io.VEVENTQ_TYPE.SELFTEST, veventq_depth: 2 });
  p.data(HWPT_SELFTEST, { iotlb: 7, pagetable_type: 0 });
  const through = s.ioctl(fd, io.IOMMU_HWPT_ALLOC, { dev_id, pt_id: viommu_id, ...data }).out_hwpt_id;
  s.test(fd, test.TEST_MOCK_DOMAIN_REPLACE, { id: mock.out_stdev_id, pt_id: through });
  s.test(fd, test.TEST_TRIGGER_VEVENT, { dev_id });
  s.run("read of a veventq", () => {
    const ret = sys.sys_read(p.k, p.task, veventq.out_veventq_fd, DATA, 64);
    return { ret, value: ret };
  });
  const cache = p.data(VIOMMU_INVALIDATE_SELFTEST, { flags: 0, vdev_id: 0x99, cache_id: 1 });
  const caches = { data_type: io.INVALIDATE_TYPE.SELFTEST, data_uptr: cache, entry_num: 1 };
  s.ioctl(fd, io.IOMMU_HWPT_INVALIDATE, { hwpt_id: viommu_id, ...caches, entry_len: VIOMMU_INVALIDATE_SELFTEST.size });
  s.test(fd, test.TEST_DEV_CHECK_CACHE, { id: dev_id, cache_id: 1, cache: 0 });
  const queue = { viommu_id, type: io.HW_QUEUE_TYPE.SELFTEST, nesting_parent_iova: auto, length: 0x1000n };
  const hw_queue = s.ioctl(fd, io.IOMMU_HW_QUEUE_ALLOC, { ...queue, index: 0 }).out_hw_queue_id;
  s.ioctl(fd, io.IOMMU_DESTROY, { id: hw_queue });

  // In-kernel users.
  const access = s.test(fd, test.TEST_CREATE_ACCESS, { id: ioas_id, flags: 1 }).out_access_fd;
  const pin = s.test(fd, test.TEST_ACCESS_PAGES, {
    id: access,
    flags: 1,
    iova: auto,
    length: 0x2000n,
    uptr: RAM + 0x1_0000n,
  });
  s.test(fd, test.TEST_ACCESS_RW, { id: access, iova: auto + 5n, length: 0x1200n, uptr: DATA });
  s.test(fd, test.TEST_ACCESS_RW, { id: access, iova: auto + 5n, length: 0x1200n, uptr: DATA, flags: 5 });
  s.test(fd, test.TEST_DESTROY_ACCESS_PAGES, { id: access, access_pages_id: pin.out_access_pages_id });
  s.test(fd, test.TEST_ACCESS_PAGES, { id: access, iova: auto, length: 0x1000n });
  s.test(fd, test.TEST_ACCESS_REPLACE_IOAS, { id: access, ioas_id: other });

  // VFIO containers, on a file of their own.
  const container = p.open();
  const compat = s.ioctl(container, io.IOMMU_IOAS_ALLOC, {}).out_ioas_id;
  s.ioctl(container, io.IOMMU_VFIO_IOAS, { ioas_id: compat, op: io.VFIO_IOAS_OP.SET });
  s.plain(container, vfio.VFIO_GET_API_VERSION, 0n);
  s.plain(container, vfio.VFIO_CHECK_EXTENSION, 4n);
  s.plain(container, vfio.VFIO_SET_IOMMU, 1n);
  s.ioctl(container, vfio.VFIO_IOMMU_MAP_DMA, { flags: 3, vaddr: RAM, iova: 0x100_0000n, size: 0x4000n });
  s.ioctl(container, vfio.VFIO_IOMMU_UNMAP_DMA, { iova: 0x100_0000n, size: 0x1000n });
  s.ioctl(container, vfio.VFIO_IOMMU_GET_INFO, {});
  const clean = p.open();
  const only_files = s.ioctl(clean, io.IOMMU_IOAS_ALLOC, {}).out_ioas_id;
  s.ioctl(clean, io.IOMMU_IOAS_MAP_FILE, { flags: RW, ioas_id: only_files, fd: memfd, start: 0n, length: 0x1000n });
  s.ioctl(clean, io.IOMMU_IOAS_CHANGE_PROCESS, {});

  // Taking things away.
  s.ioctl(fd, io.IOMMU_IOAS_UNMAP, { ioas_id, iova: auto, length: 0x4000n });
  s.test(fd, test.TEST_MOCK_DOMAIN_REPLACE, { id: mock.out_stdev_id, pt_id: ioas_id });
  s.ioctl(fd, io.IOMMU_DESTROY, { id: through });
  return { fds: [access, veventq.out_veventq_fd, fault.out_fault_fd, memfd, dmabuf, container, clean, fd] };
}

describe("every allocation and lookup may fail", () => {
  it("leaves the state as it was, for every call and every one of its failures", () => {
    const s = new Sweep();
    const frames = s.p.k.mm.frames.freeCount;
    const { fds } = everything(s);
    expect(s.injected).toBeGreaterThan(150);
    for (const fd of fds) expect(s.p.close(fd)).toBe(0);
    expect(leftovers(s.p.k)).toEqual([]);
    expect(s.p.k.iommu.groups.size).toBe(0);
    sys.sys_exit(s.p.k, s.p.task);
    expect(s.p.k.mm.frames.freeCount).toBeGreaterThanOrEqual(frames);
  });

  it("sweeps every ioctl of an iommufd file", () => {
    const s = new Sweep();
    everything(s);
    const files = new Set(["iommufd", "vfio-container"]);
    const all = ALL_IOCTLS.filter((def) => files.has(def.on)).map((def) => def.name);
    expect(all.filter((name) => !s.reached.has(name))).toEqual(["VFIO_IOMMU_DIRTY_PAGES"]);
  });

  it("answers DIRTY_PAGES, which no container here has, without touching anything", () => {
    const p = new Program(testKernel());
    const fd = p.open();
    const before = fingerprint(p.k);
    expect(sys.sys_ioctl(p.k, p.task, fd, vfio.VFIO_IOMMU_DIRTY_PAGES.cmd, ARGS)).toBe(-25);
    expect(fingerprint(p.k)).toBe(before);
  });

  it("keeps the first cut of a type1 unmap when the second fails: two halves, still everything mapped", () => {
    const p = new Program(testKernel());
    const fd = p.open();
    const { out } = p.ioctl(fd, io.IOMMU_IOAS_ALLOC, {});
    p.ioctl(fd, io.IOMMU_VFIO_IOAS, { ioas_id: out.out_ioas_id, op: io.VFIO_IOAS_OP.SET });
    sys.sys_ioctl(p.k, p.task, fd, vfio.VFIO_SET_IOMMU.cmd, 1n);
    p.ioctl(fd, vfio.VFIO_IOMMU_MAP_DMA, { flags: 3, vaddr: RAM, iova: 0x100_0000n, size: 0x4000n });
    const [ictx] = p.k.iommufd.ctxs;
    const ioas = ictx?.objects.get(out.out_ioas_id);
    p.k.failAt = 4;
    expect(p.ioctl(fd, vfio.VFIO_IOMMU_UNMAP_DMA, { iova: 0x100_1000n, size: 0x1000n }).ret).toBe(-12);
    p.k.failAt = Number.POSITIVE_INFINITY;
    const areas = ioas?.kind === "IOAS" ? [...ioas.iopt.areas] : [];
    expect(areas.map((area) => [area.start, area.last])).toEqual([
      [0x100_0000n, 0x100_1fffn],
      [0x100_2000n, 0x100_3fffn],
    ]);
    expect(brokenInvariants(p.k)).toEqual([]);
  });

  it("gives DMA ownership back when a bind fails after taking it", () => {
    const p = new Program(testKernel());
    const { k } = p;
    p.open();
    const [ictx] = k.iommufd.ctxs;
    const dev = mock_dev_create(k, 0, mock_ops, 0);
    if (ictx === undefined || typeof dev === "number" || dev.iommu_group === null) throw new Error("no device");
    const group = dev.iommu_group;
    const before = { ...group, devices: [...group.devices] };
    for (const n of [1, 2]) {
      k.failAt = n;
      expect(k.ops.iommufd_device_bind(k, ictx, dev)).toBe(-12);
      k.failAt = Number.POSITIVE_INFINITY;
      expect({ ...group, blocking_domain: null }).toEqual({ ...before, blocking_domain: null });
      expect(ictx.groups.size).toBe(0);
    }
    const idev = k.ops.iommufd_device_bind(k, ictx, dev);
    if (typeof idev === "number") throw new Error("not bound");
    expect(group.owner_cnt).toBe(1);
    expect(k.ops.iommu_device_claim_dma_owner(k, dev, {})).toBe(-1);
    iommufd_device_unbind(k, idev);
    expect([group.owner_cnt, ictx.objects.size]).toEqual([0, 0]);
    mock_dev_destroy(k, dev);
    expect(k.iommu.groups.size).toBe(0);
  });
});
