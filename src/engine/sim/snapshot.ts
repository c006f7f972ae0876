/**
 * Copies of a world. A world is a graph of class instances, plain objects, Maps, Sets, arrays and typed arrays, with
 * cycles; `snapshot` copies all of it and keeps prototypes and identities inside the copy. Frozen objects
 * and functions are shared: they are immutable by the rule in docs/architecture.md.
 */
import type { SelfCopying } from "../../hw/base/self_copying.ts";
import { type Common, type Plan, QUICK, type Ref } from "./quick_copies.ts";

/** A copy of everything reachable from `root`; throws, naming the class, on what a world must not hold. */
export function snapshot<T>(root: T): T {
  return counted(root).copy;
}

/** The same, with the number of objects that were copied: what the copy costs, roughly. */
export function counted<T>(root: T): { copy: T; objects: number } {
  const copier = new Copier();
  const copy = copier.ref(root) as T;
  copier.drain();
  return { copy, objects: copier.count };
}

type TypedArray = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array | BigUint64Array;

/** Objects whose state is not in their properties; a world that holds one would silently share it. */
const opaque = [WeakMap, WeakSet, WeakRef, Promise, DataView];

/** Objects that `common` finds without the books. */
const LAST = 8;

/** How objects of one prototype are copied. */
type Way = "plain" | "array" | "map" | "set" | "view" | "buffer" | "itself";

class Copier {
  private readonly copies = new Map<object, object>();
  private readonly ways = new Map<object | null, Way>();
  /** Originals and their empty copies, still to be filled: lists instead of recursion, so that depth costs no stack. */
  private readonly from: object[] = [];
  private readonly to: object[] = [];
  /** The same of objects that have a plan. */
  private readonly planned: { from: object; to: object; plan: Plan }[] = [];
  private readonly refOf = ((value: unknown) => this.ref(value)) as Ref;
  private readonly commonOf = ((value: object | null) => this.common(value)) as Common;
  private readonly lastFrom: object[] = [];
  private readonly lastTo: object[] = [];
  private last = 0;

  ref(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    const known = this.copies.get(value);
    if (known !== undefined) return known;
    const plan = QUICK.get(Object.getPrototypeOf(value) as object | null);
    if (plan === undefined && Object.isFrozen(value)) return value;
    const copy = plan === undefined ? this.shell(value) : plan.empty(value);
    if (plan !== undefined) this.planned.push({ from: value, to: copy, plan });
    this.copies.set(value, copy);
    return copy;
  }

  /** `ref` for what very many objects refer to: a few are found without the books. */
  private common(value: object | null): unknown {
    if (value === null) return null;
    const at = this.lastFrom.indexOf(value);
    if (at >= 0) return this.lastTo[at];
    const copy = this.ref(value) as object;
    this.lastFrom[this.last] = value;
    this.lastTo[this.last] = copy;
    this.last = (this.last + 1) % LAST;
    return copy;
  }

  get count(): number {
    return this.copies.size;
  }

  drain(): void {
    for (;;) {
      const next = this.planned.pop();
      if (next !== undefined) {
        next.plan.fill(next.from, next.to, this.refOf, this.commonOf);
        continue;
      }
      const from = this.from.pop();
      if (from === undefined) return;
      this.fill(from, this.to.pop() ?? from);
    }
  }

  private shell(value: object): object {
    const prototype = Object.getPrototypeOf(value) as object | null;
    const way = this.wayOf(value, prototype);
    if (way === "itself") return (value as SelfCopying).selfCopy(this.refOf);
    if (way === "view") return this.view(value as TypedArray);
    if (way === "buffer") return (value as ArrayBuffer).slice(0);
    const copy = emptyLike(way, prototype);
    this.from.push(value);
    this.to.push(copy);
    return copy;
  }

  private wayOf(value: object, prototype: object | null): Way {
    const known = this.ways.get(prototype);
    if (known !== undefined) return known;
    if (opaque.some((c) => value instanceof c))
      throw new Error(`a world must not hold a ${value.constructor.name}: it cannot be copied`);
    const way: Way = ArrayBuffer.isView(value)
      ? "view"
      : value instanceof ArrayBuffer
        ? "buffer"
        : "selfCopy" in value
          ? "itself"
          : Array.isArray(value)
            ? "array"
            : value instanceof Map
              ? "map"
              : value instanceof Set
                ? "set"
                : "plain";
    // An object may have a method of its own; a class has it in its prototype.
    if (prototype !== null && prototype !== Object.prototype) this.ways.set(prototype, way);
    return way;
  }

  private view(value: TypedArray): object {
    if (value instanceof DataView) throw new Error("a world must not hold a DataView: it cannot be copied");
    const whole = value.byteOffset === 0 && value.byteLength === value.buffer.byteLength;
    if (whole && !this.copies.has(value.buffer)) {
      const copy = value.slice();
      this.copies.set(value.buffer, copy.buffer);
      return copy;
    }
    const make = value.constructor as new (b: ArrayBuffer, at: number, n: number) => TypedArray;
    return new make(this.ref(value.buffer) as ArrayBuffer, value.byteOffset, value.length);
  }

  private fill(from: object, to: object): void {
    if (from instanceof Map) {
      const target = to as Map<unknown, unknown>;
      for (const [k, v] of from) target.set(this.ref(k), this.ref(v));
    } else if (from instanceof Set) {
      const target = to as Set<unknown>;
      for (const v of from) target.add(this.ref(v));
    }
    const source = from as Record<PropertyKey, unknown>;
    const target = to as Record<PropertyKey, unknown>;
    if (Array.isArray(from) && this.dense(from, to as unknown[])) return;
    if (Array.isArray(from)) target["length"] = from.length;
    for (const key in source) {
      if (!Object.hasOwn(source, key)) continue;
      const value = this.ref(source[key]);
      if (key !== "__proto__") target[key] = value;
      else Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
    }
  }

  /** An array without holes and without names of its own, as nearly all are; false when it is another. */
  private dense(from: readonly unknown[], to: unknown[]): boolean {
    if (Object.keys(from).length !== from.length) return false;
    for (let i = 0; i < from.length; i++) {
      if (!(i in from)) {
        to.length = 0;
        return false;
      }
      to.push(this.ref(from[i]));
    }
    return true;
  }
}

/** An empty object of the same kind and class. */
function emptyLike(way: Way, prototype: object | null): object {
  if (way === "plain") return Object.create(prototype) as object;
  const made: object = way === "array" ? [] : way === "map" ? new Map() : new Set();
  if (Object.getPrototypeOf(made) !== prototype) Object.setPrototypeOf(made, prototype);
  return made;
}
