import { useLab, useSession } from "../../app/context.ts";
import { standsAt } from "../../app/tours.ts";
import type { Tour } from "../../tours/types.ts";
import { STOP_KINDS } from "./kinds.ts";
import css from "./tour.module.css";

/** Back, next, every stop as a mark, and the way back to the picture after a look elsewhere. */
export function Transport({ tour, at }: { tour: Tour; at: number }) {
  const session = useSession();
  const stop = tour.stops[at];
  const elsewhere = useLab((s) => stop !== undefined && s.phase.name === "ready" && !standsAt(s, stop.at));
  const last = at === tour.stops.length - 1;
  return (
    <footer className={css["transport"]}>
      <ol aria-label="Stops of this tour">
        {tour.stops.map((s, i) => (
          <li key={s.id}>
            <button
              type="button"
              data-kind={s.kind}
              data-past={i < at ? "" : undefined}
              aria-current={i === at ? "step" : undefined}
              aria-label={`Stop ${i + 1}, ${STOP_KINDS[s.kind].name.toLowerCase()}: ${s.title}`}
              title={`${i + 1}  ${STOP_KINDS[s.kind].name}: ${s.title}`}
              onClick={() => void session.tours.go(tour.id, i)}
            >
              {STOP_KINDS[s.kind].letter}
            </button>
          </li>
        ))}
      </ol>
      <div>
        <button type="button" disabled={at === 0} aria-keyshortcuts="PageUp" onClick={() => session.tours.move(-1)}>
          Back<kbd>PgUp</kbd>
        </button>
        <button
          type="button"
          className={css["again"]}
          data-shown={elsewhere ? "" : undefined}
          disabled={!elsewhere}
          aria-hidden={!elsewhere}
          onClick={() => session.tours.again()}
        >
          Back to this picture
        </button>
        <button
          type="button"
          className={css["next"]}
          aria-keyshortcuts="PageDown"
          onClick={() => (last ? session.tours.list() : session.tours.move(1))}
        >
          {last ? "All tours" : "Next"}
          <kbd>{last ? "" : "PgDn"}</kbd>
        </button>
      </div>
    </footer>
  );
}
