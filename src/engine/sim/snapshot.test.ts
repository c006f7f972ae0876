import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { firstDifference } from "./same.ts";
import { snapshot } from "./snapshot.ts";

class Node {
  readonly name: string;
  next: Node | null = null;
  readonly seen = new Map<Node, number>();
  constructor(name: string) {
    this.name = name;
  }
  hello(): string {
    return `I am ${this.name}`;
  }
}
class Registry extends Map<number, Node> {
  limit = 7;
}

describe("snapshot", () => {
  it("keeps classes, cycles and identities, and shares nothing that can change", () => {
    const a = new Node("a");
    const b = new Node("b");
    a.next = b;
    b.next = a;
    a.seen.set(b, 1);
    const registry = new Registry([[1, a]]);
    const frozen = Object.freeze({ table: [1, 2] });
    const world = { a, list: [a, b], registry, frozen, run: () => 1, set: new Set([b]) };
    const copy = snapshot(world);
    expect(copy.a).not.toBe(a);
    expect(copy.a.hello()).toBe("I am a");
    expect(copy.a.next?.next).toBe(copy.a);
    expect(copy.list[0]).toBe(copy.a);
    expect([...copy.a.seen.keys()][0]).toBe(copy.list[1]);
    expect(copy.registry).toBeInstanceOf(Registry);
    expect(copy.registry.limit).toBe(7);
    expect(copy.registry.get(1)).toBe(copy.a);
    expect(copy.frozen).toBe(frozen);
    expect(copy.run).toBe(world.run);
    expect(firstDifference(copy, world)).toBeNull();
    b.seen.set(a, 2);
    expect(copy.list[1]?.seen.size).toBe(0);
    expect(firstDifference(copy, world)).not.toBeNull();
  });

  it("copies typed arrays, and views on one buffer stay views on one buffer", () => {
    const words = new Uint32Array([1, 2, 3, 4]);
    const bytes = new Uint8Array(words.buffer, 4, 4);
    const copy = snapshot({ words, bytes });
    copy.bytes[0] = 9;
    expect(copy.words[1]).toBe(9);
    expect(words[1]).toBe(2);
    const other = snapshot({ bytes, words });
    other.bytes[0] = 9;
    expect(other.words[1]).toBe(9);
  });

  it("names what cannot be copied", () => {
    expect(() => snapshot({ w: new WeakMap() })).toThrow("WeakMap");
    expect(() => snapshot({ d: new DataView(new ArrayBuffer(4)) })).toThrow("DataView");
  });

  it("does not overflow on a long chain", () => {
    let head: Node | null = null;
    for (let i = 0; i < 50_000; i++) {
      const n = new Node(String(i));
      n.next = head;
      head = n;
    }
    expect(firstDifference(snapshot(head), head)).toBeNull();
  });

  it("equals the original for any plain graph", () => {
    fc.assert(
      fc.property(fc.object({ withMap: true, withSet: true, withBigInt: true, withTypedArray: true }), (o) => {
        expect(firstDifference(snapshot(o), o)).toBeNull();
      }),
      { numRuns: 300 },
    );
  });
});

describe("firstDifference", () => {
  it("names the place", () => {
    expect(firstDifference({ a: [1, { b: 2n }] }, { a: [1, { b: 3n }] })).toBe(".a.1.b");
    expect(firstDifference(new Node("x"), { name: "x", next: null, seen: new Map() })).toContain("class");
    const one = {};
    expect(firstDifference([one, one], [{}, {}])).toContain("another object");
    expect(firstDifference([1], [1, 2])).toContain("parts");
  });
});
