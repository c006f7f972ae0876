import { type ReactNode, useEffect, useRef } from "react";
import css from "./dialog.module.css";

/** A modal of the browser's own: focus stays inside, Escape closes, focus returns to where it was. */
export function Dialog({
  label,
  wide = false,
  onClose,
  children,
}: {
  label: string;
  wide?: boolean;
  onClose: () => void;
  children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const back = document.activeElement;
    dialog.current?.showModal();
    dialog.current?.querySelector<HTMLElement>("[data-first]")?.focus();
    return () => {
      if (back instanceof HTMLElement) back.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className={css["dialog"]}
      data-wide={wide ? "" : undefined}
      aria-label={label}
      onClose={onClose}
      onClick={(e) => {
        if (e.target === e.currentTarget) e.currentTarget.close();
      }}
      onKeyDown={(e) => e.stopPropagation()}
    >
      <div className={css["inside"]}>{children}</div>
    </dialog>
  );
}
