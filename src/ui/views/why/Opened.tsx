import { useMemo, useRef } from "react";
import { useSession } from "../../app/context.ts";
import { Drawing } from "../../draw/Drawing.tsx";
import { Hex } from "../../widgets/Hex.tsx";
import { useBox } from "../../widgets/measure.ts";
import { drawHole } from "./hole.ts";
import { type WhyRow, spanOf } from "./model.ts";
import css from "./why.module.css";

/** What came of it, in a word. */
function verdictOf(row: WhyRow): string {
  switch (row.kind) {
    case "check":
      return row.tone === "bad" ? "fails" : "holds";
    case "mem":
      return row.valid === false ? `${row.end}: entry invalid` : row.end;
    case "note":
      return "";
    default:
      return row.end;
  }
}

/** The check that decided, with the interval that made it so. */
export function Opened({ row, indent }: { row: WhyRow; indent: number }) {
  const session = useSession();
  const host = useRef<HTMLDivElement>(null);
  const box = useBox(host);
  const drawing = useMemo(
    () => (row.detail === undefined || box.width === 0 ? null : drawHole(row.detail, box.width, box.rem)),
    [row.detail, box],
  );
  const span = spanOf(row.detail);
  const { left, right } = row.detail ?? {};
  const verdict = verdictOf(row);
  const bad = row.kind !== "check" || row.tone === "bad";
  return (
    <div
      className={css["opened"]}
      data-bad={bad ? "" : undefined}
      style={{ marginLeft: `${indent * 0.9}rem` }}
      data-testid="why-opened"
    >
      <div className={css["line"]}>
        <code>
          <Hex>{row.text}</Hex>
        </code>
        <span>
          <Hex>{verdict}</Hex>
          {left !== undefined && (
            <>
              : <Hex>{left}</Hex>
              {right !== undefined && (
                <>
                  , not <Hex>{right}</Hex>
                </>
              )}
            </>
          )}
        </span>
        {span !== null && (
          <button type="button" onClick={() => session.viewport.show(span.start, span.last)}>
            show me
          </button>
        )}
      </div>
      <div ref={host} className={css["hole"]}>
        {drawing !== null && <Drawing marks={drawing.marks} width={box.width} height={drawing.height} />}
      </div>
      {(row.detail?.hits ?? []).map((h) => (
        <p key={`${h.start} ${h.label}`} className="hidden">
          meets {h.label}, 0x{h.start.toString(16)} to 0x{h.last.toString(16)}
        </p>
      ))}
    </div>
  );
}
