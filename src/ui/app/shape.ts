import { useEffect, useState } from "react";
import { remPx } from "../widgets/measure.ts";

/** How much room there is, in units of the text, not of the screen: a classroom's large letters make a screen narrow. */
export interface Shape {
  rem: number;
  tight: boolean;
  narrow: boolean;
  /** Too little for columns: all panes but Steps and Timeline stand in one column that scrolls. */
  stacked: boolean;
  short: boolean;
}

function measure(): Shape {
  const rem = remPx();
  const width = innerWidth / rem;
  return { rem, tight: width < 119, narrow: width < 110, stacked: width < 100, short: innerHeight / rem < 66 };
}

/** `text` only asks to measure again when the size of the text was changed. */
export function useShape(text: string): Shape {
  const [shape, set] = useState(measure);
  useEffect(() => {
    const update = (): void =>
      set((old) => {
        const now = measure();
        return old.rem === now.rem &&
          old.tight === now.tight &&
          old.narrow === now.narrow &&
          old.stacked === now.stacked &&
          old.short === now.short
          ? old
          : now;
      });
    update();
    addEventListener("resize", update);
    return () => removeEventListener("resize", update);
  }, [text]);
  return shape;
}
