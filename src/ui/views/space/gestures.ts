/** Wheel, drag, click and double click on the address space. Changes the window in the store; nothing renders. */
import type { Session } from "../../app/session.ts";
import type { Picked } from "../../app/state.ts";
import type { TipHost } from "../../widgets/tip.ts";
import { miniAt } from "./draw_head.ts";
import { HEAD, type SpaceLayout } from "./layout.ts";
import css from "./space.module.css";
import { installPinch } from "./touch.ts";

const WHEEL = 0.0022;
/** Turns of the wheel nearer than this belong together: where things stand on the page is asked for once. */
const TOGETHER_MS = 300;
/** Pixels that a press may move and still be a click. */
const SLACK = 4;

export function installGestures(
  host: HTMLElement,
  session: Session,
  at: SpaceLayout,
  tipOf: (element: Element) => readonly string[] | undefined,
  tip: TipHost,
): () => void {
  const { viewport } = session;
  const plotX = (e: MouseEvent): number => e.clientX - host.getBoundingClientRect().left - at.left;
  const onMap = (e: MouseEvent): boolean => e.clientY - host.getBoundingClientRect().top < 2.2 * at.rem;
  const mapAt = (e: MouseEvent): bigint => miniAt(e.clientX - host.getBoundingClientRect().left, at.left, at.right);
  let press: { x: number; moved: boolean; map: bigint | null } | null = null;

  /** What was hit: a thing, and when it is an interval, which one. */
  const hitOf = (target: Element): { ref: string; picked: Picked | null } | null => {
    const refs = target.closest("[data-ref]")?.getAttribute("data-ref")?.split(" ") ?? [];
    const [first, second] = refs;
    if (first === undefined) return null;
    const named = /^iv:(.*):([0-9a-f]+)$/.exec(first);
    if (named === null) return { ref: first, picked: null };
    const track = session.store
      .getState()
      .frame?.addressSpace.bands.flatMap((b) => b.tracks)
      .find((t) => t.id === named[1]);
    const found =
      track?.intervals.find((i) => i.start.toString(16) === named[2]) ??
      session.dense.find(track?.id ?? "", BigInt(`0x${named[2] ?? "0"}`));
    if (track === undefined || found === undefined) return null;
    return { ref: second ?? found.ref, picked: { track: track.id, start: found.start, last: found.last } };
  };
  /** What stands under the pointer on a track of which only counts are drawn. */
  const denseTip = (e: PointerEvent): string[] | undefined => {
    const px = plotX(e);
    if (px < 0 || px > viewport.width) return undefined;
    const scroller = host.querySelector(`.${css["scroll"] ?? ""}`);
    const y = e.clientY - (scroller?.getBoundingClientRect().top ?? 0) + (scroller?.scrollTop ?? 0);
    for (const [track, place] of at.rows) {
      if (y < place.y || y > place.y + place.h) continue;
      const found = session.dense.around(track, viewport.scale().at(px));
      if (found !== null)
        return [
          `${found.count.toLocaleString("en")} ${found.count === 1 ? "interval" : "intervals"} here`,
          `0x${found.start.toString(16)} - 0x${found.last.toString(16)}`,
        ];
    }
    return undefined;
  };
  // Asking lays the page out, which a frame can do without.
  let known = { until: 0, x: 0, tall: false };
  const wheel = (e: WheelEvent): void => {
    const scroller = host.querySelector(`.${css["scroll"] ?? ""}`);
    if (e.timeStamp > known.until)
      known = {
        until: 0,
        x: host.getBoundingClientRect().left + at.left,
        tall: scroller !== null && scroller.scrollHeight > scroller.clientHeight + 1,
      };
    known.until = e.timeStamp + TOGETHER_MS;
    const scrolls = known.tall && e.target instanceof Node && scroller?.contains(e.target) === true;
    if (scrolls && !e.ctrlKey && !e.shiftKey && Math.abs(e.deltaY) > Math.abs(e.deltaX)) return;
    e.preventDefault();
    const unit = e.deltaMode === 1 ? 16 : 1;
    if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY))
      viewport.pan(((e.deltaX + e.deltaY) * unit) / viewport.width);
    else viewport.zoom(Math.exp(-e.deltaY * unit * WHEEL), Math.min(Math.max(e.clientX - known.x, 0), viewport.width));
  };
  const down = (e: PointerEvent): void => {
    if (e.button !== 0) return;
    press = { x: e.clientX, moved: false, map: onMap(e) ? mapAt(e) : null };
  };
  const move = (e: PointerEvent): void => {
    if (press === null) {
      const lines = (e.target instanceof Element ? tipOf(e.target) : undefined) ?? denseTip(e);
      if (lines === undefined) tip.hide();
      else tip.show(lines, e.clientX, e.clientY);
      return;
    }
    if (!press.moved && Math.abs(e.clientX - press.x) < SLACK) return;
    if (!press.moved) {
      press.moved = true;
      host.setPointerCapture(e.pointerId);
      host.classList.add(css["dragging"] ?? "");
      tip.hide();
    }
    if (press.map !== null) {
      const to = mapAt(e);
      const [lo, hi] = press.map < to ? [press.map, to] : [to, press.map];
      if (hi - lo >= 4096n) viewport.set({ lo, hi });
      return;
    }
    viewport.pan((press.x - e.clientX) / viewport.width);
    press.x = e.clientX;
  };
  const up = (e: PointerEvent): void => {
    if (press !== null && !press.moved && press.map === null && e.target instanceof Element) {
      const hit = hitOf(e.target);
      const { selected, picked } = session.store.getState();
      const same =
        hit !== null &&
        hit.ref === selected &&
        hit.picked?.start === picked?.start &&
        hit.picked?.track === picked?.track;
      if (same) session.select(null);
      else if (hit !== null) session.select(hit.ref, hit.picked);
      else if (plotX(e) > 0 && selected !== null) session.select(null);
    }
    press = null;
    host.classList.remove(css["dragging"] ?? "");
  };
  const twice = (e: MouseEvent): void => {
    if (onMap(e)) {
      viewport.fit();
      return;
    }
    const hit = e.target instanceof Element ? hitOf(e.target) : null;
    const range = hit === null ? null : (hit.picked ?? viewport.rangeOf(hit.ref));
    if (range !== null) viewport.show(range.start, range.last);
    else if (e.clientY - host.getBoundingClientRect().top > HEAD.labels * at.rem) viewport.zoom(4, plotX(e));
  };
  /** The browser took the press, to scroll the tracks, or a second finger came: nothing was clicked. */
  const forget = (): void => {
    press = null;
    host.classList.remove(css["dragging"] ?? "");
  };
  const leave = (): void => tip.hide();
  const stopPinch = installPinch(host, viewport, at.left, forget);

  host.addEventListener("wheel", wheel, { passive: false });
  host.addEventListener("pointerdown", down);
  host.addEventListener("pointermove", move);
  host.addEventListener("pointerup", up);
  host.addEventListener("pointercancel", forget);
  host.addEventListener("pointerleave", leave);
  host.addEventListener("dblclick", twice);
  return () => {
    host.removeEventListener("wheel", wheel);
    host.removeEventListener("pointerdown", down);
    host.removeEventListener("pointermove", move);
    host.removeEventListener("pointerup", up);
    host.removeEventListener("pointercancel", forget);
    stopPinch();
    host.removeEventListener("pointerleave", leave);
    host.removeEventListener("dblclick", twice);
  };
}
