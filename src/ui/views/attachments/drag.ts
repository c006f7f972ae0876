/** A device is dragged onto a page table or an IOAS, in this view or on a track of the address space. */
import type { Ref } from "../../../engine/views/types.ts";
import type { Session } from "../../app/session.ts";
import { thingOf } from "../../menu/open.ts";
import css from "./attachments.module.css";

/** Pixels that a press may move and still be a click. */
const SLACK = 5;
/** Pixels around a thing in which it is meant. */
const NEAR = 12;

export function installDrag(host: HTMLElement, session: Session): () => void {
  const down = (e: PointerEvent): void => {
    const device =
      e.target instanceof Element ? thingOf(e.target.closest("[data-ref]")?.getAttribute("data-ref")) : null;
    if (e.button !== 0 || device?.startsWith("dev:") !== true || session.store.getState().opened?.text === "") return;
    let ghost: HTMLElement | null = null;
    let target: Ref | null = null;
    const move = (m: PointerEvent): void => {
      if (ghost === null && Math.hypot(m.clientX - e.clientX, m.clientY - e.clientY) < SLACK) return;
      ghost ??= document.body.appendChild(
        Object.assign(document.createElement("div"), { className: css["ghost"] ?? "" }),
      );
      target = targetAt(m.clientX, m.clientY);
      ghost.textContent = `${device.slice(4)} → ${target === null ? "…" : target.replace(":", " ")}`;
      ghost.style.left = `${m.clientX + 12}px`;
      ghost.style.top = `${m.clientY + 8}px`;
      m.preventDefault();
    };
    const stop = (): void => {
      ghost?.remove();
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", up);
      removeEventListener("pointercancel", stop);
      removeEventListener("keydown", escape);
    };
    const up = (u: PointerEvent): void => {
      const dragged = ghost !== null;
      const other = thingOf(
        document.elementFromPoint(u.clientX, u.clientY)?.closest("[data-ref]")?.getAttribute("data-ref"),
      );
      stop();
      if (!dragged) return;
      // The click that follows a drag selects nothing.
      addEventListener("click", swallow, { capture: true, once: true });
      setTimeout(() => removeEventListener("click", swallow, true), 0);
      if (target !== null) void session.editing.attach(device, target);
      else if (other !== null && other !== device)
        session.store.setState({
          notice: `A device is attached to a page table or to an IOAS; ${other.replace(":", " ")} is neither, so nothing was done.`,
        });
    };
    const escape = (k: KeyboardEvent): void => {
      if (k.key === "Escape") stop();
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", up);
    addEventListener("pointercancel", stop);
    addEventListener("keydown", escape);
  };
  host.addEventListener("pointerdown", down);
  return () => host.removeEventListener("pointerdown", down);
}

const swallow = (e: Event): void => e.stopPropagation();

/** The page table or IOAS under the pointer, else the nearest one whose words or rule are close. */
function targetAt(x: number, y: number): Ref | null {
  const under = document.elementFromPoint(x, y)?.closest("[data-ref]")?.getAttribute("data-ref");
  const direct = thingOf(under);
  if (direct !== null && isTarget(direct)) return direct;
  let best: { ref: Ref; away: number } | null = null;
  for (const element of document.querySelectorAll("#pane-attachments svg [data-ref]")) {
    const ref = thingOf(element.getAttribute("data-ref"));
    if (ref === null || !isTarget(ref)) continue;
    const box = element.getBoundingClientRect();
    const away = Math.hypot(Math.max(box.left - x, 0, x - box.right), Math.max(box.top - y, 0, y - box.bottom));
    if (away <= NEAR && (best === null || away < best.away)) best = { ref, away };
  }
  return best?.ref ?? null;
}

const isTarget = (ref: Ref): boolean => /^(hwpt|ioas):/.test(ref);
