import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { differenceAt, fingerprint } from "../../testing/fingerprint.ts";
import { DATA, Program, testKernel } from "../../testing/program.ts";
import * as test from "../../uapi/iommu_test.ts";
import * as io from "../../uapi/iommufd.ts";
import { HWPT_SELFTEST, IOVA_RANGE } from "../../uapi/records.ts";
import * as vfio from "../../uapi/vfio.ts";
import { firstDifference } from "../../sim/same.ts";
import { snapshot } from "../../sim/snapshot.ts";
import { as_memfd } from "../mm/shmem.ts";
import { store_populate } from "../mm/store.ts";
import * as sys from "../syscall.ts";
import { brokenInvariants, leftovers } from "./invariants.ts";
import { IommufdCtx, type ObjectKind } from "./objects.ts";

const RAM = 0x4000_0000n;
const RAM_PAGES = 64;

/** Numbers that an operation draws its arguments from, each 0 .. 2^16 - 1. */
type Draw = readonly [number, number, number, number];

/** A process with two iommufds that picks plausible arguments from what exists. */
class Fuzzer {
  readonly p: Program;
  readonly files: number[];
  readonly memfd: number;

  constructor(kernel: string) {
    this.p = new Program(testKernel(kernel));
    this.p.map(RAM, BigInt(RAM_PAGES) * 4096n);
    // 200 pages: some maps exceed the limit.
    this.p.task.rlimits.memlock = 200n * 4096n;
    this.p.task.caps.delete("CAP_IPC_LOCK");
    this.memfd = sys.sys_memfd_create(this.p.k, this.p.task);
    sys.sys_ftruncate(this.p.k, this.p.task, this.memfd, 0x2_0000n);
    // The file's pages exist: a pin that fails must not be the one that makes them.
    const file = this.p.task.fds.get(this.memfd);
    const mem = file === undefined ? null : as_memfd(file);
    if (mem !== null) store_populate(this.p.k, mem.store, 0, 0x20);
    this.files = [this.p.open(), this.p.open()];
    for (const fd of this.files) {
      const id = this.p.ioctl(fd, io.IOMMU_IOAS_ALLOC, {}).out.out_ioas_id;
      this.p.ioctl(fd, test.TEST_MOCK_DOMAIN, { op: test.TEST_MOCK_DOMAIN.nr, id });
    }
  }

  /** Id of an object of this kind, mostly; sometimes any number. */
  private id(fd: number, kind: ObjectKind, draw: number): number {
    const ictx = this.p.task.fds.get(fd)?.private_data;
    const ids =
      ictx instanceof IommufdCtx
        ? [...ictx.objects.values()].filter((one) => one.kind === kind).map((one) => one.id)
        : [];
    return draw % 16 === 15 || ids.length === 0 ? draw % 12 : (ids[draw % ids.length] ?? 0);
  }

  private pt(fd: number, draw: number): number {
    const kinds: ObjectKind[] = ["IOAS", "IOAS", "HWPT_PAGING", "HWPT_NESTED", "VIOMMU"];
    return this.id(fd, kinds[draw % kinds.length] ?? "IOAS", draw >> 3);
  }

  private descriptor(name: string, draw: number): number {
    const fds = [...this.p.task.fds].filter(([, file]) => file.ops.name === name).map(([fd]) => fd);
    return fds[draw % Math.max(fds.length, 1)] ?? 77;
  }

  /** A place in memory and its length: pages or half pages. */
  private memory(a: number, b: number): { va: bigint; length: bigint } {
    const unit = a % 4 === 0 ? 2048n : 4096n;
    const page = BigInt(a % RAM_PAGES);
    return { va: RAM + page * 4096n + (unit === 2048n ? 2048n : 0n), length: unit * BigInt((b % 12) + 1) };
  }

  private iova(a: number): bigint {
    return 0x100_0000n + BigInt(a % 64) * 0x800n;
  }

