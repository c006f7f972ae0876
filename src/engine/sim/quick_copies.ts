/**
 * How `snapshot` copies classes of which a world may hold very many: fields by name instead of by looking them up, and
 * what only one object can refer to without being entered in the copier's books. world.test.ts holds that nothing is
 * left out: a copy that lacks a field differs from its original.
 */
import { IoptArea } from "../kernel/iommufd/iopt.ts";
import { IoptPages } from "../kernel/iommufd/iopt_pages.ts";
import { PinCounts } from "../kernel/mm/frames.ts";
import { RangeMap, type Ranged } from "../kernel/range_map.ts";

/** The copy of what an object refers to; plain values as they are. */
export type Ref = <T>(value: T) => T;

/** The same, for what is the same for nearly all objects of a class. */
export type Common = <T extends object | null>(value: T) => T;

/** `empty` makes the copy, which is entered in the books; `fill` then copies what may lead back to it. */
export interface Plan {
  readonly empty: (from: object) => object;
  readonly fill: (from: object, to: object, ref: Ref, common: Common) => void;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** A plan for the instances of one class; a class derived from it has another prototype and is not met. */
function plan<T extends object>(
  of: { prototype: T },
  empty: (from: T) => T,
  fill: (from: T, to: Writable<T>, ref: Ref, common: Common) => void,
): [object, Plan] {
  // Only instances of the class have this prototype.
  return [of.prototype, Object.freeze({ empty, fill }) as unknown as Plan];
}

const area = plan(
  IoptArea,
  (from) => new IoptArea(from.iopt, from.start, from.last, from),
  (from, to, ref, common) => {
    to.iopt = common(from.iopt);
    to.pages = ref(from.pages);
    to.storage_domain = common(from.storage_domain);
    to.num_accesses = from.num_accesses;
    to.num_locks = from.num_locks;
    to.prevent_access = from.prevent_access;
  },
);

const pages = plan(
  IoptPages,
  (from) => new IoptPages(from.source, from.npages, from.writable, from.account_mode, from.source_task),
  (from, to, ref, common) => {
    const { source } = from;
    to.source = source.kind === "user" ? { kind: "user", mm: common(source.mm), uptr: source.uptr } : ref(source);
    to.source_mm = common(from.source_mm);
    to.source_user = common(from.source_user);
    to.source_task = common(from.source_task);
    to.users = from.users;
    for (const one of from.areas) to.areas.add(ref(one));
    to.tracks = ref(from.tracks);
    for (const { index, pfn, n, holders } of from.pinned.runs) to.pinned.runs.push({ index, pfn, n, holders });
    to.npinned = from.npinned;
  },
);

/** Blocks of a large map are shared. */
const ranges = plan<object>(
  RangeMap,
  (from) => (from as RangeMap<Ranged>).emptyCopy(),
  (from, to, ref) => (from as RangeMap<Ranged>).copyTo(to as RangeMap<Ranged>, ref),
);

const pins = plan(
  PinCounts,
  () => new PinCounts(),
  (from, to) => from.copyTo(to as PinCounts),
);

/** By prototype. */
export const QUICK: ReadonlyMap<object | null, Plan> = new Map([area, pages, ranges, pins]);
