import { type PointerEvent, type RefObject, useMemo, useRef, useState } from "react";
import { useSession } from "../../app/context.ts";

/** Pixels that a press may move and still be a click. */
const SLACK = 6;

/** Dragging a row to another place, by mouse or pen; a finger scrolls. `to`: the gap it would go into, 0 = above the first. */
export function useReorder(list: RefObject<HTMLDivElement | null>, tops: Float64Array, rem: number) {
  const session = useSession();
  const [to, setTo] = useState<number | null>(null);
  const last = useRef(false);
  return useMemo(() => {
    const gapAt = (clientY: number): number => {
      const element = list.current;
      if (element === null) return 0;
      const y = (clientY - element.getBoundingClientRect().top + element.scrollTop) / rem;
      let best = 0;
      for (let i = 0; i < tops.length; i++)
        if (Math.abs((tops[i] ?? 0) - y) < Math.abs((tops[best] ?? 0) - y)) best = i;
      return best;
    };
    const down = (e: PointerEvent, step: number): void => {
      last.current = false;
      if (e.button !== 0 || e.pointerType === "touch" || session.store.getState().opened?.text === "") return;
      const y0 = e.clientY;
      let gap: number | null = null;
      const move = (m: globalThis.PointerEvent): void => {
        if (gap === null && Math.abs(m.clientY - y0) < SLACK) return;
        last.current = true;
        gap = gapAt(m.clientY);
        setTo(gap);
        m.preventDefault();
      };
      const stop = (): void => {
        removeEventListener("pointermove", move);
        removeEventListener("pointerup", up);
        removeEventListener("pointercancel", stop);
        removeEventListener("keydown", escape);
        setTo(null);
      };
      const up = (): void => {
        stop();
        if (gap === null) return;
        const place = gap >= step ? gap : gap + 1;
        if (place !== step) void session.editing.change({ kind: "move", from: step, to: place });
      };
      const escape = (k: KeyboardEvent): void => {
        if (k.key === "Escape") stop();
      };
      addEventListener("pointermove", move);
      addEventListener("pointerup", up);
      addEventListener("pointercancel", stop);
      addEventListener("keydown", escape);
    };
    /** Whether the press that just ended was a drag; asked once. */
    const taken = (): boolean => {
      const was = last.current;
      last.current = false;
      return was;
    };
    return { to, down, moved: taken };
  }, [session, list, tops, rem, to]);
}
