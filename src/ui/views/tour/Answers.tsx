import { useAnswer } from "../../app/answers.ts";
import { useLab, useSession } from "../../app/context.ts";
import type { Place } from "../../tours/types.ts";
import { Hex } from "../../widgets/Hex.tsx";
import css from "./tour.module.css";
import { useOpen } from "./useOpen.ts";

/** What each kernel answers to the step of the stop, asked from the engine; a press brings that kernel on screen. */
export function Answers({ at, kernels }: { at: Place; kernels: readonly string[] }) {
  const session = useSession();
  const here = useOpen(at);
  const catalogue = useLab((s) => s.catalogue?.kernels);
  const kernel = useLab((s) => s.kernel);
  const { value, problem } = useAnswer(here ? `${at.scenario} ${at.step} ${kernels.join()}` : null, (api) =>
    api.compare([...kernels], at.step - 1, at.step),
  );
  const row = here ? value?.rows[0] : undefined;
  return (
    <section className={css["answers"]} aria-label="What each kernel answers">
      <h4>
        Step {at.step}
        {row !== undefined && (
          <span>
            {row.prefix}
            {row.op}
          </span>
        )}
      </h4>
      {here && problem !== null && <p>{problem}</p>}
      <ul>
        {kernels.map((id, i) => {
          const cell = row?.cells[i];
          const info = catalogue?.find((k) => k.id === id);
          const bad = cell?.outcome === "errno" || cell?.outcome === "fault";
          return (
            <li key={id}>
              <button
                type="button"
                aria-current={here && id === kernel ? "true" : undefined}
                disabled={!here}
                title={info?.subtitle}
                onClick={() => void session.visit({ ...session.heading, kernel: id, step: at.step }, {})}
              >
                <span>{info?.title ?? id}</span>
                <code data-bad={bad ? "" : undefined}>
                  {cell === undefined ? "…" : cell === null ? "does not start" : <Hex>{resultOf(cell)}</Hex>}
                </code>
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** The result; a device's access that went well says where it went. */
function resultOf(cell: { result: string; facts: readonly { kind: string; text: string }[] }): string {
  const told = cell.facts.filter((f) => f.kind === "out").map((f) => f.text);
  const more = told.filter((t) => /^(msi|ranges|regions|records|who|id|peer|delivered)=/.test(t));
  const text = more.filter((t) => !cell.result.includes(t.split("=")[1] ?? "")).join(" ");
  return text === "" ? cell.result : `${cell.result}  ${text}`;
}
