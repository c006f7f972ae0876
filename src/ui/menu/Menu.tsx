import { type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { NextStep } from "../../engine/views/types.ts";
import { useLab, useSession } from "../app/context.ts";
import { Hex } from "../widgets/Hex.tsx";
import { type Entry, ownEntries } from "./items.ts";
import css from "./menu.module.css";

/** Everything that can be done with a thing after this step, with the result that it would have. */
export function Menu({ at }: { at: { ref: string; x: number; y: number } }) {
  const session = useSession();
  const written = useLab((s) => s.opened?.text !== "");
  const [actions, setActions] = useState<NextStep[] | null>(null);
  const [place, setPlace] = useState({ left: at.x, top: at.y });
  const menu = useRef<HTMLDivElement>(null);
  const back = useRef<Element | null>(null);

  const close = (focus: boolean): void => {
    session.store.setState({ menu: null });
    if (focus && back.current instanceof HTMLElement) back.current.focus({ preventScroll: true });
  };

  useEffect(() => {
    let wanted = true;
    const fixed = at.ref.startsWith("step:") || at.ref.startsWith("branch:") || !written;
    void (fixed ? Promise.resolve([]) : session.editing.actions(at.ref)).then((found) => {
      if (wanted) setActions(found);
    });
    return () => {
      wanted = false;
    };
  }, [session, at, written]);

  useEffect(() => {
    back.current = document.activeElement;
    menu.current?.querySelector<HTMLElement>('[role="menuitem"]')?.focus();
    const outside = (e: PointerEvent): void => {
      if (e.target instanceof Node && menu.current?.contains(e.target) !== true) session.store.setState({ menu: null });
    };
    addEventListener("pointerdown", outside, true);
    return () => removeEventListener("pointerdown", outside, true);
  }, [session, at]);

  // Inside the window, whatever its size.
  useLayoutEffect(() => {
    const box = menu.current?.getBoundingClientRect();
    if (box === undefined) return;
    setPlace({
      left: Math.max(4, Math.min(at.x, innerWidth - box.width - 4)),
      top: Math.max(4, Math.min(at.y, innerHeight - box.height - 4)),
    });
  }, [at, actions]);

  const keys = (e: KeyboardEvent): void => {
    const items = [...(menu.current?.querySelectorAll<HTMLElement>('[role="menuitem"]') ?? [])];
    const now = items.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: items.length - 1 }[e.key];
    if (to !== undefined) items.at(to % Math.max(1, items.length))?.focus();
    else if (e.key === "Escape" || e.key === "Tab") close(true);
    else return;
    e.preventDefault();
    e.stopPropagation();
  };

  const own = ownEntries(session, session.store.getState(), at.ref);
  const done = (actions ?? []).map((a): Entry => ({
    title: a.text,
    end: a.result,
    bad: !a.ok,
    run: () => void session.editing.put(a.line),
  }));
  const item = (e: Entry): React.ReactNode => (
    <button
      key={e.title}
      type="button"
      role="menuitem"
      tabIndex={-1}
      aria-label={e.end === "" ? e.title : `${e.title}: ${e.end}`}
      onClick={() => {
        close(true);
        e.run();
      }}
    >
      <span>
        <Hex>{e.title}</Hex>
      </span>
      <i data-bad={e.bad === true ? "" : undefined}>
        <Hex>{e.end}</Hex>
      </i>
    </button>
  );
  return (
    <div
      ref={menu}
      className={css["menu"]}
      style={place}
      role="menu"
      tabIndex={-1}
      aria-label={`What can be done with ${at.ref.replace(":", " ")}`}
      aria-busy={actions === null}
      onKeyDown={keys}
    >
      <p role="presentation">{at.ref.replace(":", " ")}</p>
      {done.map(item)}
      {done.length > 0 && <div className={css["rule"]} aria-hidden="true" />}
      {own.map(item)}
    </div>
  );
}
