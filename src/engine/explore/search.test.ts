import { expect, test } from "vitest";
import { type PackedModel, Search, type Successors } from "./search.ts";
import { Slots } from "./slots.ts";
import { StateSet } from "./state_set.ts";

test("13 slots: as many states and edges as spin counts", () => {
  const search = new Search(new Slots(13));
  while (search.run(10_000));
  expect(search.states).toBe(217_958);
  expect(search.edges).toBe(2_775_366);
});

test("a small model against a plain Map", () => {
  const model = new Slots(9);
  const search = new Search(model);
  search.run();
  const seen = new Set([0]);
  const open = [0];
  let edges = 0;
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    const out = { words: [] as number[], put: (w: number) => void out.words.push(w >>> 0) };
    model.next(Uint32Array.of(state), 0, out as unknown as Successors);
    edges += out.words.length;
    for (const next of out.words.filter((w) => !seen.has(w))) {
      seen.add(next);
      open.push(next);
    }
  }
  expect([search.states, search.edges]).toEqual([seen.size, edges]);
});

/** Pours water between jugs of 3 and 5; wide states, so that several words are used. */
class Jugs implements PackedModel {
  readonly words = 3;
  goal: number;

  constructor(goal: number) {
    this.goal = goal;
  }

  start(out: Successors): void {
    for (const w of [0, 0, 7]) out.put(w);
  }

  next(states: Uint32Array, at: number, out: Successors): boolean {
    const [a = 0, b = 0] = [states[at], states[at + 1]];
    if (b === this.goal) return true;
    const toB = Math.min(a, 5 - b);
    const toA = Math.min(b, 3 - a);
    [
      [3, b],
      [a, 5],
      [0, b],
      [a, 0],
      [a - toB, b + toB],
      [a + toA, b - toA],
    ].forEach(([x = 0, y = 0], i) => {
      for (const w of [x, y, 7]) out.put(w);
      out.labels.push(i);
    });
    return false;
  }
}

test("the path to what is found is a shortest one", () => {
  const search = new Search(new Jugs(4), { paths: true });
  search.run();
  expect(search.found).toBe(true);
  expect(search.path(search.expanded - 1)).toEqual([1, 5, 2, 5, 1, 5]);
});

test("depth limits what is expanded", () => {
  const search = new Search(new Jugs(99), { paths: true, depth: 2 });
  search.run();
  expect(search.found).toBe(false);
  expect(search.level).toBe(2);
  expect(search.done).toBe(true);
  expect(search.states).toBe(6);
});

test("a set keeps states of equal hash apart while it grows", () => {
  const set = new StateSet(2, 4);
  const numbers = new Map<string, number>();
  for (let i = 0; i < 5000; i++) {
    const state = Uint32Array.of(i % 71, (i * 2654435761) % 97);
    const known = numbers.get(state.join());
    const got = set.add(state, 0);
    if (known === undefined) {
      expect(got).toBe(numbers.size);
      numbers.set(state.join(), got);
    } else expect(got).toBe(-1 - known);
  }
  expect(set.size).toBe(numbers.size);
});
