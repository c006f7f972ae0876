/**
 * The guest's own address map: where the VMM put its memory, and what the guest maps one to one for the kernel's doorbell
 * window (an RMR to it). Register blocks of virtual devices are not modelled.
 */
import { sizeText } from "../../sim/scenario/values.ts";
import type { World } from "../../sim/world.ts";
import type { TrackInterval } from "../types.ts";
import { DENSE } from "./spans.ts";
import type { TableView } from "./tables.ts";
import { type RawTrack, track } from "./tracks.ts";

const GUEST_TRACK = "guest:memory";

/** None where no memory of the program is a guest's. */
export function guestMemoryTracks(world: World, tables: readonly TableView[]): RawTrack[] {
  const ref = "guest";
  const memory = [...world.memory.values()].flatMap((m): TrackInterval[] => {
    if (m.ipa === null) return [];
    const size = sizeText(m.length);
    const label = `${m.name} ${size}`;
    return [{ start: m.ipa, last: m.ipa + m.length - 1n, kind: "ram", label, detail: `guest memory, ${size}`, ref }];
  });
  if (memory.length === 0) return [];
  const all = [...memory, ...oneToOne(tables)].toSorted((a, b) => (a.start < b.start ? -1 : 1));
  return [track(GUEST_TRACK, "Guest memory", "", ref, all)];
}

/** Device memory that a guest's stage 1 leads to its own address. */
function oneToOne(tables: readonly TableView[]): TrackInterval[] {
  const found = new Map<bigint, TrackInterval>();
  for (const t of tables)
    if (t.kind === "guest" && t.columns.n <= DENSE)
      for (const run of t.runs)
        if (run.device && run.parts.length === 1 && run.parts[0]?.out === run.start) {
          const size = sizeText(run.last - run.start + 1n);
          found.set(run.start, {
            start: run.start,
            last: run.last,
            kind: "direct",
            label: `RMR ${size}`,
            detail: `${size} of device memory that the guest maps one to one`,
            ref: t.ref,
          });
        }
  return [...found.values()];
}
