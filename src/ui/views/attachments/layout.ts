/**
 * Places for every object that ever exists in the scenario: a function of identity, never of the step. Columns run left to
 * right as the kernel's documentation draws them; a chain of one device shares a row, virtual objects stand on a shelf below.
 */
import type { NodeKind, Ref } from "../../../engine/views/types.ts";
import type { Atlas } from "../../app/atlas.ts";

/** Heads of the columns, by what stands in them. */
export function headsOf(kinds: ReadonlySet<NodeKind>): string[] {
  const old = kinds.has("space") && !kinds.has("ioas");
  const last = [
    ...(kinds.has("ioas") || !(kinds.has("container") || kinds.has("space")) ? ["IOAS"] : []),
    ...(kinds.has("container") ? ["container"] : []),
    ...(kinds.has("space") ? ["space"] : []),
  ];
  const domains = kinds.has("domain") && !kinds.has("paging");
  return [
    "device",
    "group",
    old ? "guest tables" : "hwpt nested",
    domains ? "page table" : "hwpt paging",
    last.join(", "),
  ];
}

const COLUMN: Record<NodeKind, number> = {
  device: 0,
  group: 1,
  vdevice: 1,
  nested: 2,
  viommu: 2,
  veventq: 2,
  hw_queue: 2,
  paging: 3,
  domain: 3,
  fault: 3,
  access: 3,
  ioas: 4,
  container: 4,
  space: 4,
  fd: 5,
};
/** Kinds that stand below the chain they belong to. */
const SHELF = new Set<NodeKind>(["vdevice", "viommu", "veventq", "hw_queue", "fault", "access"]);

export interface Cell {
  column: number;
  row: number;
  kind: NodeKind;
}

export interface Grid {
  cells: Map<Ref, Cell>;
  /** What the row must have room for: texts of its nodes' lines, and relations that a kernel does not make. */
  rows: { nodes: { column: number; texts: readonly string[] }[]; undone: number; shelf: boolean }[];
}

export function layoutAttachments(atlas: Pick<Atlas, "nodes" | "links">): Grid {
  const kinds = new Map(atlas.nodes.map((n) => [n.ref, n.kind]));
  const texts = new Map(atlas.nodes.map((n) => [n.ref, n.texts]));
  const placed = new Map<Ref, Cell>();
  const on = new Map(atlas.nodes.map((n) => [n.ref, n.kernels]));
  const taken = new Map<string, Ref[]>();
  // What no kernel ever shows beside each other may have the same place.
  const free = (key: string, ref: Ref): boolean =>
    (taken.get(key) ?? []).every((other) => apart(on.get(other) ?? [], on.get(ref) ?? []));
  const put = (ref: Ref, want: number): void => {
    const kind = kinds.get(ref);
    if (kind === undefined || placed.has(ref) || kind === "fd") return;
    const column = COLUMN[kind];
    let row = want;
    while (!free(`${row} ${column}`, ref)) row += SHELF.has(kind) ? 0.01 : 2;
    const key = `${row} ${column}`;
    taken.set(key, [...(taken.get(key) ?? []), ref]);
    placed.set(ref, { column, row, kind });
  };
  const beside = (ref: Ref): Ref[] =>
    atlas.links
      .filter((l) => l.kind !== "undone")
      .flatMap((l) => (l.from === ref ? [l.to] : l.to === ref ? [l.from] : []));

  atlas.nodes.filter((n) => n.kind === "device").forEach((n, i) => put(n.ref, 2 * i));
  // Device by device, what hangs on it comes into its row, from left to right; two passes reach what is linked through later things.
  for (let pass = 0; pass < 2; pass++)
    for (const device of atlas.nodes.filter((n) => n.kind === "device")) {
      const row = placed.get(device.ref)?.row ?? 0;
      for (const column of [0, 1, 2, 3])
        for (const [ref, cell] of [...placed])
          if (cell.column === column && cell.row === row)
            for (const other of beside(ref)) {
              const kind = kinds.get(other);
              if (kind !== undefined && COLUMN[kind] >= column && !SHELF.has(kind)) put(other, row);
            }
    }
  for (const n of atlas.nodes.filter((x) => SHELF.has(x.kind))) {
    const owner = beside(n.ref)
      .map((r) => placed.get(r))
      .find((c) => c !== undefined);
    put(n.ref, Math.floor((owner?.row ?? 0) / 2) * 2 + 1);
  }
  for (const n of atlas.nodes) put(n.ref, 0);

  const used = [...new Set([...placed.values()].map((c) => c.row))].sort((a, b) => a - b);
  const cells = new Map([...placed].map(([ref, c]) => [ref, { ...c, row: used.indexOf(c.row) }]));
  const rows: Grid["rows"] = used.map(() => ({ nodes: [], undone: 0, shelf: false }));
  for (const [ref, cell] of cells) {
    const row = rows[cell.row];
    if (row === undefined) continue;
    row.nodes.push({ column: cell.column, texts: texts.get(ref) ?? [] });
    if (SHELF.has(cell.kind)) row.shelf = true;
  }
  const undone = new Map<Ref, number>();
  for (const l of atlas.links) if (l.kind === "undone") undone.set(l.from, (undone.get(l.from) ?? 0) + 1);
  for (const [ref, count] of undone) {
    const row = rows[cells.get(ref)?.row ?? 0];
    if (row !== undefined) row.undone = Math.max(row.undone, count);
  }
  return { cells, rows };
}

function apart(a: readonly string[], b: readonly string[]): boolean {
  return a.length > 0 && b.length > 0 && !a.some((k) => b.includes(k));
}
