import { useLab, useSession } from "../../app/context.ts";
import { Hex } from "../../widgets/Hex.tsx";
import { CellButton, DataTable } from "../../widgets/DataTable.tsx";

/** The object graph in words. */
export function AttachmentsTable() {
  const session = useSession();
  const view = useLab((s) => s.frame?.attachments);
  const title = (ref: string): string => {
    const found = view?.nodes.find((x) => x.ref === ref);
    return found === undefined ? ref : `${found.kind} ${found.title}`;
  };
  return (
    <DataTable
      caption="Objects of iommufd and their links"
      rows={view?.nodes ?? []}
      keyOf={(x) => x.ref}
      refOf={(x) => x.ref}
      empty="Nothing is bound yet."
      columns={[
        {
          head: "Object",
          render: (x) => (
            <CellButton onClick={() => session.select(x.ref)}>
              {x.kind} {x.title}
            </CellButton>
          ),
        },
        { head: "State", render: (x) => <Hex>{x.lines.map((l) => l.text).join(", ")}</Hex> },
        { head: "Users", render: (x) => x.users ?? "", end: true },
        {
          head: "Links",
          render: (x) =>
            (view?.edges ?? [])
              .filter((e) => e.from === x.ref)
              .map((e) => (e.kind === "undone" ? `not done: ${e.label} to ${title(e.to)}` : `${e.kind} ${title(e.to)}`))
              .join("; "),
        },
        { head: "This step", render: (x) => x.change ?? "" },
      ]}
    />
  );
}