  /** A stretch of an area that exists, if any does. */
  private mapped(fd: number, ioas_id: number, a: number, b: number): { iova: bigint; length: bigint } {
    const ictx = this.p.task.fds.get(fd)?.private_data;
    const ioas = ictx instanceof IommufdCtx ? ictx.objects.get(ioas_id) : undefined;
    const areas = ioas?.kind === "IOAS" ? [...ioas.iopt.areas] : [];
    const area = areas[a % Math.max(areas.length, 1)];
    if (area === undefined) return { iova: this.iova(a), length: 4096n };
    const part = b % 4 === 0 && area.length > 4096n;
    return { iova: part ? area.start + 4096n : area.start, length: part ? area.length - 4096n : area.length };
  }

  /** Carries one operation out; its result. */
  step(op: number, [a, b, c, d]: Draw): number {
    const { p } = this;
    const fd = this.files[a % 2] ?? 0;
    const ioas_id = this.id(fd, "IOAS", b);
    const dev_id = this.id(fd, "DEVICE", b);
    const stdev = this.id(fd, "SELFTEST", b);
    const flags = [6, 6, 7, 2, 4][c % 5] ?? 6;
    const mem = this.memory(c, d);
    const at = this.mapped(fd, ioas_id, c, d);
    switch (op % 24) {
      case 0:
        return p.ioctl(fd, io.IOMMU_IOAS_ALLOC, {}).ret;
      case 1:
      case 2:
      case 3:
        return p.ioctl(fd, io.IOMMU_IOAS_MAP, {
          flags,
          ioas_id,
          user_va: mem.va,
          length: mem.length,
          iova: this.iova(d),
        }).ret;
      case 4:
        return p.ioctl(fd, io.IOMMU_IOAS_MAP_FILE, {
          flags,
          ioas_id,
          fd: this.memfd,
          start: BigInt(c % 32) * 4096n,
          length: mem.length,
          iova: this.iova(d),
        }).ret;
      case 5:
        return p.ioctl(fd, io.IOMMU_IOAS_UNMAP, { ioas_id, ...at }).ret;
      case 6:
        return p.ioctl(fd, io.IOMMU_IOAS_COPY, {
          flags,
          dst_ioas_id: this.id(fd, "IOAS", d),
          src_ioas_id: ioas_id,
          length: at.length,
          src_iova: at.iova,
          dst_iova: this.iova(d),
        }).ret;
      case 7: {
        const start = this.iova(c);
        const allowed_iovas = p.data(IOVA_RANGE, { start, last: start + BigInt(d % 64) * 0x1000n + 1n });
        return p.ioctl(fd, io.IOMMU_IOAS_ALLOW_IOVAS, { ioas_id, num_iovas: d % 2, allowed_iovas }).ret;
      }
      case 8:
        return p.ioctl(fd, io.IOMMU_OPTION, {
          option_id: c % 2,
          op: d % 2,
          object_id: c % 2 === 0 ? 0 : ioas_id,
          val64: BigInt(d % 2),
        }).ret;
      case 9:
      case 10:
        return p.ioctl(fd, test.TEST_MOCK_DOMAIN_FLAGS, {
          op: 12,
          id: this.pt(fd, c),
          dev_flags: [0, 4, 1, 2][d % 4] ?? 0,
        }).ret;
      case 11:
        return p.ioctl(fd, test.TEST_MOCK_DOMAIN_REPLACE, { op: 10, id: stdev, pt_id: this.pt(fd, c) }).ret;
      case 12: {
        const data =
          d % 2 === 0
            ? {}
            : { data_type: io.HWPT_DATA.SELFTEST, data_len: 4, data_uptr: p.data(HWPT_SELFTEST, { iotlb: 1 }) };
        return p.ioctl(fd, io.IOMMU_HWPT_ALLOC, {
          flags: c % 16,
          dev_id,
          pt_id: this.pt(fd, d >> 1),
          fault_id: this.id(fd, "FAULT", d),
          ...data,
        }).ret;
      }
      case 13:
        return this.destroy(fd, c);
      case 14:
        return p.ioctl(fd, test.TEST_CREATE_ACCESS, { op: 5, id: ioas_id, flags: c % 2 }).ret;
      case 15:
        return p.ioctl(fd, test.TEST_ACCESS_PAGES, {
          op: 7,
          id: this.descriptor("access", b),
          flags: c % 2,
          iova: at.iova,
          length: at.length,
        }).ret;
      case 16:
        return p.ioctl(fd, test.TEST_ACCESS_REPLACE_IOAS, {
          op: 11,
          id: this.descriptor("access", b),
          ioas_id: this.id(fd, "IOAS", c),
        }).ret;
      case 17:
        return p.close(this.descriptor(["access", "fault", "veventq"][c % 3] ?? "access", d));
      case 18:
        return p.ioctl(fd, io.IOMMU_FAULT_QUEUE_ALLOC, {}).ret;
      case 19:
        return p.ioctl(fd, io.IOMMU_VIOMMU_ALLOC, {
          type: io.VIOMMU_TYPE.SELFTEST,
          dev_id,
          hwpt_id: this.id(fd, "HWPT_PAGING", c),
        }).ret;
      case 20:
        return d % 2 === 0
          ? p.ioctl(fd, io.IOMMU_VDEVICE_ALLOC, { viommu_id: this.id(fd, "VIOMMU", c), dev_id, virt_id: BigInt(d % 5) })
              .ret
          : p.ioctl(fd, io.IOMMU_VEVENTQ_ALLOC, { viommu_id: this.id(fd, "VIOMMU", c), type: d % 3, veventq_depth: 2 })
              .ret;
      case 21:
        return p.ioctl(fd, io.IOMMU_HW_QUEUE_ALLOC, {
          viommu_id: this.id(fd, "VIOMMU", c),
          type: io.HW_QUEUE_TYPE.SELFTEST,
          index: d % 2,
          nesting_parent_iova: at.iova,
          length: 4096n,
        }).ret;
      case 22:
        return p.ioctl(fd, vfio.VFIO_IOMMU_UNMAP_DMA, { iova: this.iova(c), size: BigInt(d % 8) * 0x1000n }).ret;
      default:
        return p.ioctl(fd, io.IOMMU_VFIO_IOAS, { ioas_id, op: c % 3 }).ret;
    }
  }

