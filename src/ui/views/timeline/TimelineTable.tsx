import type { Frame, Lane } from "../../../engine/views/types.ts";
import { useSession } from "../../app/context.ts";
import { CellButton, DataTable } from "../../widgets/DataTable.tsx";

/** Steps as rows, kernels as columns. */
export function TimelineTable({
  frame,
  lanes,
  title,
}: {
  frame: Frame | null;
  lanes: { title: string; lane: Lane }[];
  title: string;
}) {
  const session = useSession();
  return (
    <DataTable
      caption="Every step on every kernel of the scenario"
      rows={frame?.steps ?? []}
      keyOf={(s) => String(s.index)}
      columns={[
        {
          head: "Step",
          end: true,
          render: (s) => (
            <CellButton label={`Go to step ${s.index}`} onClick={() => session.seek(s.index)}>
              {s.index}
            </CellButton>
          ),
        },
        { head: "Call", render: (s) => `${s.prefix}${s.op} ${s.args}`, mono: true },
        { head: title, render: (s) => s.result, mono: true },
        ...lanes.map(({ title: name, lane }) => ({
          head: name,
          render: (s: { index: number }) => {
            const cell = lane.cells[s.index - 1];
            return cell === undefined ? "" : cell.differs ? <b>{cell.text}</b> : "same";
          },
          mono: true,
        })),
      ]}
    />
  );
}
