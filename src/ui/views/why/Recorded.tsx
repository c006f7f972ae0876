import { useLab } from "../../app/context.ts";
import { AGREEMENTS } from "../../app/recording.ts";
import { Hex } from "../../widgets/Hex.tsx";
import css from "./recorded.module.css";

/** Of a record: whether the recorded kernel answered the same, and if not, where the answers part. */
export function Recorded() {
  const said = useLab((s) => s.frame?.steps[(s.frame.step ?? 0) - 1]?.agreement);
  if (said === undefined) return null;
  const { mark, word } = AGREEMENTS[said.kind];
  return (
    <div className={css["recorded"]} data-agreement={said.kind} data-testid="recorded">
      <b>
        <span aria-hidden="true">{mark}</span> {TITLES[said.kind] ?? word}
      </b>
      {said.text !== "" && (
        <p>
          <Hex>{said.text}</Hex>
        </p>
      )}
    </div>
  );
}

const TITLES: Readonly<Partial<Record<keyof typeof AGREEMENTS, string>>> = Object.freeze({
  agrees: "The model answers as the recorded kernel did",
  differs: "The model differs from the recorded kernel",
  given: "Given by the recording",
  context: "Context: nothing is compared",
  skipped: "Not modelled: nothing is compared",
});
