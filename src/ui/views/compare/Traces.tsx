import { useMemo, useState } from "react";
import type { CompareTraces } from "../../../engine/views/types.ts";
import { Hex } from "../../widgets/Hex.tsx";
import { scrollable } from "../../widgets/scroll.ts";
import { whyRows, type WhyRow } from "../why/model.ts";
import css from "./compare.module.css";

/** Rows kept around what differs. */
const AROUND = 2;
/** A stretch of equal rows shorter than this is shown. */
const SHORT = 4;

interface Line {
  key: string;
  a: WhyRow | null;
  b: WhyRow | null;
  same: boolean;
  /** Here they part. */
  first: boolean;
  /** The first check that differs. */
  check: boolean;
  /** Equal rows left out here. */
  folded: number;
}

/** The traces of one step on two kernels, aligned; from the first check that differs on. */
export function Traces({ traces, titles }: { traces: CompareTraces; titles: readonly [string, string] }) {
  const [all, setAll] = useState(false);
  const lines = useMemo(() => linesOf(traces), [traces]);
  const shown = useMemo(() => (all ? lines : fold(lines)), [all, lines]);
  const least = Math.min(...shown.flatMap((l) => [l.a?.depth ?? 99, l.b?.depth ?? 99]));
  const hidden = shown.some((l) => l.folded > 0);
  return (
    <section className={css["traces"]} aria-label={`Traces of step ${traces.step}`}>
      <header>
        <h3>Traces of step {traces.step}</h3>
        <span>
          {traces.first < 0
            ? "both take the same way"
            : `${lines.filter((l) => !l.same).length} of ${lines.length} lines differ`}
        </span>
        {(hidden || all) && (
          <button type="button" aria-pressed={all} onClick={() => setAll(!all)}>
            all {lines.length}
          </button>
        )}
      </header>
      <div
        className={css["pairs"]}
        role="table"
        aria-label="Traces side by side"
        {...roleless(scrollable("Traces side by side"))}
      >
        <div role="row" className={css["sides"]}>
          <span role="columnheader">
            <b>{titles[0]}</b> <Hex>{traces.a.result}</Hex>
          </span>
          <span role="columnheader">
            <b>{titles[1]}</b> <Hex>{traces.b.result}</Hex>
          </span>
        </div>
        {shown.map((l) =>
          l.folded > 0 ? (
            <div key={l.key} role="row" className={css["folded"]}>
              <span role="cell">{l.folded} equal lines</span>
            </div>
          ) : (
            <div
              key={l.key}
              role="row"
              className={css["pair"]}
              data-same={l.same ? "" : undefined}
              data-first={l.first ? "" : undefined}
              data-check={l.check ? "" : undefined}
            >
              <Side row={l.a} least={least} other={l.b} />
              <Side row={l.b} least={least} other={l.a} />
            </div>
          ),
        )}
      </div>
    </section>
  );
}

/** A table keeps its own role. */
function roleless({ tabIndex }: ReturnType<typeof scrollable>) {
  return { tabIndex, "data-scroll": "" };
}

function Side({ row, least, other }: { row: WhyRow | null; least: number; other: WhyRow | null }) {
  if (row === null)
    return (
      <span role="cell" className={css["nothing"]}>
        {other === null || other.kind === "note" ? "" : "not done"}
      </span>
    );
  return (
    <span
      role="cell"
      className={css["side"]}
      data-tone={row.tone}
      data-kind={row.kind}
      style={{ paddingLeft: `${0.6 + Math.min(row.depth - least, 8) * 0.8}rem` }}
    >
      <span title={row.text}>
        <Hex>{row.text}</Hex>
      </span>
      <i>
        <Hex>{row.end}</Hex>
      </i>
    </span>
  );
}

/** A function's return stands on its line, so rows that only return are left out; a differing return marks the function. */
function linesOf({ a, b, rows, first, check }: CompareTraces): Line[] {
  const left = new Map(whyRows(a.entries, -1).map((r) => [r.index, r]));
  const right = new Map(whyRows(b.entries, -1).map((r) => [r.index, r]));
  const lines = rows.flatMap((r, i): Line[] => {
    const one = left.get(r.a) ?? null;
    const two = right.get(r.b) ?? null;
    if (one === null && two === null) return [];
    const ends = one !== null && two !== null && one.kind === "enter" && one.end !== two.end;
    return [
      {
        key: `${r.a} ${r.b}`,
        a: one,
        b: two,
        same: r.same && !ends,
        first: i === first,
        check: i === check,
        folded: 0,
      },
    ];
  });
  if (first >= 0 && !lines.some((l) => l.first)) {
    const after = lines.find((l) => !l.same);
    if (after !== undefined) after.first = true;
  }
  return lines;
}

/** Only what differs, the functions it stands in, and a little around. */
function fold(lines: readonly Line[]): Line[] {
  const keep = new Set<number>();
  lines.forEach((l, i) => {
    if (l.same) return;
    for (let k = i - AROUND; k <= i + AROUND; k++) keep.add(k);
    let depth = l.a?.depth ?? l.b?.depth ?? 0;
    for (let k = i - 1; k >= 0; k--) {
      const at = lines[k];
      const d = at?.a?.depth ?? at?.b?.depth ?? 0;
      if (at !== undefined && d < depth && (at.a ?? at.b)?.kind === "enter") {
        keep.add(k);
        depth = d;
      }
    }
  });
  const out: Line[] = [];
  for (let i = 0; i < lines.length;) {
    let end = i;
    while (end < lines.length && !keep.has(end)) end++;
    const stretch = lines.slice(i, end);
    if (stretch.length >= SHORT)
      out.push({ key: `fold ${i}`, a: null, b: null, same: true, first: false, check: false, folded: stretch.length });
    else out.push(...stretch);
    const line = lines[end];
    if (line !== undefined) out.push(line);
    i = end + 1;
  }
  return out;
}
