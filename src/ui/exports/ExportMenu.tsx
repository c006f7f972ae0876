import { type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useSession } from "../app/context.ts";
import css from "./exports.module.css";
import { type Exported, type FormId, formsOf, WHOLE_FORMS } from "./forms.ts";
import { exportAs } from "./make.ts";

/** The forms of one view, then those of the whole scenario. */
export default function ExportMenu(props: {
  id: Exported;
  title: string;
  /** The corner of the button below which it hangs, pixels of the window. */
  at: { right: number; bottom: number; anchor: HTMLElement };
  /** With what was done; null: nothing was chosen and the focus went elsewhere. */
  onClose: (done: string | null) => void;
}) {
  const { id, title, at, onClose } = props;
  const { anchor } = at;
  const session = useSession();
  const menu = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState<{ left: number; top: number } | null>(null);
  const [busy, setBusy] = useState<FormId | null>(null);
  useLayoutEffect(() => {
    const box = menu.current?.getBoundingClientRect();
    if (box === undefined) return;
    const left = Math.max(8, Math.min(at.right - box.width + 10, innerWidth - box.width - 8));
    const below = at.bottom + 4;
    const top = below + box.height <= innerHeight ? below : Math.max(8, innerHeight - box.height - 8);
    setPlace({ left, top });
  }, [at]);
  const shown = place !== null;
  useEffect(() => {
    if (shown) menu.current?.querySelector<HTMLElement>("button")?.focus();
  }, [shown]);
  useEffect(() => {
    const outside = (e: Event): void => {
      const inside =
        e.target instanceof Node && (menu.current?.contains(e.target) === true || anchor.contains(e.target));
      if (!inside) onClose(null);
    };
    addEventListener("pointerdown", outside, true);
    addEventListener("resize", outside);
    return () => {
      removeEventListener("pointerdown", outside, true);
      removeEventListener("resize", outside);
    };
  }, [onClose, anchor]);

  const choose = async (form: FormId): Promise<void> => {
    if (busy !== null) return;
    setBusy(form);
    onClose(await exportAs(session, id, title, form));
  };
  const keys = (e: KeyboardEvent): void => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const items = [...(menu.current?.querySelectorAll<HTMLElement>("button") ?? [])];
    const now = items.findIndex((i) => i === document.activeElement);
    if (e.key === "Escape" || e.key === "Tab") onClose("");
    else if (e.key === "ArrowDown") items[(now + 1) % items.length]?.focus();
    else if (e.key === "ArrowUp") items[(now - 1 + items.length) % items.length]?.focus();
    else if (e.key === "Home") items[0]?.focus();
    else if (e.key === "End") items.at(-1)?.focus();
    else if (e.key === "Enter" || e.key === " ") return;
    e.preventDefault();
    e.stopPropagation();
  };
  const group = (name: string, forms: readonly { id: FormId; title: string; about: string }[]) =>
    forms.length > 0 && (
      <div role="group" aria-label={name}>
        <p aria-hidden="true">{name}</p>
        {forms.map((f) => (
          <button
            key={f.id}
            type="button"
            role="menuitem"
            tabIndex={-1}
            data-form={f.id}
            aria-disabled={busy !== null}
            onClick={() => void choose(f.id)}
          >
            <span>{f.title}</span>
            <small>{busy === f.id ? "…" : f.about}</small>
          </button>
        ))}
      </div>
    );
  return (
    <div
      ref={menu}
      className={css["menu"]}
      style={{ left: place?.left ?? 0, top: place?.top ?? 0, visibility: shown ? "visible" : "hidden" }}
      role="menu"
      tabIndex={-1}
      aria-label={`Export ${title}`}
      onKeyDown={keys}
    >
      {group(title, formsOf(id))}
      {group("Scenario", WHOLE_FORMS)}
    </div>
  );
}
