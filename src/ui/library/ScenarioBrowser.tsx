import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import type { ScenarioInfo } from "../../engine/views/types.ts";
import { useLab, useSession } from "../app/context.ts";
import { useTyped } from "../app/typed.ts";
import { Dialog } from "../widgets/Dialog.tsx";
import { fits, scenarioGroups, scenarioHay } from "./groups.ts";
import css from "./library.module.css";
import { ScenarioCard } from "./ScenarioCard.tsx";
import { useChecks, verdict } from "./useChecks.ts";

/** The library: every scenario by discussion, what it asks, on which kernels, and whether its checks hold. */
export default function ScenarioBrowser({ onClose }: { onClose: () => void }) {
  const session = useSession();
  const scenarios = useLab((s) => s.catalogue?.scenarios);
  const kernels = useLab((s) => s.catalogue?.kernels);
  const open = useLab((s) => s.opened?.scenario.id);
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const [text, setText] = useTyped();
  const [chosen, choose] = useState(open ?? "");
  const titles = useMemo(() => new Map((kernels ?? []).map((k) => [k.id, k.title])), [kernels]);
  const groups = useMemo(
    () => scenarioGroups((scenarios ?? []).filter((s) => fits(scenarioHay(s, titles), text))),
    [scenarios, titles, text],
  );
  const shown = useMemo(() => groups.flatMap((g) => g.scenarios), [groups]);
  const active = shown.find((s) => s.id === chosen) ?? nearest(shown, text);
  const checks = useChecks(active?.id ?? null);

  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [active]);

  const go = (scenario: string, kernel?: string): void => {
    onClose();
    void session.open({ id: scenario }, kernel === undefined ? {} : { kernel });
  };
  const keys = (e: KeyboardEvent): void => {
    const at = active === undefined ? -1 : shown.indexOf(active);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + 8, PageUp: at - 8 }[e.key];
    if (to !== undefined) choose(shown[Math.max(0, Math.min(shown.length - 1, to))]?.id ?? "");
    else if (e.key === "Enter" && active !== undefined) go(active.id);
    else return;
    e.preventDefault();
  };
  const file = (): void => {
    onClose();
    session.files.choose();
  };
  const { progress } = checks;
  const failing = shown.filter((s) => verdict(checks.of.get(s.id)) === "fails").length;
  const known = shown.filter((s) => checks.of.has(s.id)).length;

  return (
    <Dialog label="Scenarios" wide onClose={onClose}>
      <div className={css["picker"]}>
        <header>
          <input
            type="search"
            role="combobox"
            aria-expanded="true"
            aria-controls={`${id}-list`}
            aria-activedescendant={active === undefined ? undefined : `${id}-${active.id}`}
            aria-label="Find a scenario"
            placeholder="A question, a call, a kernel"
            data-first=""
            spellCheck={false}
            value={text}
            onChange={(e) => {
              setText(e.target.value);
              choose("");
            }}
            onKeyDown={keys}
          />
          <span role="status">
            {progress !== null
              ? `checking ${progress.done + 1} of ${progress.total}`
              : known > 1 && known === shown.length
                ? failing === 0
                  ? "all checks hold"
                  : `${failing} with checks that fail`
                : `${shown.length} scenario${shown.length === 1 ? "" : "s"}`}
          </span>
          <button
            type="button"
            disabled={shown.length === 0}
            onClick={() => (progress === null ? checks.start(shown.map((s) => s.id)) : checks.stop())}
          >
            {progress === null ? "Check these" : "Stop"}
          </button>
          <button type="button" onClick={file}>
            Open a file …
          </button>
        </header>
        <div className={css["columns"]}>
          <div ref={list} id={`${id}-list`} className={css["list"]} role="listbox" aria-label="Scenarios" tabIndex={-1}>
            {groups.map((g) => (
              <div key={g.title} role="group" aria-label={g.title}>
                <h3 aria-hidden="true">
                  {g.title}
                  <span>{g.scenarios.length}</span>
                </h3>
                {g.scenarios.map((s) => {
                  const held = verdict(checks.of.get(s.id));
                  return (
                    <div
                      key={s.id}
                      id={`${id}-${s.id}`}
                      role="option"
                      tabIndex={-1}
                      aria-selected={s === active}
                      data-open={s.id === open ? "" : undefined}
                      onClick={() => choose(s.id)}
                      onDoubleClick={() => go(s.id)}
                      onKeyDown={keys}
                    >
                      <b>{s.title}</b>
                      <i data-held={held ?? undefined}>
                        {held === "holds" ? "✓ holds" : held === "fails" ? "✗ fails" : ""}
                      </i>
                      <small>{s.source}</small>
                      <small>{s.kernels.length === 1 ? "1 kernel" : `${s.kernels.length} kernels`}</small>
                    </div>
                  );
                })}
              </div>
            ))}
            {shown.length === 0 && (
              <p>
                The library holds no such scenario.{" "}
                <button type="button" onClick={() => setText("")}>
                  Show all
                </button>
              </p>
            )}
          </div>
          {active !== undefined && (
            <ScenarioCard
              key={active.id}
              scenario={active}
              checked={checks.of.get(active.id)}
              current={active.id === open}
              onOpen={(kernel) => go(active.id, kernel)}
            />
          )}
        </div>
      </div>
    </Dialog>
  );
}

/** The one that was meant: what was typed stands in its title or id as it was typed. */
function nearest(shown: readonly ScenarioInfo[], typed: string): ScenarioInfo | undefined {
  const text = typed.trim().toLowerCase();
  const title = (s: ScenarioInfo): string => s.title.toLowerCase();
  return (
    shown.find((s) => title(s).startsWith(text)) ??
    shown.find((s) => title(s).includes(text) || s.id.includes(text)) ??
    shown[0]
  );
}
