import { type ReactNode, useEffect, useRef } from "react";
import css from "./dialog.module.css";

/** A modal of the browser's own: focus stays inside, Escape or a press outside closes, focus returns to where it was. */
export function Dialog(props: { label: string; wide?: boolean; onClose: () => void; children: ReactNode }) {
  const { label, wide = false, onClose, children } = props;
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    const back = document.activeElement;
    dialog?.showModal();
    dialog?.querySelector<HTMLElement>("[data-first]")?.focus();
    const outside = (e: MouseEvent): void => {
      if (e.target === dialog) dialog?.close();
    };
    dialog?.addEventListener("click", outside);
    return () => {
      dialog?.removeEventListener("click", outside);
      if (back instanceof HTMLElement) back.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={ref}
      className={css["dialog"]}
      data-wide={wide ? "" : undefined}
      aria-label={label}
      // Escape: gone at once, so that the next key finds the page and not a dialog on its way out.
      onCancel={(e) => {
        e.preventDefault();
        onClose();
      }}
      onClose={onClose}
    >
      <div className={css["inside"]}>{children}</div>
    </dialog>
  );
}
