import { useState } from "react";
import type { CheckDetail, TraceEntry } from "../../../engine/views/types.ts";
import { useSession } from "../../app/context.ts";
import { Hex } from "../../widgets/Hex.tsx";
import { Opened } from "./Opened.tsx";
import { condense, whyRows } from "./model.ts";
import css from "./why.module.css";

/** One step's trace; a long one is shortened to what leads to the opened check, and can be unfolded. */
export function WhyTrace(props: {
  step: number;
  title: string;
  text: string;
  entries: readonly TraceEntry[];
  opened: number;
  hole?: CheckDetail | undefined;
}) {
  const { step, title, text, entries, opened, hole } = props;
  const session = useSession();
  const [all, setAll] = useState(false);
  const rows = whyRows(entries, opened);
  const short = condense(rows);
  const shown = all ? rows : short.rows;
  const least = Math.min(...shown.map((r) => r.depth));
  return (
    <div className={css["trace"]}>
      <div className={css["head"]}>
        <button
          type="button"
          className={css["step"]}
          onClick={() => session.seek(step)}
          aria-label={`Go to step ${step}`}
        >
          {step}
        </button>
        <b>{title}</b>
        <span>{text}</span>
        {short.left > 0 && (
          <button type="button" className={css["more"]} aria-expanded={all} onClick={() => setAll(!all)}>
            {all ? "shorten" : `all ${rows.length}`}
          </button>
        )}
      </div>
      {shown.map((r) =>
        r.opened ? (
          <Opened
            key={r.index}
            row={r.detail === undefined && hole !== undefined ? { ...r, detail: hole } : r}
            indent={Math.min(r.depth - least, 8)}
          />
        ) : (
          <div
            key={r.index}
            className={css["row"]}
            data-tone={r.tone}
            data-kind={r.kind}
            style={{ paddingLeft: `${Math.min(r.depth - least, 8) * 0.9}rem` }}
          >
            <span>
              <Hex>{r.text}</Hex>
            </span>
            <span className={css["value"]}>
              <Hex>{r.end}</Hex>
            </span>
          </div>
        ),
      )}
    </div>
  );
}
