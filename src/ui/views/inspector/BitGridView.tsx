import { type PointerEvent, useEffect, useLayoutEffect, useMemo, useRef } from "react";
import type { BitGrid } from "../../../engine/views/types.ts";
import { hex } from "../../draw/format.ts";
import { Painter } from "../../draw/paint.ts";
import { Hex } from "../../widgets/Hex.tsx";
import { useBox } from "../../widgets/measure.ts";
import { useTip } from "../../widgets/Tip.tsx";
import { drawBits } from "./bits.ts";
import css from "./inspector.module.css";

/** A structure's words, bit by bit. */
export function BitGridView({ grid, alone }: { grid: BitGrid; alone: boolean }) {
  const host = useRef<HTMLDivElement>(null);
  const svg = useRef<SVGSVGElement>(null);
  const painter = useRef<Painter | null>(null);
  const tip = useTip();
  const box = useBox(host);
  const drawing = useMemo(() => (box.width === 0 ? null : drawBits(grid, box.width, box.rem)), [grid, box]);
  const guest = grid.words.some((w) => w.fields.some((f) => f.from === "guest"));
  useLayoutEffect(() => {
    if (svg.current !== null) painter.current = new Painter(svg.current);
    return () => painter.current?.remove();
  }, []);
  useLayoutEffect(() => {
    if (drawing !== null) painter.current?.paint(drawing.marks, box.rem);
  }, [drawing, box.rem]);
  useEffect(() => () => tip.hide(), [tip]);
  const point = (e: PointerEvent): void => {
    const lines = e.target instanceof Element ? painter.current?.tip(e.target) : undefined;
    if (lines === undefined) tip.hide();
    else tip.show(lines, e.clientX, e.clientY);
  };
  return (
    <figure className={css["grid"]}>
      {!alone && (
        <figcaption>
          {grid.title}
          {grid.address !== undefined && (
            <span>
              {" "}
              at <Hex>{hex(grid.address)}</Hex>
            </span>
          )}
        </figcaption>
      )}
      <div ref={host} onPointerMove={point} onPointerLeave={() => tip.hide()}>
        <svg
          ref={svg}
          width={box.width}
          height={drawing?.height ?? 0}
          aria-hidden="true"
          style={{ overflow: "visible" }}
        />
      </div>
      <p className={css["source"]}>
        {guest && (
          <>
            <i /> from the guest; the rest is written by the host.{" "}
          </>
        )}
        {grid.spec}
      </p>
    </figure>
  );
}
