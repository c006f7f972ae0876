import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { snapshot } from "../sim/snapshot.ts";
import { type Packing, RangeMap } from "./range_map.ts";

/** Whom items belong to; a copy of a world has a copy of it. */
interface Owner {
  name: string;
}

interface Item {
  start: bigint;
  last: bigint;
  owner: Owner;
  value: number;
  /** Others refer to it: it must stay an object. */
  held: boolean;
}

interface Shape {
  owner: Owner;
}

const PACKING: Packing<Item, Shape> = Object.freeze({
  least: 1,
  shape: ({ owner, held }: Item) => (held ? null : { owner }),
  fits: (item: Item, s: Shape) => !item.held && item.owner === s.owner,
  write: (item: Item, row: number[]) =>
    void row.push(...Array.from({ length: 1 + (item.value % 3) }, () => item.value)),
  read: (start: bigint, last: bigint, { owner }: Shape, words: Float64Array, at: number) => ({
    start,
    last,
    owner,
    value: words[at] ?? -1,
    held: false,
  }),
});

interface World {
  owners: Owner[];
  map: RangeMap<Item, Shape>;
}

/** The same as a plain list. */
type Model = { start: bigint; last: bigint; owner: string; value: number; held: boolean }[];

const listed = ({ map }: World): Model => [...map].map((i) => ({ ...i, owner: i.owner.name }));

const fresh = (): World => ({ owners: [{ name: "a" }, { name: "b" }], map: new RangeMap<Item, Shape>(PACKING) });

type Op = [kind: number, which: number, slot: number, more: number];

/** Slots are ten numbers wide, items begin at their start. */
function run(world: World, model: Model, [kind, , slot, more]: Op): void {
  const start = BigInt(slot * 10);
  const at = model.findIndex((m) => m.start === start);
  const known = model[at];
  const { map, owners } = world;
  if (kind <= 4 && known === undefined) {
    const item = { start, last: start + BigInt(more % 10), value: more, held: more % 97 === 0 };
    map.insert({ ...item, owner: owners[more % 2] as Owner });
    model.push({ ...item, owner: owners[more % 2]?.name ?? "" });
    model.sort((a, b) => Number(a.start - b.start));
  } else if (kind === 5) {
    expect(map.delete(start)).toBe(known !== undefined);
    if (known !== undefined) model.splice(at, 1);
  } else if (kind === 6 && known !== undefined) {
    const item = map.at(start);
    expect(item?.value).toBe(known.value);
    if (item === undefined) return;
    item.value = known.value = more;
    item.last = known.last = start + BigInt(more % 10);
    item.owner = owners[(more >> 1) % 2] as Owner;
    known.owner = item.owner.name;
  } else if (kind === 7) {
    const x = start + 5n;
    expect(map.floor(x)?.start).toBe(model.findLast((m) => m.start <= x)?.start);
    expect(map.higher(x)?.value).toBe(model.find((m) => m.start > x)?.value);
    expect(map.first(x, x + 40n)?.start).toBe(model.find((m) => m.last >= x && m.start <= x + 40n)?.start);
  } else if (kind === 8) {
    const holes: [bigint, bigint][] = [];
    let cursor = start;
    const last = start + 900n;
    for (const m of [...model, { start: last + 1n, last: last + 1n }]) {
      const end = m.start - 1n < last ? m.start - 1n : last;
      if (end - cursor + 1n >= 7n) holes.push([cursor, end]);
      if (m.last + 1n > cursor) cursor = m.last + 1n;
    }
    expect([...map.gaps(start, last, 7n)].map((g) => [g.start, g.last])).toEqual(holes);
  } else if (kind === 9) {
    const { start: starts, last } = map.bounds();
    expect([...starts]).toEqual(model.map((m) => m.start));
    expect([...last]).toEqual(model.map((m) => m.last));
    expect([
      ...map.column(
        (i) => i.value,
        (_, words, k) => words[k] ?? -1,
      ),
    ]).toEqual(model.map((m) => m.value));
  }
}

describe("copies of a RangeMap that shares its blocks", () => {
  it("are as independent of each other as lists", () => {
    const op = fc.tuple(fc.nat(11), fc.nat(5), fc.nat(600), fc.nat(1000));
    fc.assert(
      fc.property(fc.nat(500), fc.array(op, { maxLength: 300 }), (filled, ops) => {
        const first = { world: fresh(), model: [] as Model };
        for (let i = 0; i < filled; i++) run(first.world, first.model, [0, 0, i, i * 7]);
        const all = [first];
        for (const o of ops) {
          const one = all[o[1] % all.length] ?? first;
          // Copies of copies, up to six of them; then the oldest copy goes.
          if (o[0] >= 10) {
            all.push({ world: snapshot(one.world), model: one.model.map((m) => ({ ...m })) });
            if (all.length > 6) all.splice(1, 1);
          } else run(one.world, one.model, o);
        }
        for (const { world, model } of all) {
          expect(world.map.size).toBe(model.length);
          expect(listed(world)).toEqual(model);
          for (const item of world.map) expect(world.owners).toContain(item.owner);
        }
      }),
      { numRuns: 40, seed: 11 },
    );
  });

  it("share what was packed, and give the same object again until the next copy", () => {
    const world = fresh();
    const model: Model = [];
    for (let i = 0; i < 600; i++) run(world, model, [0, 0, i, i]);
    const copy = snapshot(world);
    expect(copy.map.at(100n)).toBe(copy.map.at(100n));
    expect(copy.map.at(100n)).not.toBe(world.map.at(100n));
    expect(copy.map.at(100n)?.owner).toBe(copy.owners[0]);
    const item = copy.map.at(100n);
    if (item !== undefined) item.value = 9000;
    expect(snapshot(copy).map.at(100n)?.value).toBe(9000);
    expect(world.map.at(100n)?.value).toBe(10);
  });

  it("forgets shapes of which it met very many", () => {
    const world = fresh();
    for (let i = 0; i < 400; i++) {
      const owner = { name: `owner ${i}` };
      world.map.insert({ start: BigInt(i * 10), last: BigInt(i * 10), owner, value: i, held: false });
    }
    const copy = snapshot(snapshot(world));
    expect(listed(copy)).toEqual(listed(world));
    expect([...copy.map][399]?.owner.name).toBe("owner 399");
  });
});
