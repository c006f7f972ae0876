import { useSession } from "../../app/context.ts";
import { keptStops } from "../../app/tours.ts";
import { TOURS } from "../../tours/list.ts";
import { scrollable } from "../../widgets/scroll.ts";
import css from "./tour.module.css";

/** The five tours, each with its question and where it was left. */
export function TourList() {
  const session = useSession();
  const { at } = keptStops();
  return (
    <div className={css["scroll"]} {...scrollable("Tours")}>
      <p className={css["lead"]}>
        Each walks through one discussion of the lists: the question, the alternatives played on their kernels, every
        objection as what it leads to, what was merged, and a last step in which you decide.
      </p>
      <ol className={css["tours"]}>
        {TOURS.map((t) => {
          const stop = at[t.id];
          return (
            <li key={t.id}>
              <button type="button" onClick={() => void session.tours.go(t.id, stop ?? 0)}>
                <b>{t.title}</b>
                <time>{t.year}</time>
                <span>{t.question}</span>
                <small>{stop === undefined || stop === 0 ? "Begin" : `Go on at stop ${stop + 1}`}</small>
              </button>
            </li>
          );
        })}
      </ol>
    </div>
  );
}
