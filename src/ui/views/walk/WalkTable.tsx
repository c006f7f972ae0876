import type { WalkRead, WalkView } from "../../../engine/views/types.ts";
import { hex } from "../../draw/format.ts";
import { useSession } from "../../app/context.ts";
import { CellButton, DataTable } from "../../widgets/DataTable.tsx";
import { Hex } from "../../widgets/Hex.tsx";
import { readsOf, word } from "./model.ts";

/** The walk in words: one row a memory read, in the order made. */
export function WalkTable({ walk }: { walk: WalkView }) {
  const session = useSession();
  const open = (r: WalkRead): void => {
    if (r.place !== undefined) session.openEntry(r.place, r.ref ?? null);
  };
  return (
    <DataTable
      caption={`Memory reads of the walk ${walk.title}, ending in ${walk.end}`}
      rows={readsOf(walk)}
      keyOf={(r) => String(r.n)}
      refOf={(r) => r.ref ?? ""}
      empty={walk.rows.flatMap((r) => (r.cached === undefined ? [] : [r.cached.text])).join(", ")}
      columns={[
        {
          head: "Read",
          end: true,
          render: (r) =>
            r.place === undefined ? (
              r.n
            ) : (
              <CellButton label={`${r.n}, open in Tables`} onClick={() => open(r)}>
                {r.n}
              </CellButton>
            ),
        },
        { head: "Of", render: (r) => r.what },
        { head: "Address", render: (r) => <Hex>{hex(r.pa)}</Hex>, mono: true, end: true },
        { head: "Value", render: (r) => <Hex>{word(r)}</Hex>, mono: true, end: true },
        { head: "Decoded", render: (r) => r.decoded },
        { head: "Result", render: (r) => (r.ok ? "ok" : "fails") },
      ]}
    />
  );
}
