import type { WalkView } from "../../../engine/views/types.ts";
import { hex } from "../../draw/format.ts";
import { Hex } from "../../widgets/Hex.tsx";
import { type WalkCell, walkLines } from "./model.ts";
import css from "./walk.module.css";

/** A row is one stage-1 level, a column one stage-2 level; the last column is the entry that the row was after. */
export function WalkGrid({ walk }: { walk: WalkView }) {
  const lines = walkLines(walk);
  const levels = walk.levels;
  const read = levels.map((_, i) =>
    lines.some((l) => !l.stream && l.s2[i] !== null && l.s2[i] !== undefined && "read" in l.s2[i]),
  );
  const widest = Math.max(...lines.map((l) => (l.stream || l.entry === null ? 0 : bare(l.entry.value).length)));
  const columns = `minmax(4.2rem, auto) ${read.map((r) => (r ? "minmax(6.9em, 1fr)" : "minmax(2em, .3fr)")).join(" ")} minmax(${Math.max(7.4, widest * 0.62 + 2)}em, 1.1fr)`;
  return (
    <div className={css["grid"]} style={{ gridTemplateColumns: columns }} aria-hidden="true">
      <div className={css["h"]}>{levels.length > 0 ? "S1" : ""}</div>
      {levels.map((l, i) => (
        <div key={l} className={css["h"]}>
          {i === 0 ? l : l.replace(/^S2 /, "")}
        </div>
      ))}
      <div className={`${css["h"]} ${css["s1"]}`}>{levels.length > 0 ? "S1 entry" : "entry"}</div>
      {lines.map((line, row) => [
        <div key={`t${line.title}`} className={css["name"]} data-reached={line.reached}>
          <b>{line.title}</b>
          <span>
            <Hex>{line.reached ? line.sub.replace(/^I?PA 0x/, "") : ""}</Hex>
          </span>
        </div>,
        ...(line.stream
          ? [
              <div key="stream" className={css["stream"]} style={{ gridColumn: "2 / -1" }}>
                {[...line.s2, line.entry].flatMap((c) =>
                  c !== null && "read" in c
                    ? [
                        <div key={c.read.n}>
                          <Read cell={c} failing={null} inline />
                        </div>,
                      ]
                    : [],
                )}
                {line.failing !== null && <i className={css["why"]}>{line.failing}</i>}
              </div>,
            ]
          : line.reached
            ? [
                ...levels.map((l, i) => {
                  const c = line.s2[i] ?? null;
                  return (
                    <div
                      key={`${row} ${l}`}
                      className={css["cell"]}
                      data-bad={c !== null && "read" in c && !c.read.ok ? "" : undefined}
                    >
                      {c !== null &&
                        ("read" in c ? (
                          <Read cell={c} failing={c.read.ok ? null : (line.failing ?? c.read.decoded)} />
                        ) : (
                          <span className={css["skip"]}>{c.skipped}</span>
                        ))}
                    </div>
                  );
                }),
                <div
                  key={`e${line.title}`}
                  className={`${css["cell"]} ${css["s1"]}`}
                  data-bad={line.entry !== null && !line.entry.read.ok ? "" : undefined}
                >
                  {line.entry !== null && (
                    <Read
                      cell={line.entry}
                      failing={line.entry.read.ok ? null : (line.failing ?? line.entry.read.decoded)}
                    />
                  )}
                </div>,
              ]
            : [
                <div key={`n${line.title}`} className={css["skip"]} style={{ gridColumn: `2 / ${levels.length + 2}` }}>
                  not reached
                </div>,
                <div key={`m${line.title}`} className={css["s1"]} />,
              ]),
      ])}
    </div>
  );
}

function Read({ cell, failing, inline = false }: { cell: WalkCell; failing: string | null; inline?: boolean }) {
  const { read, value, again } = cell;
  return (
    <span
      className={inline ? css["inline"] : css["read"]}
      data-again={again ? "" : undefined}
      title={`${read.what}: ${read.decoded}`}
    >
      <span className={css["k"]}>{read.n}</span>
      <span className={css["pa"]} data-copy={hex(read.pa)}>
        <Hex>{bare(hex(read.pa))}</Hex>
      </span>
      <span className={css["v"]} data-copy={value}>
        <Hex>{failing !== null && value === "0x0" ? "0" : bare(value)}</Hex>
        {failing !== null && <i>{failing.length <= 9 ? failing : read.decoded}</i>}
      </span>
      {inline && <span className={css["d"]}>{[read.what, read.decoded].filter((x) => x !== "").join("  ")}</span>}
    </span>
  );
}

/** Addresses in the grid stand without `0x`; a short one keeps it, so that it is not read as a count. */
function bare(text: string): string {
  return text.length > 6 ? text.slice(2) : text;
}
