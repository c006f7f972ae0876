import type { StepView } from "../../../engine/views/types.ts";
import { AGREEMENTS } from "../../app/recording.ts";
import css from "./agreement.module.css";

/** Beside the result of a record: whether the model answered as the recorded kernel did. */
export function Agreement({ step }: { step: StepView }) {
  if (step.agreement === undefined) return null;
  const { kind, text } = step.agreement;
  const { mark, word } = AGREEMENTS[kind];
  return (
    <span
      className={css["mark"]}
      data-agreement={kind}
      title={text === "" ? word : `${word}: ${text}`}
      aria-hidden="true"
    >
      {mark}
    </span>
  );
}

/** For the name of the row. */
export function agreementWord(step: StepView): string {
  return step.agreement === undefined ? "" : `, ${AGREEMENTS[step.agreement.kind].word}`;
}
