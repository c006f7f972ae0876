/** Tables down a path, a page after the other: the rows that are not empty, with the chosen one marked. */
import type { TableEntry, TableRow, TablesView } from "../types.ts";
import { gridLines } from "./inspect.ts";
import { heading, hex, wrap } from "./page.ts";

export function tablesPage(view: TablesView): string[] {
  const title = view.roots.find((r) => r.ref === view.root)?.title ?? view.root;
  const lines = [...heading(`Tables of ${title}`)];
  for (const page of view.pages) {
    const at = page.pa === null ? "" : ` at ${hex(page.pa)}`;
    const ipa = page.ipa === undefined ? "" : ` (IPA ${hex(page.ipa)})`;
    lines.push(...wrap(`${page.title}${at}${ipa}, ${page.sub}${page.changed > 0 ? `, ${page.changed} changed` : ""}`));
    if (page.empty !== undefined) lines.push(...wrap(page.empty, "  "));
    for (const row of page.rows) lines.push(...rowLines(row, page.picked));
    lines.push("");
  }
  if (view.chosen !== null) lines.push(...gridLines(view.chosen.grid), "");
  return [...lines, ...wrap(view.end === "" ? "Nothing is chosen below." : view.end, "=> ", "   ")];
}

/** `>` the chosen entry, `*` one that the step changed. */
function rowLines(row: TableRow, picked: number): string[] {
  if (row.t === "fold") {
    const range = row.range === null ? "" : ` ${hex(row.range.start)}-${hex(row.range.last)}`;
    const mark = row.changed > 0 ? "*" : " ";
    return wrap(`[${hex(row.first)}-${hex(row.last)}] ${row.count} x ${row.what}${range}`, `  ${mark} `, "      ");
  }
  const mark = `${row.index === picked ? ">" : " "}${row.changed ? "*" : " "}`;
  return wrap(`[${hex(row.index)}] ${hex(row.value)} ${row.bad ?? row.what}${targetText(row)}`, ` ${mark} `, "      ");
}

function targetText(row: TableEntry): string {
  const to = row.target;
  const was = row.before === undefined ? "" : `, was ${hex(row.before)}`;
  if (to === null) return was;
  const pa = to.pa === null ? "nowhere" : hex(to.pa);
  return ` -> ${to.ipa === undefined ? pa : `IPA ${hex(to.ipa)} = ${pa}`}${was}`;
}
