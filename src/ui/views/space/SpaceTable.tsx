import type { TrackInterval } from "../../../engine/views/types.ts";
import { useLab, useSession } from "../../app/context.ts";
import { hex, size } from "../../draw/format.ts";
import { CellButton, DataTable } from "../../widgets/DataTable.tsx";
import { Hex } from "../../widgets/Hex.tsx";
import { KINDS } from "./kinds.ts";

interface Line extends TrackInterval {
  band: string;
  track: string;
  trackId: string;
}

/** The address space in words: one row an interval, in the order of the picture. */
export function SpaceTable() {
  const session = useSession();
  const frame = useLab((s) => s.frame);
  const rows: Line[] =
    frame?.addressSpace.bands.flatMap((b) =>
      b.tracks.flatMap((t) =>
        t.intervals.map((i) => ({
          ...i,
          band: b.title,
          track: [t.label, t.sub].filter((x) => x !== "").join(" "),
          trackId: t.id,
        })),
      ),
    ) ?? [];
  return (
    <DataTable
      caption="Intervals of the address space"
      rows={rows}
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
