import type { WalkRead, WalkView } from "../../../engine/views/types.ts";
import { hex } from "../../draw/format.ts";
import { DataTable } from "../../widgets/DataTable.tsx";
import { Hex } from "../../widgets/Hex.tsx";
import { word } from "./model.ts";

/** The walk in words: one row a memory read, in the order made. */
export function WalkTable({ walk }: { walk: WalkView }) {
  const reads: WalkRead[] = walk.rows
    .flatMap((r) => [...r.s2, r.entry])
    .filter((r): r is WalkRead => r !== null)
    .sort((a, b) => a.n - b.n);
  return (
    <DataTable
      caption={`Memory reads of the walk ${walk.title}, ending in ${walk.end}`}
      rows={reads}
      keyOf={(r) => String(r.n)}
      columns={[
        { head: "Read", render: (r) => r.n, end: true },
        { head: "Of", render: (r) => r.what },
        { head: "Address", render: (r) => <Hex>{hex(r.pa)}</Hex>, mono: true, end: true },
        { head: "Value", render: (r) => <Hex>{word(r)}</Hex>, mono: true, end: true },
        { head: "Decoded", render: (r) => r.decoded },
        { head: "Result", render: (r) => (r.ok ? "ok" : "fails") },
      ]}
    />
  );
}
