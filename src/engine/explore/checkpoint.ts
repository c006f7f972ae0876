/**
 * Takes a world back in place. A copy of a world (sim/snapshot.ts) makes every object anew; a search that tries
 * thousands of steps from the same moment only needs the few objects that a step changed. So there is one live world:
 * `Checkpoints` remembers every object of the start, and a checkpoint is what differs from it, with the objects that are
 * new. Objects keep their identity over all checkpoints, since only one moment is alive at a time.
 *
 * Works on anything that `snapshot` can copy; frozen objects are never changed and are left out.
 */
import type { SelfCopying } from "../../hw/base/self_copying.ts";
import { RangeMap } from "../kernel/range_map.ts";

type TypedArray = Uint8Array | Uint16Array | Uint32Array | Int16Array | Int32Array | Float64Array | BigUint64Array;

/** Content of one object, one level deep. */
export type Content = readonly unknown[] | Fields | TypedArray;

/** Fields of an ordinary object. */
export interface Fields {
  readonly keys: readonly string[];
  readonly values: readonly unknown[];
}

export interface Checkpoint {
  /** By number in the start. */
  readonly changed: ReadonlyMap<number, Content>;
  readonly fresh: ReadonlyMap<object, Content>;
  readonly saved: readonly object[];
}

/** What differs from the start now. */
export interface Difference {
  /** Numbers of objects of the start whose content is another now, ascending. */
  readonly changed: readonly number[];
  /** Reachable objects that the start does not have, in the order in which they are met. */
  readonly fresh: readonly object[];
}

export class Checkpoints {
  /** Every object of the start, in a fixed order. */
  readonly objects: object[] = [];
  readonly numbers = new Map<object, number>();
  private readonly start: Content[] = [];
  private readonly selfCopying: SelfCopying[] = [];
  private readonly startSaved: object[];
  /** Neither containers nor numbers. */
  private readonly ordinary: readonly boolean[];
  /** Views on the words of typed arrays and of their content at the start: most of what there is to compare. */
  private readonly numeric: (readonly [Uint32Array, Uint32Array] | null)[];

  constructor(root: object) {
    this.enter(root);
    for (let i = 0; i < this.objects.length; i++) {
      const content = contentOf(this.objects[i] as object);
      this.start.push(content);
      for (const value of valuesIn(content)) if (isState(value) && !this.numbers.has(value)) this.enter(value);
    }
    this.numeric = this.objects.map((object, i) => wordsOf(object, this.start[i] as Content));
    this.ordinary = this.objects.map((object) => !isSpecial(object));
    this.startSaved = this.selfCopying.map((one) => one.selfSave());
  }

  private enter(value: object): void {
    // Areas that are numbers become objects when they are looked at; here all are, and stay it.
    if (value instanceof RangeMap) value.unsettle();
    this.numbers.set(value, this.objects.length);
    this.objects.push(value);
    if ("selfSave" in value) this.selfCopying.push(value as SelfCopying);
  }

  /** What a self-copying object held at the start, or at a checkpoint. */
  startOf(one: object): object | null {
    return this.startSaved[this.selfCopying.indexOf(one as SelfCopying)] ?? null;
  }

  savedOf(at: Checkpoint, one: object): object | null {
    return at.saved[this.selfCopying.indexOf(one as SelfCopying)] ?? null;
  }

  /** The content that an object of the start had. */
  contentAtStart(number: number): Content {
    return this.start[number] ?? [];
  }

  difference(): Difference {
    const changed: number[] = [];
    const fresh: object[] = [];
    const seen = new Set<object>();
    const meet = (content: Iterable<unknown>): void => {
      for (const value of content)
        if (isState(value) && !this.numbers.has(value) && !seen.has(value)) {
          if ("selfSave" in value) throw new Error("an object that copies itself appeared after the start");
          seen.add(value);
          fresh.push(value);
        }
    };
    const { objects, start } = this;
    for (let i = 0; i < objects.length; i++) {
      const object = objects[i] as object;
      if (this.sameAs(i, object, start[i] as Content)) continue;
      changed.push(i);
      meet(partsOf(object));
    }
    for (let i = 0; i < fresh.length; i++) meet(partsOf(fresh[i] as object));
    return { changed, fresh };
  }

  private sameAs(number: number, object: object, content: Content): boolean {
    if (this.ordinary[number] === true) return sameFields(object as Record<string, unknown>, content as Fields);
    const words = this.numeric[number] ?? null;
    if (words === null) return same(object, content);
    return content === this.start[number] ? sameWords(words[0], words[1]) : same(object, content);
  }

  save(difference: Difference = this.difference()): Checkpoint {
    const changed = new Map<number, Content>();
    for (const i of difference.changed) changed.set(i, contentOf(this.objects[i] as object));
    const fresh = new Map<object, Content>();
    for (const object of difference.fresh) fresh.set(object, contentOf(object));
    return { changed, fresh, saved: this.selfCopying.map((one) => one.selfSave()) };
  }

  /** Back to a checkpoint. `now`: numbers of the objects that differ from the start before. */
  restore(to: Checkpoint, now: Iterable<number>): void {
    const { objects, start } = this;
    for (const i of now) if (!to.changed.has(i)) write(objects[i] as object, start[i] as Content);
    for (const [i, content] of to.changed) {
      const object = objects[i] as object;
      if (!this.sameAs(i, object, content)) write(object, content);
    }
    for (const [object, content] of to.fresh) if (!same(object, content)) write(object, content);
    this.selfCopying.forEach((one, i) => one.selfRestore(to.saved[i] as object));
  }

