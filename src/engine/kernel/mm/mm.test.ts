import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ARGS, Program, testKernel } from "../../testing/program.ts";
import * as sys from "../syscall.ts";
import { FrameAllocator, PinCounts } from "./frames.ts";
import { pin_user_pages } from "./gup.ts";
import { mm_dup, mm_exit } from "./mm.ts";
import { FrameRuns } from "./runs.ts";
import { unpin_frames } from "./store.ts";

const AT = 0x5000_0000n;

describe("page frames", () => {
  it("are given out lowest first and come back", () => {
    const frames = new FrameAllocator([{ pfn: 3, n: 20 }]);
    expect(frames.alloc(2)).toBe(3);
    expect(frames.alloc(4, 4)).toBe(8);
    expect(frames.alloc(1)).toBe(5);
    frames.release(3, 2);
    expect(frames.alloc(3)).toBe(12);
    frames.release(1000, 5);
    expect(frames.freeCount).toBe(20 - 4 - 1 - 3);
    expect(frames.alloc(17)).toBe(-1);
  });

  it("taken and released at random, leave the free list whole", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.nat(20)), { maxLength: 60 }), (ops) => {
        const frames = new FrameAllocator([{ pfn: 10, n: 100 }]);
        const mine: [number, number][] = [];
        for (const [n, which] of ops) {
          const pfn = which % 3 === 0 ? -1 : frames.alloc(n);
          if (pfn >= 0) mine.push([pfn, n]);
          else {
            const one = mine.splice(which % Math.max(mine.length, 1), 1)[0];
            if (one !== undefined) frames.release(...one);
          }
          expect(frames.freeCount + mine.reduce((sum, one) => sum + one[1], 0)).toBe(100);
        }
        for (const one of mine) frames.release(...one);
        expect(frames.free).toEqual([{ pfn: 10, n: 100 }]);
      }),
      { numRuns: 100, seed: 5 },
    );
  });

  it("are counted pin by pin", () => {
    const pins = new PinCounts();
    const freed: number[] = [];
    pins.pin(510, 4);
    pins.pin(511, 1);
    pins.unpin(510, 4, (pfn) => freed.push(pfn));
    expect(freed).toEqual([510, 512, 513]);
    expect([pins.get(511), pins.total]).toEqual([1, 1]);
    expect(() => pins.unpin(510, 1, () => {})).toThrow("frame 0x1fe that is not pinned");
  });

  it("stand behind pages as runs", () => {
    const runs = new FrameRuns();
    runs.set(5, 100, 3);
    runs.set(8, 103, 2);
    runs.set(0, 7, 2);
    expect(runs.runs).toHaveLength(2);
    expect([runs.missing(2, 9), runs.missing(6, 9), runs.contiguous(6, 9)]).toEqual([3, 0, 4]);
    expect(runs.clear(1, 6)).toEqual([
      { index: 1, pfn: 8, n: 1 },
      { index: 5, pfn: 100, n: 2 },
    ]);
    expect([...runs.stretches(0, 12)].map((run) => [run.index, run.pfn, run.n])).toEqual([
      [0, 7, 1],
      [1, -1, 6],
      [7, 102, 3],
      [10, -1, 2],
    ]);
  });
});

