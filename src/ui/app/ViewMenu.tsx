import { type KeyboardEvent, useEffect, useRef } from "react";
import { createPortal, flushSync } from "react-dom";
import css from "../widgets/pane.module.css";
import { useLab, useSession } from "./context.ts";
import { PLACES, placed, VIEWS, type ViewId, widened, without } from "./stage.ts";

const titleOf = (id: ViewId): HTMLElement | null => document.querySelector<HTMLElement>(`#title-${id} button`);

/** The menu of a view's title, while it is open: another view in its place, room for one more, or none. */
export function ViewMenu({ id }: { id: ViewId }) {
  const at = useLab((s) => (s.switching?.id === id ? s.switching : null));
  return at === null ? null : createPortal(<Menu id={id} at={at} />, document.querySelector("main") ?? document.body);
}

/** `at`: below the title that opened it, pixels of the window. */
function Menu({ id, at }: { id: ViewId; at: { x: number; y: number } }) {
  const { store } = useSession();
  const stage = useLab((s) => s.stage);
  const maximised = useLab((s) => s.maximised === id);
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => {
    menu.current?.querySelector<HTMLElement>('[aria-checked="true"]')?.focus();
  }, []);
  useEffect(() => {
    const outside = (e: Event): void => {
      const inside =
        e.target instanceof Node &&
        (menu.current?.contains(e.target) === true || titleOf(id)?.contains(e.target) === true);
      if (!inside) store.setState({ switching: null });
    };
    addEventListener("pointerdown", outside, true);
    addEventListener("resize", outside);
    return () => {
      removeEventListener("pointerdown", outside, true);
      removeEventListener("resize", outside);
    };
  }, [store, id]);

  const close = (): void => {
    store.setState({ switching: null });
    titleOf(id)?.focus();
  };
  const show = (view: ViewId): void => {
    const there = maximised ? { maximised: view } : { stage: placed(stage, stage.indexOf(id), view) };
    flushSync(() => store.setState({ ...there, switching: null }));
    titleOf(view)?.focus();
  };
  const change = (next: readonly ViewId[]): void => {
    if (next.includes(id)) close();
    store.setState({ stage: next, maximised: null, switching: null });
  };
  const keys = (e: KeyboardEvent): void => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const items = [...(menu.current?.querySelectorAll<HTMLElement>("button") ?? [])];
    const now = items.findIndex((i) => i === document.activeElement);
    const digit = VIEWS.find((v) => v.key.code === e.code);
    if (e.key === "Escape") close();
    else if (e.key === "Tab") close();
    else if (e.key === "ArrowDown") items[(now + 1) % items.length]?.focus();
    else if (e.key === "ArrowUp") items[(now - 1 + items.length) % items.length]?.focus();
    else if (e.key === "Home") items[0]?.focus();
    else if (e.key === "End") items.at(-1)?.focus();
    else if (digit !== undefined) show(digit.id);
    else if (e.key === "Enter" || e.key === " ") return;
    e.preventDefault();
    e.stopPropagation();
  };
  const other = (text: string, next: readonly ViewId[], about: string) => (
    <button
      type="button"
      role="menuitem"
      tabIndex={-1}
      aria-disabled={next === stage && !maximised}
      onClick={() => {
        if (next !== stage || maximised) change(next);
      }}
    >
      <span />
      <span>{text}</span>
      <small>{about}</small>
    </button>
  );
  return (
    <div
      ref={menu}
      className={css["menu"]}
      style={{ left: at.x - 10, top: at.y + 4 }}
      role="menu"
      tabIndex={-1}
      aria-label="View in this place"
      onKeyDown={keys}
    >
      {VIEWS.map((v) => (
        <button
          key={v.id}
          type="button"
          role="menuitemradio"
          aria-checked={v.id === id}
          tabIndex={-1}
          onClick={() => show(v.id)}
        >
          <span aria-hidden="true">{v.id === id ? "●" : stage.includes(v.id) ? "○" : ""}</span>
          <span>{v.title}</span>
          <small>{v.about}</small>
          <kbd>{v.key.label}</kbd>
        </button>
      ))}
      <hr />
      {other("One more", stage.length < PLACES ? widened(stage) : stage, `a place below, ${PLACES} at most`)}
      {other("Only this", stage.length === 1 && stage[0] === id ? stage : [id], "the whole stage")}
      {other("Take away", without(stage, id), "the others get its room")}
    </div>
  );
}
