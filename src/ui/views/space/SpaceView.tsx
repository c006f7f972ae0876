import { useEffect, useLayoutEffect, useMemo, useRef } from "react";
import { useLab, useSession } from "../../app/context.ts";
import { Painter } from "../../draw/paint.ts";
import { useBox } from "../../widgets/measure.ts";
import { Empty, Pane } from "../../widgets/Pane.tsx";
import { useTip } from "../../widgets/Tip.tsx";
import { Legend } from "./Legend.tsx";
import { SpaceActions } from "./SpaceActions.tsx";
import { SpaceTable } from "./SpaceTable.tsx";
import { arranged } from "./arrange.ts";
import { DenseCanvas, nearby } from "./dense.ts";
import { drawBody, drawHead } from "./draw.ts";
import { installGestures } from "./gestures.ts";
import { installMapping } from "./mapping.ts";
import { HEAD, layoutSpace } from "./layout.ts";
import { spaceModel } from "./model.ts";
import { scrollable } from "../../widgets/scroll.ts";
import css from "./space.module.css";

/** The hero: one axis, three bands in the order of translation, ribbons in the gutters, the access as the only accent line. */
export function SpaceView() {
  const session = useSession();
  const tip = useTip();
  const frame = useLab((s) => s.frame);
  const ghost = useLab((s) => s.ghost);
  const atlas = useLab((s) => s.atlas);
  const picked = useLab((s) => s.picked);
  const name = useLab((s) => s.catalogue?.kernels.find((k) => k.id === s.compare)?.title ?? "");
  const hidden = useLab((s) => s.hidden);
  const pinned = useLab((s) => s.pinned);
  const host = useRef<HTMLDivElement>(null);
  const head = useRef<SVGSVGElement>(null);
  const body = useRef<SVGSVGElement>(null);
  const under = useRef<HTMLCanvasElement>(null);
  const painters = useRef<{ head: Painter; body: Painter; dense: DenseCanvas } | null>(null);
  const box = useBox(host);
  const model = useMemo(
    () =>
      frame === null || atlas === null ? null : arranged(spaceModel(frame, ghost, name, atlas, picked), hidden, pinned),
    [frame, ghost, name, atlas, picked, hidden, pinned],
  );
  const at = useMemo(
    () =>
      model === null || box.width === 0
        ? null
        : layoutSpace(model.bands, box.width, box.height - HEAD.height * box.rem, box.rem),
    [model, box],
  );

  useLayoutEffect(() => {
    if (head.current === null || body.current === null || under.current === null) return undefined;
    const made = {
      head: new Painter(head.current),
      body: new Painter(body.current),
      dense: new DenseCanvas(under.current),
    };
    painters.current = made;
    return () => {
      made.head.remove();
      made.body.remove();
      painters.current = null;
    };
  }, []);

  useLayoutEffect(() => {
    if (model === null || at === null) return undefined;
    const { viewport, store, dense } = session;
    let waiting = 0;
    const paint = (): void => {
      waiting = 0;
      viewport.resize(at.right - at.left, 1.75 * at.rem);
      const scale = viewport.scale();
      const { model: near, fills } = nearby(model, scale, at, dense);
      painters.current?.head.paint(drawHead(near, scale, at, store.getState().step), at.rem);
      painters.current?.body.paint(drawBody(near, scale, at), at.rem);
      painters.current?.dense.paint(fills, at);
    };
    const later = (): void => {
      if (waiting === 0) waiting = requestAnimationFrame(paint);
    };
    const stopDense = dense.watch(later);
    paint();
    // The printed picture had another width.
    addEventListener("afterprint", later);
    const stop = store.subscribe((now, old) => {
      if (now.window !== old.window || now.trueScale !== old.trueScale) later();
    });
    return () => {
      stop();
      stopDense();
      removeEventListener("afterprint", later);
      cancelAnimationFrame(waiting);
    };
  }, [session, model, at]);

  useEffect(() => {
    if (host.current === null || at === null) return undefined;
    const stopMapping = installMapping(host.current, session, at);
    const stopGestures = installGestures(
      host.current,
      session,
      at,
      (element) => painters.current?.head.tip(element) ?? painters.current?.body.tip(element),
      tip,
    );
    return () => {
      stopMapping();
      stopGestures();
    };
  }, [session, at, tip]);

  const height = at === null ? 0 : HEAD.height * at.rem;
  return (
    <Pane id="space" title="Address space" legend={<Legend />} actions={<SpaceActions />} twin={<SpaceTable />}>
      <div ref={host} className={css["host"]} data-testid="space">
        <svg ref={head} className={css["head"]} width={box.width} height={height} aria-hidden="true" />
        <div className={css["scroll"]} {...scrollable("Tracks")}>
          <canvas ref={under} className={css["under"]} width={0} height={0} aria-hidden="true" />
          <svg ref={body} className={css["body"]} width={box.width} height={at?.height ?? 0} aria-hidden="true" />
        </div>
        {model !== null && model.bands.every((b) => b.rows.length === 0) && (
          <Empty>No address space exists yet. Step on with the full stop key.</Empty>
        )}
      </div>
    </Pane>
  );
}
