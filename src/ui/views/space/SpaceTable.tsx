import { useContext, useEffect, useReducer } from "react";
import type { Track, TrackInterval } from "../../../engine/views/types.ts";
import { useLab, useSession } from "../../app/context.ts";
import { hex, size } from "../../draw/format.ts";
import { CellButton, DataTable, TableShown } from "../../widgets/DataTable.tsx";
import { Hex } from "../../widgets/Hex.tsx";
import { KINDS } from "./kinds.ts";

/** Fetched together for a file. */
const ROWS = 2000;

interface Line extends TrackInterval {
  band: string;
  track: string;
  trackId: string;
}

/** The address space in words: one row an interval, in the order of the picture. */
export function SpaceTable() {
  const session = useSession();
  const frame = useLab((s) => s.frame);
  const kernel = useLab((s) => s.kernel);
  const step = useLab((s) => s.step);
  const [, again] = useReducer((n: number) => n + 1, 0);
  const shown = useContext(TableShown);
  useEffect(() => (shown ? session.dense.watch(again) : undefined), [session, shown]);
  const dense =
    frame?.addressSpace.bands.flatMap((b) =>
      b.tracks.flatMap((t) => (t.dense === undefined ? [] : [{ band: b.title, track: t, count: t.dense.count }])),
    ) ?? [];
  // What a step changed on a dense track stands there; of its other intervals only those in sight are fetched.
  const beyond = {
    count: dense.reduce((sum, d) => sum + d.count, 0),
    at: (index: number): Line | null => {
      let i = index;
      for (const { band, track, count } of dense) {
        if (i < count) {
          const found = session.dense.row(track.id, i);
          return found === null ? null : { ...found, band, track: nameOf(track), trackId: track.id };
        }
        i -= count;
      }
      return null;
    },
    all: async (): Promise<Line[]> => {
      const lines: Line[] = [];
      for (const { band, track, count } of dense)
        for (let i = 0; i < count; i += ROWS) {
          const answer = await session.ask((api) => api.spaceRows(kernel, step, track.id, i, ROWS));
          for (const found of answer?.ok === true ? answer.value : [])
            lines.push({ ...found, band, track: nameOf(track), trackId: track.id });
        }
      return lines;
    },
  };
  const rows: Line[] =
    frame?.addressSpace.bands.flatMap((b) =>
      b.tracks.flatMap((t) =>
        t.intervals
          .filter((i) => t.dense === undefined || i.kind !== t.dense.kind || i.change === "removed")
          .map((i) => ({
            ...i,
            band: b.title,
            track: nameOf(t),
            trackId: t.id,
          })),
      ),
    ) ?? [];
  return (
    <DataTable
      caption="Intervals of the address space"
      rows={rows}
      beyond={beyond}
      keyOf={(r, i) => `${i} ${r.track} ${r.start}`}
      refOf={(r) => r.ref}
      columns={[
        { head: "Space", render: (r) => r.band },
        { head: "Track", render: (r) => r.track },
        { head: "Start", render: (r) => <Hex>{hex(r.start)}</Hex>, mono: true, end: true },
        { head: "Last", render: (r) => <Hex>{hex(r.last)}</Hex>, mono: true, end: true },
        { head: "Size", render: (r) => size(r.last - r.start + 1n), mono: true, end: true },
        { head: "Kind", render: (r) => KINDS[r.kind].name },
        { head: "What", render: (r) => (r.detail === "" ? r.label : r.detail) },
        { head: "This step", render: (r) => r.change ?? "" },
        {
          head: "Show",
          aside: true,
          render: (r) => (
            <CellButton
              label={`Show ${hex(r.start)} to ${hex(r.last)}`}
              onClick={() => {
                session.select(r.ref, { track: r.trackId, start: r.start, last: r.last });
                session.viewport.show(r.start, r.last);
              }}
            >
              show
            </CellButton>
          ),
        },
      ]}
    />
  );
}

function nameOf(t: Track): string {
  return [t.label, t.sub].filter((x) => x !== "").join(" ");
}
