/** The physical map: memory with the frames that tables lead to, and the register blocks with the doorbell. */
import type { World } from "../../sim/world.ts";
import { sizeText } from "../../sim/scenario/values.ts";
import type { TrackInterval } from "../types.ts";
import { addresses, DENSE, numbers, Spans } from "./spans.ts";
import { eachPart, type TableView } from "./tables.ts";
import { isDoorbellAt, type RawTrack } from "./tracks.ts";

export const RAM_TRACK = "phys:ram";
export const MMIO_TRACK = "phys:mmio";

/** Where x86 processors take interrupt messages, 1 MiB. */
const INTERRUPT_RANGE = 0xfee0_0000;
/** Two frames of 64 KiB: control, then the translater page. */
const ITS_BYTES = 0x20000;

const hex = (v: bigint): string => `0x${v.toString(16)}`;

export function physicalTracks(world: World, tables: readonly TableView[]): RawTrack[] {
  const { desc } = world.machine;
  const ram = desc.ram.map((r): TrackInterval => {
    const size = sizeText(BigInt(r.last - r.start + 1));
    const range = { start: BigInt(r.start), last: BigInt(r.last) };
    return { ...range, kind: "ram", label: `RAM ${size}`, detail: `${size} of memory`, ref: "phys:ram" };
  });
  const mmio = desc.mmio.map((r) => block(r.start, r.last, r.name, "registers"));
  if (desc.its !== null)
    mmio.push(block(desc.its.base, desc.its.base + ITS_BYTES - 1, "ITS", "registers and translater page"));
  if (desc.v2m !== null) mmio.push(block(desc.v2m.base, desc.v2m.base + 0xfff, "GICv2m", "doorbell frame"));
  if (world.machine.interruptRange)
    mmio.push(block(INTERRUPT_RANGE, INTERRUPT_RANGE + 0xfffff, "local APIC", "interrupt messages, never translated"));
  for (const w of desc.windows) mmio.push(block(w.start, w.last, `PCIe ${w.kind} window`, "addresses of PCI devices"));
  for (const door of doorbells(world, tables)) mmio.push(door);
  mmio.sort(byStart);
  const { intervals: mapped, spans } = frames(world, tables);
  return [
    {
      id: RAM_TRACK,
      label: "Physical",
      sub: "",
      intervals: [...ram, ...mapped],
      delta: "=",
      ref: "phys",
      group: "phys",
      ...(spans === undefined ? {} : { spans }),
    },
    { id: MMIO_TRACK, label: "MMIO", sub: "", intervals: mmio, delta: "=", ref: "phys:mmio", group: "phys" },
  ];
}

function block(start: number, last: number, name: string, detail: string): TrackInterval {
  return { start: BigInt(start), last: BigInt(last), kind: "mmio", label: name, detail, ref: `mmio:${name}` };
}

const byStart = (a: TrackInterval, b: TrackInterval): number => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0);

/** Memory that the hwpts' leaves lead to, as disjoint stretches; very many as columns. */
function frames(world: World, tables: readonly TableView[]): { intervals: TrackInterval[]; spans?: Spans } {
  const through = tables.filter((t) => t.kind === "hwpt");
  const from: number[] = [];
  const to: number[] = [];
  const by: number[] = [];
  through.forEach((t, i) => {
    for (const [start, end] of stretches(world, t)) {
      from.push(start);
      to.push(end);
      by.push(i);
    }
  });
  const order = inOrder(from);
  const starts: number[] = [];
  const ends: number[] = [];
  const users: Set<number>[] = [];
  let common: Set<number> | undefined;
  for (const k of order) {
    const [a, b, t] = [from[k] ?? 0, to[k] ?? 0, by[k] ?? 0];
    const top = ends.length - 1;
    if (top >= 0 && a <= (ends[top] ?? 0)) {
      if (b > (ends[top] ?? 0)) ends[top] = b;
      if (users[top]?.has(t) === false) users[top] = new Set([...(users[top] ?? []), t]);
    } else {
      starts.push(a);
      ends.push(b);
      common = common?.size === 1 && common.has(t) ? common : new Set([t]);
      users.push(common);
    }
  }
  const describe = (i: number): TrackInterval => {
    const [start, last] = [BigInt(starts[i] ?? 0), BigInt(ends[i] ?? 0) - 1n];
    const label = sizeText(last - start + 1n);
    const names = [...(users[i] ?? [])].map((t) => through[t]?.title ?? "");
    const ref = through[users[i]?.values().next().value ?? 0]?.ref ?? "phys";
    return { start, last, kind: "map", label, detail: `${label} reached through ${names.join(", ")}`, ref };
  };
  if (starts.length <= DENSE) return { intervals: starts.map((_, i) => describe(i)) };
  return {
    intervals: [],
    spans: new Spans(
      "map",
      addresses(starts.length, (i) => starts[i] ?? 0),
      addresses(ends.length, (i) => (ends[i] ?? 1) - 1),
      numbers(users.length, (i) => [...(users[i] ?? [])].reduce((sum, t) => sum + 2 ** (t % 50), 0)),
      describe,
    ),
  };
}

/** What one table leads to, ends exclusive, ascending; what touches is one stretch. */
function stretches(world: World, table: TableView): [number, number][] {
  const { parts } = table.columns;
  const from = new Float64Array(parts);
  const to = new Float64Array(parts);
  let n = 0;
  eachPart(table, (start, end, out) => {
    if (isDoorbellAt(world, out)) return;
    from[n] = out;
    to[n++] = out + (end - start);
  });
  // Where a stretch ends as many have ended as begun: that needs no pairs, and numbers alone are sorted fast.
  const starts = from.subarray(0, n).sort();
  const ends = to.subarray(0, n).sort();
  const list: [number, number][] = [];
  for (let i = 0, first = 0; i < n; i++) {
    const end = ends[i] ?? 0;
    if (i + 1 < n && (starts[i + 1] ?? 0) <= end) continue;
    list.push([starts[first] ?? 0, end]);
    first = i + 1;
  }
  return list;
}

/** Indices of a list by value; as they are when it is sorted already. */
function inOrder(list: readonly number[]): Uint32Array {
  const order = new Uint32Array(list.length);
  let sorted = true;
  for (let i = 0; i < list.length; i++) {
    order[i] = i;
    if (i > 0 && (list[i] ?? 0) < (list[i - 1] ?? 0)) sorted = false;
  }
  return sorted ? order : order.sort((a, b) => (list[a] ?? 0) - (list[b] ?? 0));
}

/** Pages of interrupt controllers that some table leads to. */
function doorbells(world: World, tables: readonly TableView[]): TrackInterval[] {
  const found = new Map<bigint, TrackInterval>();
  for (const t of tables)
    if (t.kind === "hwpt")
      eachPart(t, (from, end, to) => {
        const out = BigInt(to);
        if (!isDoorbellAt(world, to) || found.has(out)) return;
        const last = out + BigInt(end - from) - 1n;
        const detail = `doorbell page ${hex(out)}, reached through ${t.title} at 0x${from.toString(16)}`;
        found.set(out, { start: out, last, kind: "doorbell", label: "doorbell", detail, ref: "phys:doorbell" });
      });
  return [...found.values()];
}