  /** Mock devices are left alone while a PASID of theirs is attached: the kernel leaks then, by design of the test. */
  private destroy(fd: number, draw: number): number {
    const ictx = this.p.task.fds.get(fd)?.private_data;
    const ids = ictx instanceof IommufdCtx ? [...ictx.objects.keys()] : [];
    return this.p.ioctl(fd, io.IOMMU_DESTROY, { id: ids[draw % Math.max(ids.length, 1)] ?? 9 }).ret;
  }

  closeAll(): void {
    for (const fd of [...this.p.task.fds.keys()].reverse()) this.p.close(fd);
  }
}

const number = fc.noBias(fc.nat(65_535));
const draw = fc.tuple(number, number, number, number);
const steps = fc.array(fc.tuple(fc.noBias(fc.nat(23)), draw), { minLength: 60, maxLength: 120, size: "max" });

describe.each(["linux-7.2", "linux-6.12"])("random calls on two files, %s", (kernel) => {
  it("keep every invariant after every call, and leave nothing behind", () => {
    let ok = 0;
    fc.assert(
      fc.property(steps, (calls) => {
        const f = new Fuzzer(kernel);
        for (const [op, numbers] of calls) {
          if (f.step(op, numbers) >= 0) ok++;
          expect(brokenInvariants(f.p.k)).toEqual([]);
        }
        f.closeAll();
        expect(leftovers(f.p.k)).toEqual([]);
        expect(f.p.k.iommu.groups.size).toBe(0);
      }),
      { numRuns: 150, seed: 1, endOnFailure: true },
    );
    // The calls must do something: well over a third succeed.
    expect(ok).toBeGreaterThan(150 * 25);
  });

  it("leave the state as it was when an allocation or a lookup fails in them", () => {
    let injected = 0;
    fc.assert(
      fc.property(
        steps,
        fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 120, maxLength: 120 }),
        (calls, nth) => {
          const f = new Fuzzer(kernel);
          calls.forEach(([op, numbers], i) => {
            // Cuts of a type1 unmap and a half-done unmap stay, as in the kernel.
            const atomic = op !== 5 && op !== 22;
            const before = fingerprint(f.p.k);
            f.p.k.failAt = nth[i] ?? 1;
            const ret = f.step(op, numbers);
            const hit = f.p.k.failAt <= 0;
            f.p.k.failAt = Number.POSITIVE_INFINITY;
            expect(brokenInvariants(f.p.k)).toEqual([]);
            if (!hit || ret >= 0 || !atomic) return;
            injected++;
            const after = fingerprint(f.p.k);
            if (after !== before) expect.fail(`op ${op}, errno ${-ret}:\n${differenceAt(after, before)}`);
          });
          f.closeAll();
          expect(leftovers(f.p.k)).toEqual([]);
        },
      ),
      { numRuns: 60, seed: 2, endOnFailure: true },
    );
    expect(injected).toBeGreaterThan(500);
  });
});

