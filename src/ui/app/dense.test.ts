import { expect, test } from "vitest";
import type { SpaceWindow } from "../../engine/views/types.ts";
import type { Remote } from "../engine/client.ts";
import { DenseWindows } from "./dense.ts";

/** Answers windows with one interval a page everywhere, and remembers what was asked. */
function engine(): { api: Remote; asked: { from: bigint; to: bigint; buckets: number }[] } {
  const asked: { from: bigint; to: bigint; buckets: number }[] = [];
  const space = (_k: string, _s: number, track: string, from: bigint, to: bigint, buckets: number) => {
    asked.push({ from, to, buckets });
    const counts = new Uint32Array(buckets).fill(1);
    const filled = { counts, cover: new Uint8Array(buckets).fill(9), change: new Uint8Array(buckets) };
    const value: SpaceWindow = { track, from, to, kind: "map", count: buckets, intervals: null, buckets: filled };
    return Promise.resolve({ ok: true, value });
  };
  return { api: { space } as unknown as Remote, asked };
}

const LO = 0n;
const HI = 1n << 40n;
const come = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

test("asks once, wider than the view, in buckets of a power of two that are at least two a pixel", async () => {
  const { api, asked } = engine();
  const w = new DenseWindows(() => api);
  w.show("k", 1);
  expect(w.look("t", 0x100000000n, 0x140000000n, 500, LO, HI)).toEqual([]);
  w.look("t", 0x100000000n, 0x140000000n, 500, LO, HI);
  await come();
  expect(asked.length).toBe(1);
  const { from, to, buckets } = asked[0] ?? { from: 0n, to: 1n, buckets: 1 };
  const size = (to - from) / BigInt(buckets);
  expect(size & (size - 1n)).toBe(0n);
  expect(from % size).toBe(0n);
  expect(Number(0x40000000n / size)).toBeGreaterThanOrEqual(500);
  expect(from).toBeLessThanOrEqual(0x100000000n - 0x40000000n + size);
  expect(to).toBeGreaterThanOrEqual(0x140000000n + 0x40000000n - size);
});

test("a pan inside of what is there asks nothing and has one window", async () => {
  const { api, asked } = engine();
  const w = new DenseWindows(() => api);
  w.show("k", 1);
  w.look("t", 0x100000000n, 0x140000000n, 500, LO, HI);
  await come();
  expect(w.look("t", 0x110000000n, 0x150000000n, 500, LO, HI).length).toBe(1);
  await come();
  expect(asked.length).toBe(1);
});

test("while something finer is on its way the coarse one is shown; then the finer one alone", async () => {
  const { api, asked } = engine();
  const w = new DenseWindows(() => api);
  let told = 0;
  w.watch(() => told++);
  w.show("k", 1);
  w.look("t", 0x100000000n, 0x140000000n, 500, LO, HI);
  await come();
  const near = w.look("t", 0x120000000n, 0x120100000n, 500, LO, HI);
  expect(near.length).toBe(1);
  await come();
  expect([asked.length, told]).toEqual([2, 2]);
  const finer = w.look("t", 0x120000000n, 0x120100000n, 500, LO, HI);
  expect(finer.length).toBe(1);
  expect(finer[0]).not.toBe(near[0]);
});

test("after a step the old picture stays until the new one comes, and is asked for again", async () => {
  const { api, asked } = engine();
  const w = new DenseWindows(() => api);
  w.show("k", 1);
  w.look("t", 0x100000000n, 0x140000000n, 500, LO, HI);
  await come();
  w.show("k", 2);
  expect(w.look("t", 0x100000000n, 0x140000000n, 500, LO, HI).length).toBe(1);
  expect(w.around("t", 0x110000000n)).toBeNull();
  await come();
  expect(asked.length).toBe(2);
  expect(w.around("t", 0x110000000n)?.count).toBe(1);
});
