import { type RefObject, useLayoutEffect, useState } from "react";

/** Pixels of one rem, now. */
export function remPx(): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
}

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
