import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import css from "./exports.module.css";
import type { Exported } from "./forms.ts";

const ExportMenu = lazy(() => import("./ExportMenu.tsx"));

/** Opens what a view can be saved as; for a moment it says what was done. */
export function ExportButton({ id, title }: { id: Exported; title: string }) {
  const [at, setAt] = useState<{ right: number; bottom: number; anchor: HTMLElement } | null>(null);
  const [said, say] = useState("");
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (said === "") return undefined;
    const timer = setTimeout(() => say(""), 2600);
    return () => clearTimeout(timer);
  }, [said]);
  const open = (): void => {
    const anchor = button.current;
    if (anchor === null) return;
    const { right, bottom } = anchor.getBoundingClientRect();
    setAt({ right, bottom, anchor });
  };
  const close = (done: string | null): void => {
    setAt(null);
    if (done !== null) {
      say(done.split(" ")[0]?.toLowerCase() ?? "");
      button.current?.focus();
    }
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        className={css["button"]}
        aria-haspopup="menu"
        aria-expanded={at !== null}
        aria-label={`Export ${title}`}
        onClick={() => (at === null ? open() : close(null))}
        onKeyDown={(e) => {
          if (e.key !== "ArrowDown") return;
          e.preventDefault();
          open();
        }}
      >
        <span className={css["swap"]}>
          <span aria-hidden={said !== ""}>export</span>
          <span aria-hidden="true">{said}</span>
        </span>
      </button>
      {at !== null &&
        createPortal(
          <Suspense fallback={null}>
            <ExportMenu id={id} title={title} at={at} onClose={close} />
          </Suspense>,
          document.querySelector("main") ?? document.body,
        )}
    </>
  );
}