describe("a copy of everything", () => {
  it("is the same graph, goes on as the original would, and never reaches it", () => {
    fc.assert(
      fc.property(steps, (calls) => {
        const f = new Fuzzer("linux-7.2");
        const half = calls.length >> 1;
        for (const [op, numbers] of calls.slice(0, half)) f.step(op, numbers);
        const before = fingerprint(f.p.k);
        const copy = snapshot(f);
        expect(firstDifference(copy, f)).toBeNull();
        const returned = calls.slice(half).map(([op, numbers]) => copy.step(op, numbers));
        expect(brokenInvariants(copy.p.k)).toEqual([]);
        expect(fingerprint(f.p.k)).toBe(before);
        expect(calls.slice(half).map(([op, numbers]) => f.step(op, numbers))).toEqual(returned);
        expect(firstDifference(copy, f)).toBeNull();
      }),
      { numRuns: 25, seed: 3, endOnFailure: true },
    );
  });
});

describe("process memory", () => {
  it("is charged once for pages that two address spaces share by a copy, and given back with the last", () => {
    const p = new Program(testKernel());
    p.task.caps.delete("CAP_IPC_LOCK");
    p.map(RAM, 0x8000n);
    const fd = p.open();
    const one = p.ioctl(fd, io.IOMMU_IOAS_ALLOC, {}).out.out_ioas_id;
    const two = p.ioctl(fd, io.IOMMU_IOAS_ALLOC, {}).out.out_ioas_id;
    p.ioctl(fd, test.TEST_MOCK_DOMAIN, { op: 2, id: one });
    p.ioctl(fd, test.TEST_MOCK_DOMAIN, { op: 2, id: two });
    const { iova } = p.ioctl(fd, io.IOMMU_IOAS_MAP, { flags: 6, ioas_id: one, user_va: RAM, length: 0x8000n }).out;
    expect(p.task.user.locked_vm).toBe(8);
    p.ioctl(fd, io.IOMMU_IOAS_COPY, { flags: 6, dst_ioas_id: two, src_ioas_id: one, length: 0x8000n, src_iova: iova });
    expect(p.task.user.locked_vm).toBe(8);
    p.ioctl(fd, io.IOMMU_IOAS_UNMAP, { ioas_id: one, iova, length: 0x8000n });
    expect(p.task.user.locked_vm).toBe(8);
    expect(p.task.mm.pinned_vm).toBe(8);
    p.close(fd);
    expect(p.task.user.locked_vm).toBe(0);
    expect(p.peek(DATA, 1)).toEqual(new Uint8Array([1]));
  });
});
