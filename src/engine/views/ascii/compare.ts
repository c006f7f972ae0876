/** Several kernels as columns, steps as rows; below, in which facts they differ. */
import { differencesOf } from "../compare/rows.ts";
import type { CompareCell, CompareRow, CompareSpaces, CompareTraces, CompareView } from "../compare/types.ts";
import { LOOKS } from "./space.ts";
import { heading, plain, range, sides, size, wrap } from "./page.ts";
import { say, traceLines } from "./trace.ts";

/** Kernels in one line, and columns of each. */
const BESIDE = 4;
const CELL = 16;

const letter = (i: number): string => (i < 26 ? ("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i] ?? "") : `K${i + 1}`);

export function compareLines(view: CompareView, titles: readonly string[]): string[] {
  const name = (i: number): string => {
    const id = view.columns[i]?.kernel ?? "";
    return titles[i] === undefined || titles[i] === id ? id : `${id} (${titles[i]})`;
  };
  const shown = view.columns.flatMap((c, i) => (c.problem === null ? [i] : []));
  const first = view.rows.find((r) => r.differs)?.step ?? 0;
  return [
    ...view.columns.flatMap((c, i) =>
      wrap(`${name(i)}${c.problem === null ? "" : `: does not start: ${c.problem}`}`, `${letter(i)}  `, "   "),
    ),
    "",
    ...view.rows.flatMap((r) => rowLines(r, shown)),
    "",
    shown.length < 2
      ? "One kernel: nothing to compare it with."
      : first === 0
        ? "No difference."
        : `First difference: step ${first} (* differs from ${letter(0)}).`,
    ...view.rows.filter((r) => r.differs).flatMap((r) => factLines(r.cells, r.step, `${r.prefix}${r.op}`)),
  ];
}

/** The call in a line; below it what each kernel answered, or at its end what all of them did. */
function rowLines(row: CompareRow, shown: readonly number[]): string[] {
  const number = `${String(row.step).padStart(3)}  `;
  const call = `${row.prefix}${row.op} ${row.args.replaceAll(/\s+/g, " ")}`.trimEnd();
  const first = row.cells[shown[0] ?? 0];
  if (!row.differs) return sides(number + call, first?.result ?? "", "     ");
  const lines = wrap(call, number, "       ");
  if (
    shown.some((i) =>
      plain(row.cells[i]?.result ?? "-")
        .split(" ")
        .some((word) => word.length > CELL - 3),
    )
  )
    return [...lines, ...groupLines(row, shown)];
  for (let from = 0; from < shown.length; from += BESIDE) {
    const part = shown.slice(from, from + BESIDE).map((i) => {
      const cell = row.cells[i];
      const lead = `${letter(i)}${cell?.differs === true ? "*" : " "} `;
      return wrap(cell?.result ?? "-", lead, " ".repeat(lead.length), CELL);
    });
    const height = Math.max(...part.map((p) => p.length));
    for (let y = 0; y < height; y++)
      lines.push(`     ${part.map((p) => (p[y] ?? "").padEnd(CELL)).join(" ")}`.trimEnd());
  }
  return lines;
}

/** Answers that are too long for columns: each once, behind the letters of those who gave it. */
function groupLines({ cells }: CompareRow, shown: readonly number[]): string[] {
  const groups = new Map<string, string[]>();
  for (const i of shown) {
    const result = cells[i]?.result ?? "-";
    const name = `${letter(i)}${cells[i]?.differs === true ? "*" : ""}`;
    groups.set(result, [...(groups.get(result) ?? []), name]);
  }
  return [...groups].flatMap(([result, names]) => {
    const lead = `     ${names.join(" ").padEnd(3)} `;
    return wrap(result, lead, " ".repeat(lead.length));
  });
}

function factLines(cells: readonly (CompareCell | null)[], step: number, op: string): string[] {
  const there = cells.flatMap((cell, i) => (cell === null ? [] : [{ cell, i }]));
  const groups = differencesOf(there.map((t) => t.cell));
  return [
    "",
    ...sides(`step ${step} ${op}`, ""),
    ...groups.flatMap((g) => {
      const who = g.columns.map((n) => letter(there[n]?.i ?? 0)).join(" ");
      const [answers, facts] = partsOf(g.text);
      return [...wrap(answers, `  ${who}: `, "     "), ...facts.flatMap((fact) => wrap(fact, "     ", "       "))];
    }),
  ];
}

/** What was answered, and what came and went: a line each, fields of one stream table entry together. */
function partsOf(text: string): [answers: string, facts: string[]] {
  const all = text.split("; ");
  const facts: string[] = [];
  for (const fact of all.filter((f) => /^[+-] /.test(f))) {
    const entry = /^[+-] STE 0x[0-9a-f]+ /.exec(fact)?.[0];
    const before = facts.at(-1);
    if (entry !== undefined && before?.startsWith(entry) === true)
      facts[facts.length - 1] = `${before}, ${fact.slice(entry.length)}`;
    else facts.push(fact);
  }
  return [all.filter((f) => !/^[+-] /.test(f)).join("; "), facts];
}

/** What only one of two kernels has after the step. */
export function spacesLines(spaces: CompareSpaces, titles: readonly [string, string]): string[] {
  const lines = spaces.tracks.flatMap((t) => {
    const parts = t.parts.filter((p) => p.in !== "both");
    if (parts.length === 0) return [];
    return [
      plain(`  ${t.label}${t.sub === "" ? "" : ` (${t.sub})`}:`),
      ...parts.flatMap((p) => {
        const { name } = LOOKS[p.kind];
        const bytes = size(p.last - p.start + 1n);
        // A range is named by its own ends, which may lie outside of the part.
        const said = p.kind === "range" || p.label === name || p.label === `${name} ${bytes}`;
        const label = said ? "" : ` ${p.label}`;
        const where = `${range(p.start, p.last)} ${bytes}`;
        return wrap(`only ${titles[p.in === "a" ? 0 : 1]}: ${name} ${where}${label}`, "    ", "      ");
      }),
    ];
  });
  return [
    ...wrap(`Address spaces after step ${spaces.step}, ${titles[0]} and ${titles[1]}:`),
    ...(lines.length === 0 ? ["  the same in every track"] : lines),
  ];
}

/** The two traces up to and with the first row where they part. */
export function tracesLines(traces: CompareTraces, titles: readonly [string, string]): string[] {
  const row = traces.rows[traces.check >= 0 ? traces.check : traces.first];
  if (row === undefined)
    return wrap(`The traces of step ${traces.step} are the same on ${titles[0]} and ${titles[1]}.`);
  return [
    ...wrap(`Step ${traces.step}, where the traces part:`),
    ...wrap(`${titles[0]}: ${traces.a.result}`, "  ", "    "),
    ...sideLines(traces, "a", row.a),
    ...wrap(`${titles[1]}: ${traces.b.result}`, "  ", "    "),
    ...sideLines(traces, "b", row.b),
  ];
}

/** One trace down to the entry; where it has none at that place, what it does there instead. */
function sideLines({ rows, check, first, ...sides }: CompareTraces, side: "a" | "b", at: number): string[] {
  const { entries } = sides[side];
  if (at >= 0) return traceLines(entries, at, true);
  const from = check >= 0 ? check : first;
  const next = rows.slice(from).find((r) => r[side] >= 0 && entries[r[side]]?.t !== "leave")?.[side] ?? -1;
  const e = entries[next];
  if (e === undefined || e.t === "leave") return ["   does not come to it: nothing follows"];
  return [...wrap("does not come to it; goes on with", "   "), ...wrap(say(e, undefined), "     ", "       ")];
}

export function comparePage(view: CompareView, titles: readonly string[]): string[] {
  return [...heading("Compare"), ...compareLines(view, titles)];
}
