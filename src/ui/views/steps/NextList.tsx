import { useLab, useSession } from "../../app/context.ts";
import { Hex } from "../../widgets/Hex.tsx";
import css from "./steps.module.css";

/** What could be done now, with the answer that it would get; a click puts it in after the current step. */
export function NextList() {
  const session = useSession();
  const selected = useLab((s) => s.selected);
  const all = useLab((s) => s.next);
  const recording = useLab((s) => s.opened?.text === "");
  const own = selected === null ? [] : all.filter((x) => x.ref === selected);
  const shown = (own.length > 0 ? own : all).slice(0, 5);
  return (
    <section className={css["next"]} aria-label="Possible next">
      <h3>Possible next{own.length > 0 && <span> on {selected}</span>}</h3>
      <ul>
        {shown.map((x) => (
          <li key={`${x.ref} ${x.text}`} data-ref={x.ref}>
            <button
              type="button"
              disabled={recording}
              onClick={() => void session.editing.put(x.line)}
              aria-label={`Run ${x.text}: ${x.result}`}
            >
              <span className={css["what"]}>
                <Hex>{x.text}</Hex>
              </span>
              <span className={x.ok ? css["good"] : css["bad"]}>
                <Hex>{x.result}</Hex>
              </span>
            </button>
          </li>
        ))}
        {shown.length === 0 && <li className={css["none"]}>Nothing is known to be possible here.</li>}
      </ul>
    </section>
  );
}
