/**
 * Ties the panes together: whatever names a thing carries `data-ref`, and one rule lights every mark of the thing under
 * the pointer or the focus, or of the selected one. No component renders for it.
 */
import type { LabStore } from "./state.ts";

export function installLinker(root: HTMLElement, store: LabStore): () => void {
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  let hover: string | null = null;
  const write = (): void => {
    const { selected } = store.getState();
    const refs = [...new Set([hover, selected].filter((r): r is string => r !== null && r !== ""))];
    sheet.replaceSync(refs.map(rule).join("\n"));
  };
  const over = (e: Event): void => {
    const ref = e.target instanceof Element ? (e.target.closest("[data-ref]")?.getAttribute("data-ref")?.split(" ")[0] ?? null) : null;
    if (ref === hover) return;
    hover = ref;
    write();
  };
  const out = (): void => {
    if (hover === null) return;
    hover = null;
    write();
  };
  root.addEventListener("pointerover", over);
  root.addEventListener("focusin", over);
  root.addEventListener("pointerleave", out);
  const stop = store.subscribe((now, old) => {
    if (now.selected !== old.selected) write();
  });
  return () => {
    stop();
    root.removeEventListener("pointerover", over);
    root.removeEventListener("focusin", over);
    root.removeEventListener("pointerleave", out);
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((s) => s !== sheet);
  };
}

function rule(ref: string): string {
  const match = `[data-ref~="${ref.replaceAll(/["\\]/g, "\\$&")}"]`;
  return `svg :is(rect, path)${match}:not(.keep) { stroke: var(--ink) !important; stroke-width: 1.8px !important; stroke-opacity: 1 !important; }
svg text${match}:not(.keep) { fill: var(--ink) !important; font-weight: 600 !important; }
:is(tr, li, dl > div)${match} { background: var(--well); }
[role="option"]${match}:not([aria-selected="true"]) { background: var(--well); }`;
}
