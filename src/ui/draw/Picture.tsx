import { useEffect, useLayoutEffect, useRef } from "react";
import { remPx } from "../widgets/measure.ts";
import { useTip } from "../widgets/Tip.tsx";
import type { Mark } from "./marks.ts";
import { Painter } from "./paint.ts";

/** A drawing whose marks answer: their tips show under the pointer, a click tells the refs of the mark. Its table twin carries the words. */
export function Picture(props: {
  marks: readonly Mark[];
  width: number;
  height: number;
  onPick?: (refs: readonly string[]) => void;
}) {
  const { marks, width, height, onPick } = props;
  const svg = useRef<SVGSVGElement>(null);
  const painter = useRef<Painter | null>(null);
  const tip = useTip();
  useLayoutEffect(() => {
    if (svg.current === null) return undefined;
    const made = new Painter(svg.current);
    painter.current = made;
    return () => {
      made.remove();
      painter.current = null;
    };
  }, []);
  useLayoutEffect(() => painter.current?.paint(marks, remPx()), [marks]);
  useEffect(() => {
    const element = svg.current;
    if (element === null) return undefined;
    const over = (e: PointerEvent): void => {
      const lines = e.target instanceof Element ? painter.current?.tip(e.target) : undefined;
      if (lines === undefined || lines.length === 0) tip.hide();
      else tip.show(lines, e.clientX, e.clientY);
    };
    const out = (): void => tip.hide();
    const pick = (e: MouseEvent): void => {
      const refs = e.target instanceof Element ? e.target.closest("[data-ref]")?.getAttribute("data-ref") : null;
      if (refs !== null && refs !== undefined) onPick?.(refs.split(" "));
    };
    element.addEventListener("pointermove", over);
    element.addEventListener("pointerleave", out);
    element.addEventListener("click", pick);
    return () => {
      element.removeEventListener("pointermove", over);
      element.removeEventListener("pointerleave", out);
      element.removeEventListener("click", pick);
    };
  }, [tip, onPick]);
  return <svg ref={svg} width={width} height={height} aria-hidden="true" style={{ overflow: "visible" }} />;
}
