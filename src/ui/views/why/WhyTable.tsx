import type { WhyView } from "../../../engine/views/types.ts";
import { DataTable } from "../../widgets/DataTable.tsx";
import { whyRows } from "./model.ts";

/** The whole trace in words, nothing shortened. */
export function WhyTable({ why, step }: { why: WhyView; step: number }) {
  const rows = [{ step, entries: why.entries, opened: why.opened }, ...why.causes].flatMap((c) =>
    whyRows(c.entries, c.opened).map((r) => ({ ...r, step: c.step })),
  );
  return (
    <DataTable
      caption={`Trace: ${why.headline}`}
      rows={rows}
      keyOf={(r, i) => `${i} ${r.step}`}
      empty="No trace."
      columns={[
        { head: "Step", render: (r) => r.step, end: true },
        { head: "Depth", render: (r) => r.depth, end: true },
        { head: "What", render: (r) => r.kind },
        { head: "Text", render: (r) => (r.opened ? <b>{r.text}</b> : r.text), mono: true },
        { head: "Result", render: (r) => r.end, mono: true },
      ]}
    />
  );
}
