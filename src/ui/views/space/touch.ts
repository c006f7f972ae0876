/** Two fingers on the address space: apart and together zooms, sideways pans. One finger is the gestures' business. */
import type { Viewport } from "../../app/viewport.ts";

/**
 * Takes over while two touches are down, before anybody else sees them; `taken` is told, so that a drag that one finger
 * began is forgotten. `left` is where the plot begins, pixels from the host's left edge.
 */
export function installPinch(host: HTMLElement, viewport: Viewport, left: number, taken: () => void): () => void {
  const fingers = new Map<number, number>();
  let pinching = false;
  const plotX = (clientX: number): number => clientX - host.getBoundingClientRect().left - left;
  const spread = (): { middle: number; apart: number } => {
    const [a = 0, b = 0] = fingers.values();
    return { middle: (a + b) / 2, apart: Math.max(Math.abs(a - b), 8) };
  };
  const down = (e: PointerEvent): void => {
    if (e.pointerType !== "touch") return;
    if (fingers.size < 2) fingers.set(e.pointerId, e.clientX);
    if (fingers.size === 2) {
      pinching = true;
      taken();
      e.stopImmediatePropagation();
    }
  };
  const move = (e: PointerEvent): void => {
    if (!fingers.has(e.pointerId)) return;
    if (fingers.size < 2) {
      fingers.set(e.pointerId, e.clientX);
      if (pinching) e.stopImmediatePropagation();
      return;
    }
    const before = spread();
    fingers.set(e.pointerId, e.clientX);
    const now = spread();
    viewport.pan((before.middle - now.middle) / viewport.width);
    if (now.apart !== before.apart)
      viewport.zoom(now.apart / before.apart, Math.min(Math.max(plotX(now.middle), 0), viewport.width));
    e.stopImmediatePropagation();
  };
  const up = (e: PointerEvent): void => {
    if (!fingers.delete(e.pointerId) || !pinching) return;
    // The finger that is left over neither clicks nor drags.
    e.stopImmediatePropagation();
    if (fingers.size === 0) pinching = false;
  };
  const on = { capture: true };
  host.addEventListener("pointerdown", down, on);
  host.addEventListener("pointermove", move, on);
  host.addEventListener("pointerup", up, on);
  host.addEventListener("pointercancel", up, on);
  return () => {
    host.removeEventListener("pointerdown", down, on);
    host.removeEventListener("pointermove", move, on);
    host.removeEventListener("pointerup", up, on);
    host.removeEventListener("pointercancel", up, on);
  };
}
