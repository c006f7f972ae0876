import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { useLab, useSession } from "../app/context.ts";
import { PLACES, placed, VIEWS, type ViewId, widened, without } from "../app/stage.ts";
import css from "./pane.module.css";

/** The title of a view: press it to put another view in its place, to make room for one more, or to take it away. */
export function Switcher({ id, title }: { id: ViewId; title: string }) {
  const [at, setAt] = useState<{ x: number; y: number; anchor: HTMLElement } | null>(null);
  const button = useRef<HTMLButtonElement>(null);
  const open = (): void => {
    const anchor = button.current;
    if (anchor === null) return;
    const box = anchor.getBoundingClientRect();
    setAt({ x: box.left, y: box.bottom, anchor });
  };
  const close = (back: boolean): void => {
    setAt(null);
    if (back) button.current?.focus();
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        aria-haspopup="menu"
        aria-expanded={at !== null}
        title="Show another view here"
        onClick={() => (at === null ? open() : close(false))}
        onKeyDown={(e) => {
          if (e.key !== "ArrowDown") return;
          e.preventDefault();
          open();
        }}
      >
        {title}
        <svg width="7" height="5" viewBox="0 0 9 6" aria-hidden="true">
          <path d="M.7.9 4.5 4.7 8.3.9" fill="none" stroke="currentColor" strokeWidth="1.5" />
        </svg>
      </button>
      {at !== null &&
        createPortal(<Menu id={id} at={at} onClose={close} />, document.querySelector("main") ?? document.body)}
    </>
  );
}

function Menu(props: {
  id: ViewId;
  /** Below the title that opened it, pixels of the window. */
  at: { x: number; y: number; anchor: HTMLElement };
  onClose: (back: boolean) => void;
}) {
  const { id, at, onClose } = props;
  const { anchor } = at;
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
        e.target instanceof Node && (menu.current?.contains(e.target) === true || anchor.contains(e.target));
      if (!inside) onClose(false);
    };
    addEventListener("pointerdown", outside, true);
    addEventListener("resize", outside);
    return () => {
      removeEventListener("pointerdown", outside, true);
      removeEventListener("resize", outside);
    };
  }, [onClose, anchor]);

  const show = (view: ViewId): void => {
    if (maximised) store.setState({ maximised: view });
    else store.setState({ stage: placed(stage, stage.indexOf(id), view) });
    onClose(false);
    requestAnimationFrame(() => document.querySelector<HTMLElement>(`#title-${view} button`)?.focus());
  };
  const change = (next: readonly ViewId[]): void => {
    store.setState({ stage: next, maximised: null });
    onClose(next.includes(id));
  };
  const keys = (e: KeyboardEvent): void => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const items = [...(menu.current?.querySelectorAll<HTMLElement>("button") ?? [])];
    const now = items.findIndex((i) => i === document.activeElement);
    const digit = VIEWS.find((v) => v.key.code === e.code);
    if (e.key === "Escape") onClose(true);
    else if (e.key === "Tab") onClose(true);
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