describe("address spaces", () => {
  it("copy across pages and stop at the first missing one", () => {
    const p = new Program(testKernel());
    p.map(AT, 0x2000n);
    p.poke(AT + 0xffen, new Uint8Array([1, 2, 3, 4]));
    expect(p.peek(AT + 0xffdn, 6)).toEqual(new Uint8Array([1, 1, 2, 3, 4, 1]));
    expect(() => p.poke(AT + 0x1fffn, new Uint8Array(2))).toThrow("no memory");
  });

  it("are cut by munmap, and give frames back", () => {
    const p = new Program(testKernel());
    const free = p.k.mm.frames.freeCount;
    p.map(AT, 0x4000n);
    expect(sys.sys_munmap(p.k, p.task, AT + 0x1000n, 0x1000n)).toBe(0);
    expect([...p.task.mm.vmas].filter((vma) => vma.start >= AT).map((vma) => [vma.start, vma.last])).toEqual([
      [AT, AT + 0xfffn],
      [AT + 0x2000n, AT + 0x3fffn],
    ]);
    expect(p.peek(AT + 0x2000n, 1)).toEqual(new Uint8Array([1]));
    sys.sys_munmap(p.k, p.task, AT, 0x4000n);
    expect(p.k.mm.frames.freeCount).toBe(free);
  });

  it("keep a pinned frame until the last pin goes", () => {
    const p = new Program(testKernel());
    p.map(AT, 0x1000n);
    const free = p.k.mm.frames.freeCount;
    const run = pin_user_pages(p.k, p.task.mm, AT, 1, true);
    if (typeof run === "number") throw new Error("not pinned");
    sys.sys_munmap(p.k, p.task, AT, 0x1000n);
    expect([p.k.mm.frames.freeCount, p.k.mm.orphans.size]).toEqual([free, 1]);
    unpin_frames(p.k, run.pfn, 1);
    expect([p.k.mm.frames.freeCount, p.k.mm.orphans.size]).toEqual([free + 1, 0]);
  });

  it("refuse writes to read-only memory", () => {
    const p = new Program(testKernel());
    p.map(AT, 0x1000n);
    expect(sys.sys_mprotect(p.k, p.task, AT, 0x1000n, 1)).toBe(0);
    expect(() => p.poke(AT, new Uint8Array(1))).toThrow("no memory");
    expect(pin_user_pages(p.k, p.task.mm, AT, 1, true)).toBe(-14);
    expect(pin_user_pages(p.k, p.task.mm, AT, 1, false)).toMatchObject({ n: 1 });
  });

  it("of a child share shared memory and copy private memory", () => {
    const p = new Program(testKernel());
    p.map(AT, 0x1000n, sys.MAP_SHARED);
    const child = mm_dup(p.k, p.task.mm);
    if (typeof child === "number") throw new Error("no memory");
    const parent = p.task.mm;
    p.task.mm = child;
    p.poke(AT, new Uint8Array([7]));
    p.poke(ARGS, new Uint8Array([8]));
    p.task.mm = parent;
    expect([p.peek(AT, 1)[0], p.peek(ARGS, 1)[0]]).toEqual([7, 1]);
    mm_exit(p.k, child);
    expect(p.peek(AT, 1)[0]).toBe(7);
  });

  it("map memory files, whose pages end with the file", () => {
    const p = new Program(testKernel());
    const fd = sys.sys_memfd_create(p.k, p.task);
    sys.sys_ftruncate(p.k, p.task, fd, 0x1000n);
    const at = sys.sys_mmap(p.k, p.task, { addr: 0n, len: 0x2000n, prot: 3, flags: sys.MAP_SHARED, fd, offset: 0n });
    p.poke(at, new Uint8Array([5]));
    expect(() => p.poke(at + 0x1000n, new Uint8Array(1))).toThrow("no memory");
    sys.sys_close(p.k, p.task, fd);
    expect(p.peek(at, 1)).toEqual(new Uint8Array([5]));
  });

  it("place mappings top down without overlap, huge pages aligned", () => {
    const p = new Program(testKernel());
    const args = { addr: 0n, len: 0x1000n, prot: 3, flags: sys.MAP_PRIVATE | sys.MAP_ANONYMOUS, fd: -1, offset: 0n };
    const one = sys.sys_mmap(p.k, p.task, args);
    const two = sys.sys_mmap(p.k, p.task, args);
    expect(two).toBe(one - 0x1000n);
    const taken = sys.sys_mmap(p.k, p.task, { ...args, addr: one, flags: args.flags | sys.MAP_FIXED_NOREPLACE });
    expect(taken).toBe(-17n);
    const huge = sys.sys_mmap(p.k, p.task, { ...args, flags: args.flags | sys.MAP_HUGETLB });
    const run = pin_user_pages(p.k, p.task.mm, huge, 512, true);
    expect(run).toMatchObject({ n: 512 });
    expect(typeof run === "number" ? 1 : run.pfn % 512).toBe(0);
  });
});

describe("descriptors", () => {
  it("take the lowest free number, and a dup keeps the file open", () => {
    const p = new Program(testKernel());
    const a = p.open();
    const b = p.open();
    const copy = sys.sys_dup(p.k, p.task, a);
    p.close(a);
    expect(p.open()).toBe(a);
    expect(p.k.iommufd.ctxs.size).toBe(3);
    for (const fd of [a, b, copy]) p.close(fd);
    expect(p.k.iommufd.ctxs.size).toBe(0);
    expect(p.close(copy)).toBe(-9);
    expect(p.open("/dev/nothing")).toBe(-2);
  });
});
