import type { ReactNode } from "react";
import type { ExploreOptions, ExploreWorld } from "../../../engine/explore/protocol.ts";
import { useLab, useSession } from "../../app/context.ts";
import css from "./explore.module.css";
import { COUNTS, DEEPEST, MOST, toggled } from "./model.ts";
import type { Exploration, ExploreState } from "./search.ts";

/** What is looked for, in which world, how deep. */
export function Form(props: {
  exploration: Exploration;
  state: ExploreState;
  options: ExploreOptions;
  /** Title of the open scenario. */
  scenario: string;
}) {
  const { exploration, state, options, scenario } = props;
  const { kind, own, world, depth, phase, problem } = state;
  const { store } = exploration;
  const session = useSession();
  const busy = phase.name === "running";
  const edit = (part: Partial<ExploreWorld>): void => {
    if (world !== null) store.setState({ world: { ...world, ...part } });
  };
  const text = (): string | null => session.store.getState().opened?.text ?? null;
  return (
    <form
      className={css["form"]}
      aria-label="What to search"
      onSubmit={(e) => {
        e.preventDefault();
        if (!busy) void exploration.start();
      }}
    >
      <fieldset>
        <legend>Look for</legend>
        <div className={css["line"]}>
          <Radio name="look" checked={kind === "difference"} onChange={() => store.setState({ kind: "difference" })}>
            two kernels that differ
          </Radio>
          <Radio name="look" checked={kind === "violation"} onChange={() => store.setState({ kind: "violation" })}>
            a broken rule
          </Radio>
        </div>
        <div className={css["kernels"]}>
          <KernelSelect label={kind === "difference" ? "one kernel" : "on kernel"} at={0} exploration={exploration} />
          {kind === "difference" && <KernelSelect label="the other" at={1} exploration={exploration} />}
        </div>
        {kind === "violation" && <Rules exploration={exploration} state={state} options={options} />}
      </fieldset>
      <fieldset>
        <legend>World</legend>
        <div className={css["line"]}>
          <Radio name="world" checked={!own} onChange={() => void exploration.load(null)}>
            small, on {own ? "the plain machine" : options.machine}
          </Radio>
          <Radio name="world" checked={own} onChange={() => void exploration.load(text())}>
            that of the open scenario
          </Radio>
        </div>
        {own && (
          <p className={css["hint"]}>
            {scenario}: its machine, devices, memory and {options.given} given steps; as many objects as it makes.
          </p>
        )}
        {problem !== null && (
          <p className={css["hint"]} role="alert">
            {problem}
          </p>
        )}
        {world !== null && <World options={options} world={world} edit={edit} />}
      </fieldset>
      <div className={css["go"]}>
        <label>
          at most
          <input
            type="number"
            min={1}
            max={DEEPEST}
            value={depth}
            aria-label="Longest sequence, steps"
            onChange={(e) => store.setState({ depth: within(e.target.valueAsNumber, 1, DEEPEST, depth) })}
          />
          steps
        </label>
        {busy ? (
          <button key="stop" type="button" className={css["primary"]} onClick={() => exploration.stop()}>
            Stop
          </button>
        ) : (
          <button key="search" type="submit" className={css["primary"]}>
            Search
          </button>
        )}
      </div>
    </form>
  );
}

function World({
  options,
  world,
  edit,
}: {
  options: ExploreOptions;
  world: ExploreWorld;
  edit: (part: Partial<ExploreWorld>) => void;
}) {
  const names = options.devices.map((d) => d.name);
  return (
    <>
      <Group label="Devices">
        {options.devices.map(({ name, bdf }) => (
          <Check
            key={name}
            checked={world.devices.includes(name)}
            onChange={() => edit({ devices: toggled(names, world.devices, name) })}
          >
            {name} <code>{bdf.replace(/^0000:/, "")}</code>
          </Check>
        ))}
      </Group>
      <Group label="At once">
        {COUNTS.map(([kind, label]) => (
          <label key={kind} className={css["count"]}>
            <input
              type="number"
              min={0}
              max={MOST}
              value={world.counts[kind]}
              aria-label={`${label} at once`}
              onChange={(e) =>
                edit({
                  counts: { ...world.counts, [kind]: within(e.target.valueAsNumber, 0, MOST, world.counts[kind]) },
                })
              }
            />
            {label}
          </label>
        ))}
      </Group>
      <Group label="Guest entries">
        {options.vstes.map((one) => (
          <Check
            key={one}
            checked={world.vstes.includes(one)}
            onChange={() => edit({ vstes: toggled(options.vstes, world.vstes, one) })}
          >
            {one}
          </Check>
        ))}
      </Group>
      <Group label="Blocks">
        {options.blocks.map((one) => (
          <Check
            key={one}
            checked={world.blocks.includes(one)}
            onChange={() => edit({ blocks: toggled(options.blocks, world.blocks, one) })}
          >
            <code>{one}</code>
          </Check>
        ))}
      </Group>
      <Group label="Steps">
        {options.ops.map(({ id, title }) => (
          <Check
            key={id}
            checked={world.ops.includes(id)}
            onChange={() =>
              edit({
                ops: toggled(
                  options.ops.map((o) => o.id),
                  world.ops,
                  id,
                ),
              })
            }
          >
            {title}
          </Check>
        ))}
      </Group>
    </>
  );
}

function Rules({
  exploration,
  state,
  options,
}: {
  exploration: Exploration;
  state: ExploreState;
  options: ExploreOptions;
}) {
  const ids = options.invariants.map((i) => i.id);
  return (
    <ul className={css["rules"]}>
      {options.invariants.map(({ id, title, says }) => (
        <li key={id}>
          <Check
            checked={state.invariants.includes(id)}
            onChange={() => exploration.store.setState({ invariants: toggled(ids, state.invariants, id) })}
          >
            {title}
          </Check>
          <small>{says}</small>
        </li>
      ))}
    </ul>
  );
}

function KernelSelect({ label, at, exploration }: { label: string; at: 0 | 1; exploration: Exploration }) {
  const kernels = useLab((s) => s.catalogue?.kernels) ?? [];
  const [a, b] = exploration.store.getState().kernels;
  return (
    <label>
      {label}
      <select
        value={at === 0 ? a : b}
        onChange={(e) => exploration.store.setState({ kernels: at === 0 ? [e.target.value, b] : [a, e.target.value] })}
      >
        {kernels.map((k) => (
          <option key={k.id} value={k.id}>
            {k.title} ({k.id})
          </option>
        ))}
      </select>
    </label>
  );
}

function Group({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className={css["group"]} role="group" aria-label={label}>
      <span aria-hidden="true">{label}</span>
      <div>{children}</div>
    </div>
  );
}

function Check({ checked, onChange, children }: { checked: boolean; onChange: () => void; children: ReactNode }) {
  return (
    <label className={css["check"]}>
      <input type="checkbox" checked={checked} onChange={onChange} />
      <span>{children}</span>
    </label>
  );
}

function Radio(props: { name: string; checked: boolean; onChange: () => void; children: ReactNode }) {
  const { name, checked, onChange, children } = props;
  return (
    <label className={css["check"]}>
      <input type="radio" name={name} checked={checked} onChange={onChange} />
      <span>{children}</span>
    </label>
  );
}

function within(value: number, least: number, most: number, otherwise: number): number {
  return Number.isInteger(value) ? Math.max(least, Math.min(most, value)) : otherwise;
}
