import { type FormEvent, useState } from "react";
import type { TableRoot, TablesView } from "../../../engine/views/types.ts";
import { parseAddress } from "../../draw/format.ts";
import css from "./tables.module.css";

const GROUPS: readonly TableRoot["group"][] = ["streams", "page tables", "guest", "queues and caches", "interrupts"];

/** Chooses whose tables are shown, and goes to the entries of an address. */
export function TablesBar(props: {
  view: TablesView;
  /** The view goes with what is walked or picked. */
  follows: boolean;
  onRoot: (root: string) => void;
  onAddress: (address: bigint) => void;
  onFollow: () => void;
}) {
  const { view, follows, onRoot, onAddress, onFollow } = props;
  const [text, setText] = useState("");
  const address = parseAddress(text);
  const bad = text !== "" && address === null;
  const known = view.roots.some((r) => r.ref === view.root);
  const translates = /^(dev|hwpt|s1|container|group):/.test(view.root);
  const go = (e: FormEvent): void => {
    e.preventDefault();
    if (address !== null) onAddress(address);
  };
  return (
    <form className={css["bar"]} onSubmit={go} aria-label="What Tables shows">
      <select aria-label="Tables of" value={known ? view.root : ""} onChange={(e) => onRoot(e.target.value)}>
        {!known && <option value="">{view.root.replace(":", " ")}, not there now</option>}
        {GROUPS.map((group) => {
          const roots = view.roots.filter((r) => r.group === group);
          return roots.length === 0 ? null : (
            <optgroup key={group} label={group}>
              {roots.map((r) => (
                <option key={r.ref} value={r.ref}>
                  {r.title}
                </option>
              ))}
            </optgroup>
          );
        })}
      </select>
      {translates && (
        <>
          <input
            aria-label="Entries of an address"
            aria-invalid={bad}
            placeholder="address 0x..."
            spellCheck={false}
            autoComplete="off"
            value={text}
            onChange={(e) => setText(e.target.value)}
          />
          <button type="submit" disabled={address === null}>
            Go
          </button>
        </>
      )}
      <button type="button" className={css["follow"]} aria-pressed={follows} onClick={onFollow} disabled={follows}>
        follow the walk
      </button>
    </form>
  );
}
