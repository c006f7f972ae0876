/** A range dragged out on an IOAS maps it, a click on a mapped area unmaps it: while the tool is on, or Alt is held. */
import type { Ref, Track } from "../../../engine/views/types.ts";
import type { Session } from "../../app/session.ts";
import { range as rangeText, size } from "../../draw/format.ts";
import type { SpaceLayout } from "./layout.ts";
import css from "./space.module.css";

const PAGE = 4096n;
/** Pixels that a press may move and still be a click. */
const SLACK = 4;

export function installMapping(host: HTMLElement, session: Session, at: SpaceLayout): () => void {
  const scroller = (): Element | null => host.querySelector(`.${css["scroll"] ?? ""}`);
  const plotX = (clientX: number): number =>
    Math.min(Math.max(clientX - host.getBoundingClientRect().left - at.left, 0), session.viewport.width);
  /** The IOAS track under the pointer, with where its row stands in the host. */
  const trackAt = (clientY: number): { track: Track; top: number; height: number } | null => {
    const box = scroller();
    if (box === null) return null;
    const top = box.getBoundingClientRect().top;
    const y = clientY - top + box.scrollTop;
    for (const band of session.store.getState().frame?.addressSpace.bands ?? [])
      for (const track of band.tracks) {
        const place = at.rows.get(track.id);
        if (place === undefined || y < place.y - 2 || y > place.y + place.h + 2 || !track.ref.startsWith("ioas:"))
          continue;
        return { track, top: top - host.getBoundingClientRect().top - box.scrollTop + place.y, height: place.h };
      }
    return null;
  };
  const span = (x0: number, x1: number): { start: bigint; last: bigint } => {
    const scale = session.viewport.scale();
    const [a, b] = [scale.at(Math.min(x0, x1)), scale.at(Math.max(x0, x1))];
    return snapped(a, b, scale.at(Math.min(x0, x1) + 1) - a);
  };
  const down = (e: PointerEvent): void => {
    const { mapping, opened } = session.store.getState();
    if (e.button !== 0 || !(mapping || e.altKey) || opened === null || opened.text === "") return;
    const row = trackAt(e.clientY);
    if (row === null || e.clientX - host.getBoundingClientRect().left < at.left) return;
    e.stopImmediatePropagation();
    e.preventDefault();
    const x0 = plotX(e.clientX);
    let mark: HTMLElement | null = null;
    const move = (m: PointerEvent): void => {
      const x1 = plotX(m.clientX);
      if (mark === null && Math.abs(x1 - x0) < SLACK) return;
      mark ??= host.appendChild(Object.assign(document.createElement("div"), { className: css["asked"] ?? "" }));
      const { start, last } = span(x0, x1);
      mark.textContent = `${rangeText(start, last)}  ${size(last - start + 1n)}`;
      mark.style.left = `${at.left + Math.min(x0, x1)}px`;
      mark.style.width = `${Math.abs(x1 - x0)}px`;
      mark.style.top = `${row.top}px`;
      mark.style.height = `${row.height}px`;
    };
    const stop = (): void => {
      mark?.remove();
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", up);
      removeEventListener("pointercancel", stop);
      removeEventListener("keydown", escape);
    };
    const up = (u: PointerEvent): void => {
      const dragged = mark !== null;
      stop();
      if (dragged) void session.editing.map(row.track.ref, span(x0, plotX(u.clientX)));
      else unmapAt(session, row.track, session.viewport.scale().at(x0), u.target);
    };
    const escape = (k: KeyboardEvent): void => {
      if (k.key === "Escape") stop();
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", up);
    addEventListener("pointercancel", stop);
    addEventListener("keydown", escape);
  };
  host.addEventListener("pointerdown", down, { capture: true });
  return () => host.removeEventListener("pointerdown", down, { capture: true });
}

/** The area that was hit as it is drawn (small ones are drawn wider than they are), else the one at the address. */
function unmapAt(session: Session, track: Track, address: bigint, target: EventTarget | null): void {
  const drawn = target instanceof Element ? target.closest("[data-ref]")?.getAttribute("data-ref") : null;
  const named = (drawn ?? "").split(" ").find((r) => r.startsWith("area:"));
  // Any of the rows of the IOAS will do: what is mapped stands in one of them.
  const rows = (session.store.getState().frame?.addressSpace.bands ?? []).flatMap((b) => b.tracks);
  const areas = rows.filter((t) => t.ref === track.ref).flatMap((t) => t.intervals);
  const found: Ref | undefined =
    named ?? areas.find((i) => i.ref.startsWith("area:") && i.start <= address && i.last >= address)?.ref;
  if (found !== undefined) void session.editing.unmap(found);
}

/** Whole pages; as coarse as the picture is, so that the numbers are ones that a person would write. */
export function snapped(a: bigint, b: bigint, pixel: bigint): { start: bigint; last: bigint } {
  let grain = PAGE;
  while (grain * 2n <= pixel) grain *= 2n;
  const start = (a / grain) * grain;
  const end = ((b + grain - 1n) / grain) * grain;
  return { start, last: (end > start ? end : start + grain) - 1n };
}
