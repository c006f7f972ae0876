import type { ExploreFound, ExplorePlan } from "../../../engine/explore/protocol.ts";
import { scrollable } from "../../widgets/scroll.ts";
import css from "./explore.module.css";
import { foundText, noneMeaning, noneText, progressText } from "./model.ts";
import type { Phase } from "./search.ts";

/** What the search came to, or how far it is. */
export function Outcome(props: {
  phase: Phase;
  look: ExplorePlan["look"] | null;
  onOpen: (text: string, kernels: readonly string[]) => void;
}) {
  const { phase, look, onOpen } = props;
  return (
    <div className={css["outcome"]} {...scrollable("What the search found")}>
      <p className="hidden" role="status">
        {said(phase)}
      </p>
      {phase.name === "idle" && <Idle />}
      {phase.name === "running" && (
        <div className={css["running"]}>
          <h3>Searching</h3>
          <p className="mono">
            {phase.progress === null ? "the worlds are being booted" : progressText(phase.progress, phase.perSecond)}
          </p>
          <p>
            Sequences are tried in the order of their length: what is found first is a shortest one. Nothing shorter
            than the depth shown was missed.
          </p>
        </div>
      )}
      {phase.name === "found" && <Found found={phase.found} look={look} onOpen={onOpen} />}
      {phase.name === "none" && look !== null && (
        <>
          <h3>{noneText(phase.progress)}</h3>
          <p>{noneMeaning(look, phase.progress, phase.stopped)}</p>
        </>
      )}
      {phase.name === "refused" && (
        <p role="alert" className={css["alert"]}>
          {phase.why}
        </p>
      )}
      {(phase.name === "found" || phase.name === "none") && (
        <footer className={css["foot"]}>
          <p className="mono">{progressText(phase.progress, 0)}</p>
          {phase.refused.map((text) => (
            <p key={text}>Not followed: {text}</p>
          ))}
        </footer>
      )}
    </div>
  );
}

function Idle() {
  return (
    <div className={css["idle"]}>
      <p>Nothing was searched yet.</p>
      <p>
        The search runs every sequence of calls that the world on the left allows, shortest first, on real copies of the
        kernel model. It ends at the first step where the two kernels give different answers, reserve, map or attach
        something else, or where a rule breaks; the sequence opens as a scenario.
      </p>
    </div>
  );
}

function Found({
  found,
  look,
  onOpen,
}: {
  found: ExploreFound;
  look: ExplorePlan["look"] | null;
  onOpen: (text: string, kernels: readonly string[]) => void;
}) {
  const numbered = found.steps.map(({ actor, text }, i) => ({ n: i + 1, actor, text }));
  const kernels = look === null ? [] : look.kind === "difference" ? look.kernels : [look.kernel];
  return (
    <>
      <h3>{foundText(found)}</h3>
      {found.invariant !== null && <p>Broken: {found.invariant}.</p>}
      <ol className={css["steps"]} aria-label="The shortest sequence">
        {numbered.map(({ n, actor, text }) => (
          <li key={n} data-last={n === numbered.length ? "" : undefined}>
            <span>{actor}</span> <code>{text}</code>
          </li>
        ))}
      </ol>
      <dl className={css["says"]}>
        {found.says.map(({ kernel, text }) => (
          <div key={kernel}>
            <dt>{kernel}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      {found.shownBy !== null && (
        <p>
          A program sees it by <code>{found.shownBy.text}</code>: {found.shownBy.says.join(" against ")}
        </p>
      )}
      <button type="button" className={css["primary"]} onClick={() => onOpen(found.text, kernels)}>
        Open as scenario
      </button>
    </>
  );
}

/** For a reader: what changed, and not each number. */
function said(phase: Phase): string {
  switch (phase.name) {
    case "idle":
      return "";
    case "running":
      return phase.progress === null ? "searching" : `searching, depth ${phase.progress.depth}`;
    case "found":
      return foundText(phase.found);
    case "none":
      return noneText(phase.progress);
    case "refused":
      return "";
  }
}
