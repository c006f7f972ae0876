import { describe, expect, it } from "vitest";
import { DATA, Program, testKernel } from "../../testing/program.ts";
import { errno } from "../../uapi/errno.ts";
import * as test from "../../uapi/iommu_test.ts";
import * as io from "../../uapi/iommufd.ts";
import * as sys from "../syscall.ts";
import { IovaBitmap } from "./dirty.ts";

const RW = io.MAP_FLAGS.R | io.MAP_FLAGS.W;

/** An IOAS with a mock device, a nesting parent and a virtual IOMMU on it. */
function nesting(kernel = "linux-7.2"): { p: Program; fd: number; ioas: number; idev: number; viommu: number } {
  const p = new Program(testKernel(kernel));
  const fd = p.open();
  const ioas = p.ioctl(fd, io.IOMMU_IOAS_ALLOC, {}).out.out_ioas_id;
  const idev = p.ioctl(fd, test.TEST_MOCK_DOMAIN, { op: test.TEST_MOCK_DOMAIN.nr, id: ioas }).out.out_idev_id;
  const parent = p.ioctl(fd, io.IOMMU_HWPT_ALLOC, { flags: 1, dev_id: idev, pt_id: ioas }).out.out_hwpt_id;
  const { out } = p.ioctl(fd, io.IOMMU_VIOMMU_ALLOC, {
    type: io.VIOMMU_TYPE.SELFTEST,
    dev_id: idev,
    hwpt_id: parent,
  });
  return { p, fd, ioas, idev, viommu: out.out_viommu_id };
}

describe("the range of a hardware queue", () => {
  const alloc = (nesting_parent_iova: bigint, length: bigint): number => {
    const { p, fd, viommu } = nesting();
    const type = io.HW_QUEUE_TYPE.SELFTEST;
    return p.ioctl(fd, io.IOMMU_HW_QUEUE_ALLOC, { viommu_id: viommu, type, nesting_parent_iova, length }).ret;
  };

  it("may end with the last byte of 64 bits: nothing is mapped there", () => {
    expect(alloc(0xffff_ffff_ffff_f000n, 0x1000n)).toBe(-errno.ENOENT);
    expect(alloc(0xffff_ffff_ffff_f800n, 0x800n)).toBe(-errno.ENOENT);
    expect(alloc(0xffff_ffff_ffff_f000n, 0x1001n)).toBe(-errno.EOVERFLOW);
  });

  it("is out of range when its whole pages have more bytes than 64 bits can say", () => {
    expect(alloc(0n, 0xffff_ffff_ffff_f001n)).toBe(-errno.ERANGE);
    expect(alloc(1n, 0xffff_ffff_ffff_f000n)).toBe(-errno.ERANGE);
  });

  it("is refused for memory when the list of its pages would be longer than INT_MAX bytes", () => {
    expect(alloc(0n, 1n << 40n)).toBe(-errno.ENOMEM);
    expect(alloc(0n, 0xffff_ffff_ffff_f000n)).toBe(-errno.ENOMEM);
    expect(alloc(0n, (1n << 40n) - 0x1000n)).toBe(-errno.ENOENT);
  });
});

describe("a memory file that ends inside a page", () => {
  it("gives that page to a mapping of the processor, but not to a device", () => {
    const p = new Program(testKernel());
    const memfd = sys.sys_memfd_create(p.k, p.task);
    sys.sys_ftruncate(p.k, p.task, memfd, 0x1800n);
    const args = { addr: 0n, len: 0x2000n, prot: 3, flags: sys.MAP_SHARED, fd: memfd, offset: 0n };
    p.poke(sys.sys_mmap(p.k, p.task, args) + 0x1000n, new Uint8Array([1]));
    const fd = p.open();
    const ioas_id = p.ioctl(fd, io.IOMMU_IOAS_ALLOC, {}).out.out_ioas_id;
    p.ioctl(fd, test.TEST_MOCK_DOMAIN, { op: test.TEST_MOCK_DOMAIN.nr, id: ioas_id });
    const map = { flags: RW, ioas_id, fd: memfd };
    expect(p.ioctl(fd, io.IOMMU_IOAS_MAP_FILE, { ...map, start: 0n, length: 0x1000n }).ret).toBe(0);
    expect(p.ioctl(fd, io.IOMMU_IOAS_MAP_FILE, { ...map, start: 0x1000n, length: 0x800n }).ret).toBe(-errno.EINVAL);
    sys.sys_ftruncate(p.k, p.task, memfd, 0x2000n);
    expect(p.ioctl(fd, io.IOMMU_IOAS_MAP_FILE, { ...map, start: 0x1000n, length: 0x800n }).ret).toBe(0);
  });
});

describe("GET_HW_INFO", () => {
  it("of 6.12 has four reserved bytes; the first one says how many PASIDs there are later", () => {
    const ask = (kernel: string, out_max_pasid_log2: number): number => {
      const p = new Program(testKernel(kernel));
      const fd = p.open();
      const id = p.ioctl(fd, io.IOMMU_IOAS_ALLOC, {}).out.out_ioas_id;
      const dev_id = p.ioctl(fd, test.TEST_MOCK_DOMAIN, { op: test.TEST_MOCK_DOMAIN.nr, id }).out.out_idev_id;
      return p.ioctl(fd, io.IOMMU_GET_HW_INFO, { dev_id, out_max_pasid_log2 }).ret;
    };
    expect([ask("linux-6.12", 0), ask("linux-6.12", 1), ask("linux-7.2", 1)]).toEqual([0, -errno.EOPNOTSUPP, 0]);
  });
});

describe("the pages of a dirty bitmap", () => {
  const filled = (p: Program, from: bigint, to: bigint): string =>
    [...p.peek(DATA + from, Number(to - from))].map((byte) => (byte === 0 ? "." : "#")).join("");

  it("are looked up with one more where the first word is inside a page, so a long report goes on there", () => {
    const p = new Program(testKernel());
    p.k.current = p.task;
    p.poke(DATA, new Uint8Array(0x3000));
    // One word, the last of its page; the report is one word longer than the bitmap.
    new IovaBitmap(0n, 0x4_0000n, 0x1000n, DATA + 0xff8n).set(p.k, 0n, 0x8_0000n);
    expect(filled(p, 0xff0n, 0x1010n)).toBe(`${".".repeat(8)}${"#".repeat(16)}${".".repeat(8)}`);
    p.poke(DATA, new Uint8Array(0x3000));
    const page = 4096n * 8n * 0x1000n;
    new IovaBitmap(0n, page, 0x1000n, DATA).set(p.k, 0n, page + 0x4_0000n);
    expect(filled(p, 0xff8n, 0x1008n)).toBe(`${"#".repeat(8)}${".".repeat(8)}`);
  });
});