  /**
   * Nothing differs from a checkpoint, objects for which `skip` says so aside. Objects that copy themselves are the
   * caller's to compare.
   */
  equals(to: Checkpoint, difference: Difference, skip: (object: object) => boolean): boolean {
    const { objects } = this;
    const now = new Set(difference.changed);
    for (const i of now) {
      const object = objects[i] as object;
      if (skip(object)) continue;
      const content = to.changed.get(i);
      if (content === undefined || !this.sameAs(i, object, content)) return false;
    }
    for (const i of to.changed.keys()) if (!now.has(i) && !skip(objects[i] as object)) return false;
    const old = [...to.fresh].filter(([object]) => !skip(object));
    const fresh = difference.fresh.filter((object) => !skip(object));
    return (
      old.length === fresh.length && old.every(([object, content], i) => object === fresh[i] && same(object, content))
    );
  }
}

/** State that has an identity: neither a plain value nor something frozen, which is shared. */
export function isState(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Object.isFrozen(value);
}

function* valuesIn(content: Content): Generator {
  if (Array.isArray(content)) yield* content;
  else if (!ArrayBuffer.isView(content)) yield* (content as Fields).values;
}

/** Everything that an object refers to or holds, in its order: of a Map keys and values in turn. */
export function partsOf(object: object): readonly unknown[] {
  if (Array.isArray(object)) return object as unknown[];
  if (ArrayBuffer.isView(object) || "selfSave" in object) return [];
  if (object instanceof Map) {
    const parts: unknown[] = [];
    for (const [k, v] of object) parts.push(k, v);
    return parts;
  }
  if (object instanceof Set) return [...object];
  return Object.values(object);
}

function contentOf(object: object): Content {
  if (ArrayBuffer.isView(object)) return (object as TypedArray).slice();
  if (object instanceof ArrayBuffer) throw new Error("a bare ArrayBuffer cannot be taken back in place");
  if ("selfSave" in object) return [];
  if (Array.isArray(object)) return (object as unknown[]).slice();
  if (object instanceof Map || object instanceof Set) return partsOf(object);
  return { keys: Object.keys(object), values: Object.values(object) };
}

function same(object: object, content: Content): boolean {
  if (ArrayBuffer.isView(object)) return sameNumbers(object as TypedArray, content as TypedArray);
  if ("selfSave" in object) return true;
  if (Array.isArray(object)) {
    const to = content as readonly unknown[];
    if (object.length !== to.length) return false;
    for (let i = 0; i < to.length; i++) if (object[i] !== to[i]) return false;
    return true;
  }
  if (object instanceof Map) {
    const to = content as readonly unknown[];
    if (object.size * 2 !== to.length) return false;
    let i = 0;
    for (const [k, v] of object) if (k !== to[i++] || v !== to[i++]) return false;
    return true;
  }
  if (object instanceof Set) {
    const to = content as readonly unknown[];
    if (object.size !== to.length) return false;
    let i = 0;
    for (const v of object) if (v !== to[i++]) return false;
    return true;
  }
  return sameFields(object as Record<string, unknown>, content as Fields);
}

function sameFields(object: Record<string, unknown>, { keys, values }: Fields): boolean {
  let i = 0;
  for (const key in object) {
    if (key !== keys[i] || object[key] !== values[i]) return false;
    i++;
  }
  return i === keys.length;
}

function isSpecial(object: object): boolean {
  return (
    ArrayBuffer.isView(object) ||
    Array.isArray(object) ||
    object instanceof Map ||
    object instanceof Set ||
    "selfSave" in object
  );
}

function wordsOf(object: object, content: Content): readonly [Uint32Array, Uint32Array] | null {
  if (!ArrayBuffer.isView(object) || (object.byteOffset | object.byteLength) % 4 !== 0) return null;
  const start = content as TypedArray;
  return [
    new Uint32Array(object.buffer, object.byteOffset, object.byteLength / 4),
    new Uint32Array(start.buffer, start.byteOffset, start.byteLength / 4),
  ];
}

function sameNumbers(a: TypedArray, b: TypedArray): boolean {
  if ((a.byteOffset | a.byteLength) % 4 !== 0) return Array.from(a as Uint8Array).every((value, i) => value === b[i]);
  return sameWords(
    new Uint32Array(a.buffer, a.byteOffset, a.byteLength / 4),
    new Uint32Array(b.buffer, b.byteOffset, b.byteLength / 4),
  );
}

export function sameWords(a: Uint32Array, b: Uint32Array): boolean {
  const n = a.length;
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return false;
  return true;
}

function write(object: object, content: Content): void {
  if (ArrayBuffer.isView(object)) {
    (object as Uint8Array).set(content as Uint8Array);
    return;
  }
  if (Array.isArray(object)) {
    const to = content as readonly unknown[];
    object.length = to.length;
    for (let i = 0; i < to.length; i++) object[i] = to[i];
    return;
  }
  if (object instanceof Map) {
    const to = content as readonly unknown[];
    object.clear();
    for (let i = 0; i < to.length; i += 2) object.set(to[i], to[i + 1]);
    return;
  }
  if (object instanceof Set) {
    object.clear();
    for (const v of content as readonly unknown[]) object.add(v);
    return;
  }
  const { keys, values } = content as Fields;
  const fields = object as Record<string, unknown>;
  for (const key of Object.keys(fields)) if (!keys.includes(key)) delete fields[key];
  keys.forEach((key, i) => (fields[key] = values[i]));
}
