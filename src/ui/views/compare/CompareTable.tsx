import type { KernelInfo } from "../../../engine/views/types.ts";
import { useSession } from "../../app/context.ts";
import { CellButton, DataTable } from "../../widgets/DataTable.tsx";
import { Hex } from "../../widgets/Hex.tsx";
import type { Rows } from "./useRows.ts";

/** The differences in words: one row a step and kernel that differs, with everything that the step did there. */
export function CompareTable({ rows, kernels }: { rows: Rows; kernels: readonly KernelInfo[] }) {
  const session = useSession();
  const lines = rows.rows.flatMap((r) =>
    r === undefined || !r.differs
      ? []
      : r.cells.flatMap((cell, i) => {
          const kernel = kernels[i];
          return cell === null || kernel === undefined ? [] : [{ row: r, cell, kernel }];
        }),
  );
  return (
    <DataTable
      caption="Steps in which kernels differ"
      rows={lines}
      keyOf={({ row, kernel }) => `${row.step} ${kernel.id}`}
      empty="No step differs."
      columns={[
        {
          head: "Step",
          render: ({ row }) => (
            <CellButton onClick={() => session.seek(row.step)}>{`${row.step} ${row.prefix}${row.op}`}</CellButton>
          ),
        },
        { head: "Kernel", render: ({ kernel }) => kernel.title },
        { head: "Result", mono: true, render: ({ cell }) => <Hex>{cell.result}</Hex> },
        { head: "Differs", render: ({ cell }) => (cell.differs ? "yes" : "") },
        {
          head: "What the step did",
          render: ({ cell }) => (
            <Hex>{cell.facts.map((f) => `${f.sign}${f.sign === "" ? "" : " "}${f.text}`).join("; ")}</Hex>
          ),
        },
      ]}
    />
  );
}
