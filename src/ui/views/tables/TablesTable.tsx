import type { TableEntry, TablesView } from "../../../engine/views/types.ts";
import { hex } from "../../draw/format.ts";
import { CellButton, DataTable } from "../../widgets/DataTable.tsx";
import { Hex } from "../../widgets/Hex.tsx";

/** Every row of every page in words. */
export function TablesTable({ view, onPick }: { view: TablesView; onPick: (page: number, entry: TableEntry) => void }) {
  const rows = view.pages.flatMap((page, n) => page.rows.map((row) => ({ page, n, row })));
  return (
    <DataTable
      caption={`Tables of ${view.roots.find((r) => r.ref === view.root)?.title ?? view.root}`}
      rows={rows}
      empty={view.end}
      keyOf={({ n, row }) => `${n} ${row.t === "fold" ? `f${row.first}` : row.index}`}
      refOf={({ row }) => (row.t === "entry" ? row.refs.join(" ") : "")}
      columns={[
        { head: "Table", render: ({ page }) => page.title },
        {
          head: "Entry",
          mono: true,
          render: ({ n, row }) =>
            row.t === "fold" ? (
              `0x${row.first.toString(16)}-0x${row.last.toString(16)}`
            ) : (
              <CellButton onClick={() => onPick(n, row)}>{`0x${row.index.toString(16)}`}</CellButton>
            ),
        },
        {
          head: "Covers",
          mono: true,
          render: ({ row }) =>
            row.range === null ? "" : <Hex>{`${hex(row.range.start)}-${hex(row.range.last)}`}</Hex>,
        },
        {
          head: "At",
          mono: true,
          render: ({ row }) =>
            row.t === "fold" || row.pa === null ? (
              ""
            ) : (
              <Hex>{`${hex(row.pa)}${row.ipa === undefined ? "" : ` (IPA ${hex(row.ipa)})`}`}</Hex>
            ),
        },
        {
          head: "Value",
          mono: true,
          end: true,
          render: ({ row }) => (row.t === "fold" ? "" : <Hex>{hex(row.value)}</Hex>),
        },
        {
          head: "Decoded",
          render: ({ row }) =>
            row.t === "fold"
              ? `${row.count} × ${row.what}`
              : [row.what, row.bad ?? ""].filter((t) => t !== "").join(", "),
        },
        {
          head: "Leads to",
          mono: true,
          render: ({ row }) => {
            const to = row.target;
            if (to === null) return "";
            const pa = to.pa === null ? "nowhere" : hex(to.pa);
            return <Hex>{to.ipa === undefined ? pa : `IPA ${hex(to.ipa)} = ${pa}`}</Hex>;
          },
        },
        {
          head: "Fields",
          render: ({ row }) =>
            row.t === "fold" ? "" : row.fields.map((f) => (f.text === "" ? f.name : `${f.name}=${f.text}`)).join(" "),
        },
        {
          head: "This step",
          render: ({ row }) =>
            row.t === "fold"
              ? row.changed > 0
                ? `${row.changed} changed`
                : ""
              : row.before !== undefined
                ? `was ${hex(row.before)}`
                : row.changed
                  ? "changed"
                  : "",
        },
      ]}
    />
  );
}
