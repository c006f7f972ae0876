import type { MachineFunction, MachineView } from "../../../engine/views/types.ts";
import { useSession } from "../../app/context.ts";
import { hex } from "../../draw/format.ts";
import { CellButton, DataTable } from "../../widgets/DataTable.tsx";
import { Hex } from "../../widgets/Hex.tsx";
import { KINDS } from "../space/kinds.ts";
import { short, shortened } from "./layout.ts";

/** The machine in words: one row a function. */
export function MachineTable({ view }: { view: MachineView }) {
  const session = useSession();
  const reason = (f: MachineFunction): string => {
    const group = view.groups.find((g) => g.id === f.group);
    if (group === undefined) return f.present && f.iommu !== null ? "none: its DMA is expected to be broken" : "";
    const why = group.members.find((m) => m.bdf === f.bdf)?.reason ?? "";
    return `${group.id}, ${group.domain}: ${shortened(why)}`;
  };
  return (
    <DataTable
      caption="PCI functions, their groups and streams"
      rows={view.functions}
      keyOf={(f) => f.bdf}
      refOf={(f) => f.refs.join(" ")}
      columns={[
        {
          head: "Function",
          render: (f) => (
            <CellButton onClick={() => session.select(f.ref)}>
              {[f.alias, short(f.bdf), f.name].filter((x) => x !== "").join(" ")}
            </CellButton>
          ),
        },
        { head: "Type", render: (f) => (f.present ? f.type : "not plugged in") },
        { head: "Below", render: (f) => (f.parent === null ? "root complex" : short(f.parent)) },
        { head: "Group, and why", render: reason },
        { head: "ACS on", render: (f) => acsText(f) },
        {
          head: "Windows and BARs",
          mono: true,
          render: (f) => (
            <Hex>{f.ranges.map((r) => `${r.name} ${hex(r.start)}-${hex(r.last)}${r.on ? "" : " off"}`).join(", ")}</Hex>
          ),
        },
        {
          head: "Reserved",
          render: (f) => (
            <Hex>{f.reserved.map((r) => `${KINDS[r.kind].name} ${hex(r.start)}-${hex(r.last)}`).join(", ")}</Hex>
          ),
        },
        { head: "Requester IDs", mono: true, render: (f) => f.aliases.map((a) => hex(a.rid)).join(", ") },
        {
          head: "Stream",
          render: (f) => (f.iommu === null ? "" : `${hex(f.streamId)} ${f.stream}`),
        },
        { head: "Vector 0", render: (f) => <Hex>{f.msi}</Hex> },
        { head: "This step", render: (f) => f.changes.join(", ") },
      ]}
    />
  );
}

function acsText(f: MachineFunction): string {
  if (f.acs === null) return f.present ? (f.isolates ? "no capability, isolated" : "no capability") : "";
  const on = f.acs.filter((b) => b.on).map((b) => b.name);
  return on.length === 0 ? "nothing" : on.join(" ");
}
