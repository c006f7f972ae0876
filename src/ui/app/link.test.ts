import fc from "fast-check";
import { expect, test } from "vitest";
import { type LinkedView, readView, writeView } from "./link.ts";
import { STAGE } from "./stage.ts";
import { PANES } from "./state.ts";

const kernels = ["linux-6.11", "linux-7.2"];
const TOP = 1n << 64n;

test("what is written is read again", () => {
  const address = fc.bigInt({ min: 0n, max: TOP - 4096n });
  const view: fc.Arbitrary<LinkedView> = fc.record({
    compare: fc.constantFrom(null, ...kernels),
    window: fc.option(
      fc
        .tuple(address, fc.bigInt({ min: 4096n, max: TOP }))
        .map(([lo, size]) => ({ lo, hi: lo + size > TOP ? TOP : lo + size })),
    ),
    trueScale: fc.boolean(),
    selected: fc.option(fc.constantFrom("dev:D1", "area:2:0x40000000")),
    picked: fc.option(address.map((start) => ({ track: "ioas:2:reserved", start, last: start + 4095n }))),
    target: fc.option(fc.record({ device: fc.constant("D1"), iova: address, write: fc.boolean() })),
    asNow: fc.boolean(),
    entry: fc.option(fc.record({ root: fc.constantFrom("dev:D1", "hwpt:3"), path: fc.array(fc.nat(8191)) })),
    peers: fc.constantFrom(null, { from: "0000:00:03.0", to: "0000:01:00.0" }),
    columns: fc.constantFrom(null, kernels),
    stage: fc.constantFrom(STAGE, ["machine"] as const, ["compare", "walk"] as const),
    maximised: fc.option(fc.constantFrom(...PANES)),
    tables: fc.subarray([...PANES]),
    hidden: fc.subarray(["dev:D1", "ioas:2", "phys"]),
    pinned: fc.subarray(["hwpt:3", "ioas:2"]),
    tour: fc.constant(null),
  });
  fc.assert(
    fc.property(view, (v) => {
      expect(readView(writeView(v), kernels)).toEqual(v);
    }),
  );
});

test("what cannot be is refused in a sentence", () => {
  const refused = [
    { c: "linux-9" },
    { z: "0x10-0x1" },
    { z: "whole" },
    { z: "0x0-0x1ffffffffffffffff" },
    { w: "D1" },
    { max: "everything" },
    { st: "space,space" },
    { st: "cellar" },
    { cols: "linux-6.11,linux-9" },
  ];
  for (const record of refused) expect(readView(record, kernels)).toMatch(/^The link.*\.$/);
});
