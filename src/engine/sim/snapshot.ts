/**
 * Copies of a world. A world is a graph of class instances, plain objects, Maps, Sets, arrays and typed arrays, with
 * cycles; `snapshot` copies all of it and keeps prototypes and identities inside the copy. Frozen objects
 * and functions are shared: they are immutable by the rule in docs/architecture.md.
 */
import type { SelfCopying } from "../../hw/base/self_copying.ts";

/** A copy of everything reachable from `root`; throws, naming the class, on what a world must not hold. */
export function snapshot<T>(root: T): T {
  const copier = new Copier();
  const copy = copier.ref(root) as T;
  copier.drain();
  return copy;
}

type TypedArray = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array | BigUint64Array;

/** Objects whose state is not in their properties; a world that holds one would silently share it. */
const opaque = [WeakMap, WeakSet, WeakRef, Promise, DataView];

class Copier {
  private readonly copies = new Map<object, object>();
  /** Pairs (original, empty copy) still to be filled: a list instead of recursion, so that depth costs no stack. */
  private readonly open: [object, object][] = [];

  ref(value: unknown): unknown {
    if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
    const known = this.copies.get(value);
    if (known !== undefined) return known;
    const copy = this.shell(value);
    this.copies.set(value, copy);
    return copy;
  }

  drain(): void {
    for (let pair = this.open.pop(); pair !== undefined; pair = this.open.pop()) this.fill(pair[0], pair[1]);
  }

  private shell(value: object): object {
    if (ArrayBuffer.isView(value)) return this.view(value as TypedArray);
    if (value instanceof ArrayBuffer) return value.slice(0);
    if (opaque.some((c) => value instanceof c))
      throw new Error(`a world must not hold a ${value.constructor.name}: it cannot be copied`);
    if ("selfCopy" in value) return (value as SelfCopying).selfCopy((v) => this.ref(v));
    const copy = emptyLike(value);
    this.open.push([value, copy]);
    return copy;
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
    if (Array.isArray(from)) target["length"] = from.length;
    for (const key of Object.keys(from)) {
      const value = this.ref(source[key]);
      if (key !== "__proto__") target[key] = value;
      else Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
    }
  }
}

/** An empty object of the same kind and class. */
function emptyLike(value: object): object {
  const prototype: unknown = Object.getPrototypeOf(value);
  let made: object;
  if (Array.isArray(value)) made = [];
  else if (value instanceof Map) made = new Map();
  else if (value instanceof Set) made = new Set();
  else return Object.create(prototype as object | null) as object;
  if (Object.getPrototypeOf(made) !== prototype) Object.setPrototypeOf(made, prototype as object | null);
  return made;
}
