import type { MachineFunction, MachineView } from "../../../engine/views/types.ts";
import { useLab, useSession } from "../../app/context.ts";
import { short } from "./layout.ts";
import css from "./machine.module.css";

/** Chooses whose write is followed to whom. */
export function Peers({ view }: { view: MachineView }) {
  const { store } = useSession();
  const pair = useLab((s) => s.peers);
  const senders = view.functions.filter((f) => f.present && !f.bridge && f.rid > 0);
  const targets = view.functions.filter((f) => f.present && f.ranges.some((r) => r.name.startsWith("BAR")));
  const choose = (from: string, to: string): void => {
    store.setState({ peers: from === "" || to === "" ? null : { from, to } });
  };
  const from = pair?.from ?? "";
  const to = pair?.to ?? "";
  const first = (not: string): string => targets.find((f) => f.bdf !== not && !f.bridge)?.bdf ?? "";
  const start = (not: string): string => senders.find((f) => f.bdf !== not)?.bdf ?? "";
  return (
    <form className={css["peers"]} aria-label="Peer to peer" onSubmit={(e) => e.preventDefault()}>
      <span>peer to peer</span>
      <select
        aria-label="A write from"
        value={from}
        onChange={(e) => choose(e.target.value, to === "" || to === e.target.value ? first(e.target.value) : to)}
      >
        <option value="">from</option>
        {senders.map(option)}
      </select>
      <span aria-hidden="true">→</span>
      <select
        aria-label="to a BAR of"
        value={to}
        onChange={(e) => choose(from === "" || from === e.target.value ? start(e.target.value) : from, e.target.value)}
      >
        <option value="">to</option>
        {targets.map(option)}
      </select>
      {pair !== null && (
        <button type="button" onClick={() => choose("", "")}>
          Clear
        </button>
      )}
      <Key />
    </form>
  );
}

function option(f: MachineFunction) {
  return (
    <option key={f.bdf} value={f.bdf}>
      {[f.alias, short(f.bdf), f.name].filter((x) => x !== "").join(" ")}
    </option>
  );
}

/** What the squares of the ACS column mean. */
function Key() {
  return (
    <span className={css["key"]} aria-hidden="true">
      <i data-acs="on" /> on <i data-acs="off" /> off <i data-acs="missing" /> off, and a group boundary needs it
    </span>
  );
}
