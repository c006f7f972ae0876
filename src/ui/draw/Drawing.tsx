import { useLayoutEffect, useRef } from "react";
import { remPx } from "../widgets/measure.ts";
import type { Mark } from "./marks.ts";
import { Painter } from "./paint.ts";

/** A drawing that follows React: repainted when `marks` change. The picture is for the eye; the table twin carries the words. */
export function Drawing({ marks, width, height }: { marks: readonly Mark[]; width: number; height: number }) {
  const svg = useRef<SVGSVGElement>(null);
  const painter = useRef<Painter | null>(null);
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
  return <svg ref={svg} width={width} height={height} aria-hidden="true" style={{ overflow: "visible" }} />;
}
