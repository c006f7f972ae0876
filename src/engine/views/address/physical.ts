/** The physical map: memory with the frames that tables lead to, and the register blocks with the doorbell. */
import type { World } from "../../sim/world.ts";
import { sizeText } from "../../sim/scenario/values.ts";
import type { Track, TrackInterval } from "../types.ts";
import type { TableView } from "./tables.ts";
import { isDoorbell } from "./tracks.ts";

export const RAM_TRACK = "phys:ram";
export const MMIO_TRACK = "phys:mmio";

/** Two frames of 64 KiB: control, then the translater page. */
const ITS_BYTES = 0x20000;

const hex = (v: bigint): string => `0x${v.toString(16)}`;

export function physicalTracks(world: World, tables: readonly TableView[]): Track[] {
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
  for (const w of desc.windows) mmio.push(block(w.start, w.last, `PCIe ${w.kind} window`, "addresses of PCI devices"));
  for (const door of doorbells(world, tables)) mmio.push(door);
  mmio.sort(byStart);
  const mapped = frames(world, tables);
  return [
    {
      id: RAM_TRACK,
      label: "Physical",
      sub: "",
      intervals: [...ram, ...mapped],
      delta: "=",
      ref: "phys",
      group: "phys",
    },
    { id: MMIO_TRACK, label: "MMIO", sub: "", intervals: mmio, delta: "=", ref: "phys:mmio", group: "phys" },
  ];
}

function block(start: number, last: number, name: string, detail: string): TrackInterval {
  return { start: BigInt(start), last: BigInt(last), kind: "mmio", label: name, detail, ref: `mmio:${name}` };
}

const byStart = (a: TrackInterval, b: TrackInterval): number => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0);

/** Memory that the hwpts' leaves lead to, as disjoint stretches. */
function frames(world: World, tables: readonly TableView[]): TrackInterval[] {
  const parts: { start: bigint; last: bigint; by: string; ref: string }[] = [];
  for (const t of tables)
    if (t.kind === "hwpt")
      for (const run of t.runs)
        for (const p of run.parts)
          if (!isDoorbell(world, p.out))
            parts.push({ start: p.out, last: p.out + (p.last - p.start), by: t.title, ref: t.ref });
  parts.sort((a, b) => (a.start < b.start ? -1 : 1));
  const merged: typeof parts = [];
  for (const p of parts) {
    const top = merged.at(-1);
    if (top !== undefined && p.start <= top.last + 1n) {
      if (p.last > top.last) top.last = p.last;
      if (!top.by.includes(p.by)) top.by += `, ${p.by}`;
    } else merged.push({ ...p });
  }
  return merged.map(({ start, last, by, ref }) => {
    const label = sizeText(last - start + 1n);
    return { start, last, kind: "map", label, detail: `${label} reached through ${by}`, ref };
  });
}

/** Pages of interrupt controllers that some table leads to. */
function doorbells(world: World, tables: readonly TableView[]): TrackInterval[] {
  const found = new Map<bigint, TrackInterval>();
  for (const t of tables)
    for (const run of t.runs)
      for (const p of run.parts) {
        if (t.kind !== "hwpt" || !isDoorbell(world, p.out) || found.has(p.out)) continue;
        const last = p.out + (p.last - p.start);
        const detail = `doorbell page ${hex(p.out)}, reached through ${t.title} at ${hex(p.start)}`;
        found.set(p.out, { start: p.out, last, kind: "doorbell", label: "doorbell", detail, ref: "phys:doorbell" });
      }
  return [...found.values()];
}
