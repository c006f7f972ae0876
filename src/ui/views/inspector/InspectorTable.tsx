import type { InspectorView } from "../../../engine/views/types.ts";
import { DataTable } from "../../widgets/DataTable.tsx";
import { Hex } from "../../widgets/Hex.tsx";

/** Fields of the object and of every structure, one row each. */
export function InspectorTable({ view }: { view: InspectorView }) {
  const rows = [
    ...view.fields.map((f) => ({ where: "", bits: "", name: f.name, value: f.value, meaning: "" })),
    ...view.grids.flatMap((g) =>
      g.words.flatMap((w) =>
        w.fields.map((f) => ({
          where: g.title,
          bits: `+0x${w.offset.toString(16)} ${f.hi}:${f.lo}`,
          name: f.name,
          value: `0x${(f.value >>> 0).toString(16)}`,
          meaning: [f.meaning ?? "", f.from === "guest" ? "from the guest" : ""].filter((x) => x !== "").join(", "),
        })),
      ),
    ),
    ...view.structs.flatMap((s) =>
      s.fields.map((f) => ({
        where: s.title,
        bits: `+0x${f.offset.toString(16)}`,
        name: f.name,
        value: f.value,
        meaning: f.out ? "written by the kernel" : "",
      })),
    ),
  ];
  return (
    <DataTable
      caption={`${view.title} ${view.subtitle}`}
      rows={rows}
      keyOf={(r, i) => `${i} ${r.name}`}
      columns={[
        { head: "In", render: (r) => r.where },
        { head: "Bits", render: (r) => r.bits, mono: true },
        { head: "Field", render: (r) => r.name, mono: true },
        { head: "Value", render: (r) => <Hex>{r.value}</Hex>, mono: true },
        { head: "Meaning", render: (r) => r.meaning },
      ]}
    />
  );
}
