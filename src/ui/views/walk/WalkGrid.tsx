import type { WalkView } from "../../../engine/views/types.ts";
import { hex } from "../../draw/format.ts";
import { radix } from "../../draw/radix.ts";
import { Hex } from "../../widgets/Hex.tsx";
import { type WalkCell, type WalkLine, walkLines } from "./model.ts";
import css from "./walk.module.css";

/** A row is one stage-1 level, a column one stage-2 level; the last column is the entry that the row was after. */
export function WalkGrid({ walk, at, onPick }: { walk: WalkView; at: number | null; onPick: (n: number) => void }) {
  const lines = walkLines(walk);
  const levels = walk.levels;
  const read = levels.map((_, i) =>
    lines.some((l) => !l.stream && l.s2[i] !== null && l.s2[i] !== undefined && "read" in l.s2[i]),
  );
  const widest = Math.max(...lines.map((l) => (l.stream || l.entry === null ? 0 : shortened(l.entry.value).length)));
  const columns = `minmax(4.2rem, auto) ${read.map((r) => (r ? "minmax(6.75em, 1fr)" : "minmax(2em, .3fr)")).join(" ")} minmax(${Math.max(7.4, widest * 0.6 + Math.floor((widest - 1) / 4) * 0.2 + 0.3)}em, 1.1fr)`;
  return (
    // Everything in it can be done by the keys of the group around it and by the player's buttons.
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-static-element-interactions
    <div
      className={css["grid"]}
      style={{ gridTemplateColumns: columns }}
      aria-hidden="true"
      onClick={(e) => {
        const n = e.target instanceof Element ? e.target.closest("[data-n]")?.getAttribute("data-n") : null;
        if (n !== null && n !== undefined) onPick(Number(n));
      }}
    >
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
            <Hex>{line.reached ? shortened(line.sub.replace(/^I?PA /, "")) : ""}</Hex>
          </span>
        </div>,
        ...(line.stream
          ? [
              <div key="stream" className={css["stream"]} style={{ gridColumn: "2 / -1" }}>
                {[...line.s2, line.entry].flatMap((c) =>
                  c !== null && "read" in c
                    ? [
                        <div key={c.read.n}>
                          <Read cell={c} failing={null} at={at} inline />
                        </div>,
                      ]
                    : [],
                )}
                {line.cached !== null && <Cached cached={line.cached} />}
                {line.failing !== null && shown(line, at) && <i className={css["why"]}>{line.failing}</i>}
              </div>,
            ]
          : line.reached
            ? [
                ...(line.cached === null || levels.length === 0
                  ? levels.map((l, i) => {
                      const c = line.s2[i] ?? null;
                      return (
                        <div
                          key={`${row} ${l}`}
                          className={css["cell"]}
                          data-bad={
                            c !== null && "read" in c && !c.read.ok && (at ?? c.read.n) >= c.read.n ? "" : undefined
                          }
                        >
                          {c !== null &&
                            ("read" in c ? (
                              <Read cell={c} failing={c.read.ok ? null : (line.failing ?? c.read.decoded)} at={at} />
                            ) : (
                              <span className={css["skip"]}>{c.skipped}</span>
                            ))}
                        </div>
                      );
                    })
                  : [
                      <div
                        key={`c${line.title}`}
                        className={css["stream"]}
                        style={{ gridColumn: `2 / ${levels.length + 2}` }}
                      >
                        <Cached cached={line.cached} />
                      </div>,
                    ]),
                <div
                  key={`e${line.title}`}
                  className={`${css["cell"]} ${css["s1"]}`}
                  data-beside={line.cached !== null ? "" : undefined}
                  data-bad={
                    line.entry !== null && !line.entry.read.ok && (at ?? line.entry.read.n) >= line.entry.read.n
                      ? ""
                      : undefined
                  }
                >
                  {line.entry !== null && (
                    <Read
                      cell={line.entry}
                      failing={line.entry.read.ok ? null : (line.failing ?? line.entry.read.decoded)}
                      at={at}
                    />
                  )}
                  {line.cached !== null && levels.length === 0 && <Cached cached={line.cached} />}
                </div>,
              ]
            : [
                ...(levels.length === 0
                  ? []
                  : [
                      <div
                        key={`n${line.title}`}
                        className={css["skip"]}
                        style={{ gridColumn: `2 / ${levels.length + 2}` }}
                      >
                        not reached
                      </div>,
                    ]),
                <div key={`m${line.title}`} className={`${css["s1"]} ${css["skip"]}`}>
                  {levels.length === 0 ? "not reached" : ""}
                </div>,
              ]),
      ])}
    </div>
  );
}

/** While the walk is played, only what it has come to. */
function shown(line: WalkLine, at: number | null): boolean {
  const last = [...line.s2, line.entry].flatMap((c) => (c !== null && "read" in c ? [c.read.n] : [])).at(-1);
  return at === null || last === undefined || last <= at;
}

function Cached({ cached }: { cached: { text: string; bad: boolean } }) {
  return (
    <span className={css["cached"]} data-wrong={cached.bad ? "" : undefined}>
      <Hex>{cached.text}</Hex>
    </span>
  );
}

function Read(props: { cell: WalkCell; failing: string | null; at: number | null; inline?: boolean }) {
  const { cell, failing, at, inline = false } = props;
  const { read, value, again } = cell;
  return (
    <span
      className={inline ? css["inline"] : css["read"]}
      data-again={again ? "" : undefined}
      data-cell=""
      data-n={read.n}
      data-ref={read.ref}
      data-now={at === read.n ? "" : undefined}
      data-later={at !== null && read.n > at ? "" : undefined}
      title={`${read.what}: ${read.decoded}${read.place === undefined ? "" : ". Press to open it in Tables"}`}
    >
      <span className={css["k"]}>{read.n}</span>
      <span className={css["pa"]} data-copy={hex(read.pa)}>
        <Hex>{shortened(hex(read.pa))}</Hex>
      </span>
      <span className={css["v"]} data-copy={value}>
        <Hex bits>{failing !== null && value === "0x0" ? "0" : shortened(value)}</Hex>
        {failing !== null && <i>{failing.length <= 9 ? failing : read.decoded}</i>}
      </span>
      {inline ? (
        <span className={css["d"]}>{[read.what, read.decoded].filter((x) => x !== "").join("  ")}</span>
      ) : (
        failing === null && <span className={css["said"]}>{read.decoded}</span>
      )}
    </span>
  );
}

/** Numbers in the grid stand without `0x`; a short one keeps it, so that it is not read as a count, and all do beside decimals. */
function shortened(text: string): string {
  return text.length > 6 && text.startsWith("0x") && radix() === "hex" ? text.slice(2) : text;
}
