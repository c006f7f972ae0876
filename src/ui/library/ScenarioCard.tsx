import type { ScenarioInfo } from "../../engine/views/types.ts";
import { useLab } from "../app/context.ts";
import { scrollable } from "../widgets/scroll.ts";
import css from "./library.module.css";
import type { Checked } from "./useChecks.ts";

/** One scenario before it is opened. Each kernel says whether the checks hold there, and opens it there. */
export function ScenarioCard(props: {
  scenario: ScenarioInfo;
  checked: Checked | undefined;
  /** It is the one on screen. */
  current: boolean;
  onOpen: (kernel?: string) => void;
}) {
  const { scenario, checked, current, onOpen } = props;
  const catalogue = useLab((s) => s.catalogue);
  const machine = catalogue?.machines.find((m) => m.id === scenario.machine)?.title ?? scenario.machine;
  const failed = typeof checked === "object" ? checked.kernels.flatMap((k) => k.failed) : [];
  return (
    <div className={css["card"]} {...scrollable(scenario.title)}>
      <h3>{scenario.title}</h3>
      <p>{scenario.question}</p>
      <dl>
        <dt>Asked</dt>
        <dd>{scenario.source}</dd>
        <dt>Machine</dt>
        <dd>{machine}</dd>
        <dt>Steps</dt>
        <dd>{typeof checked === "object" ? checked.steps : "…"}</dd>
        <dt>Id</dt>
        <dd>
          <code>{scenario.id}</code>
        </dd>
      </dl>
      <ul>
        {scenario.kernels.map((id) => {
          const info = catalogue?.kernels.find((k) => k.id === id);
          return (
            <li key={id}>
              <button type="button" onClick={() => onOpen(id)} title={`Open it on ${info?.title ?? id}`}>
                <span>{info?.title ?? id}</span>
                <small>{said(checked, id)}</small>
              </button>
            </li>
          );
        })}
      </ul>
      {typeof checked === "string" && <p role="alert">{checked}</p>}
      {failed.length > 0 && (
        <ol>
          {failed.slice(0, 6).map((f) => (
            <li key={f}>{f}</li>
          ))}
        </ol>
      )}
      <footer>
        <button type="button" onClick={() => onOpen()}>
          {current ? "Open it anew" : "Open"}
          <kbd>Enter</kbd>
        </button>
      </footer>
    </div>
  );
}

function said(checked: Checked | undefined, kernel: string): string {
  if (checked === undefined) return "…";
  if (typeof checked === "string") return "";
  const k = checked.kernels.find((x) => x.kernel === kernel);
  if (k === undefined) return "";
  if (k.problem !== null) return `✗ ${k.problem}`;
  if (k.checks === 0) return "no checks";
  const holding = k.checks - k.failed.length;
  return k.failed.length === 0 ? `✓ ${k.checks} checks hold` : `✗ ${holding} of ${k.checks} hold`;
}
