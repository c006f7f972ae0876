/** Which thing a menu is about, and where it opens. */
import type { Ref } from "../../engine/views/types.ts";
import type { Session } from "../app/session.ts";

/** Of the refs of a mark: not the drawn interval but what it shows. */
export function thingOf(refs: string | null | undefined): Ref | null {
  const found = (refs ?? "").split(" ").find((r) => r !== "" && !r.startsWith("iv:"));
  return found ?? null;
}

/** On the focused thing, else on the selected one, else on the current step. */
export function openMenuHere(session: Session): void {
  const focused = document.activeElement?.closest("[data-ref]") ?? null;
  const { selected, step } = session.store.getState();
  const ref = thingOf(focused?.getAttribute("data-ref")) ?? selected ?? (step > 0 ? `step:${step}` : null);
  if (ref === null) return;
  const at = focused ?? document.querySelector(`#pane-inspector`) ?? document.body;
  const box = at.getBoundingClientRect();
  session.store.setState({
    menu: { ref, x: box.left + Math.min(box.width / 2, 60), y: Math.min(box.bottom, box.top + 30) },
  });
}

/** A right click, or the menu key, on anything that names a thing. */
export function installMenus(root: HTMLElement, session: Session): () => void {
  const open = (e: MouseEvent): void => {
    if (!(e.target instanceof Element) || e.target.closest("input, textarea, dialog") !== null) return;
    const marked = e.target.closest("[data-ref]");
    const ref = thingOf(marked?.getAttribute("data-ref"));
    if (ref === null || marked === null) return;
    e.preventDefault();
    const box = marked.getBoundingClientRect();
    const keyed = e.clientX === 0 && e.clientY === 0;
    session.store.setState({ menu: { ref, x: keyed ? box.left + 20 : e.clientX, y: keyed ? box.bottom : e.clientY } });
  };
  root.addEventListener("contextmenu", open);
  return () => root.removeEventListener("contextmenu", open);
}
