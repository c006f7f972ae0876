import { type RefObject, useLayoutEffect, useState } from "react";

/** Pixels of one rem. Asking the browser lays the page out, so it is kept until the window or the setting changes. */
export function remPx(): number {
  const root = document.documentElement;
  const text = root.dataset["text"] ?? "";
  if (known === null || known.text !== text) {
    known = { text, px: Number.parseFloat(getComputedStyle(root).fontSize) };
  }
  return known.px;
}

let known: { text: string; px: number } | null = null;

// Before anybody who measures anew for the same reason.
if (typeof addEventListener === "function")
  addEventListener(
    "resize",
    () => {
      known = null;
    },
    { capture: true },
  );

export interface Box {
  width: number;
  height: number;
  rem: number;
}

/** Inner size of an element, followed. Zero before the first layout. */
export function useBox(ref: RefObject<HTMLElement | null>): Box {
  const [box, setBox] = useState<Box>({ width: 0, height: 0, rem: 12 });
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return undefined;
    const measure = (): void => {
      const next = { width: element.clientWidth, height: element.clientHeight, rem: remPx() };
      setBox((old) => (old.width === next.width && old.height === next.height && old.rem === next.rem ? old : next));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return box;
}
