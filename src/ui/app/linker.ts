/**
 * Ties the panes together: whatever names a thing carries `data-ref`, and one rule lights every mark of the thing under
 * the pointer or the focus, or of the selected one. No component renders for it.
 */
import type { LabStore } from "./state.ts";

export function installLinker(root: HTMLElement, store: LabStore): () => void {
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  let hover = "";
  const write = (): void => {
    const { selected, picked } = store.getState();
    const marks = new Set<string>();
    const rows = new Set<string>();
    const [first, ...wider] = hover.split(" ");
    if (first !== undefined && first !== "") marks.add(first);
    for (const r of [first ?? "", ...wider]) if (r !== "") rows.add(r);
    if (picked !== null) marks.add(`iv:${picked.track}:${picked.start.toString(16)}`);
    else if (selected !== null) marks.add(selected);
    if (selected !== null) rows.add(selected);
    sheet.replaceSync([...[...marks].map(markRule), ...[...rows].map(rowRule)].join("\n"));
  };
  const over = (e: Event): void => {
    const refs = e.target instanceof Element ? (e.target.closest("[data-ref]")?.getAttribute("data-ref") ?? "") : "";
    if (refs === hover) return;
    hover = refs;
    write();
  };
  const out = (): void => {
    if (hover === "") return;
    hover = "";
    write();
  };
  root.addEventListener("pointerover", over);
  root.addEventListener("focusin", over);
  root.addEventListener("pointerleave", out);
  const stop = store.subscribe((now, old) => {
    if (now.selected !== old.selected || now.picked !== old.picked) write();
  });
  return () => {
    stop();
    root.removeEventListener("pointerover", over);
    root.removeEventListener("focusin", over);
    root.removeEventListener("pointerleave", out);
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((s) => s !== sheet);
  };
}

function match(ref: string): string {
  return `[data-ref~="${ref.replaceAll(/["\\]/g, "\\$&")}"]`;
}

/** Marks of drawings: outlined in ink. */
function markRule(ref: string): string {
  return `svg :is(rect, path)${match(ref)}:not(.keep) { stroke: var(--ink) !important; stroke-width: 1.8px !important; stroke-opacity: 1 !important; }
svg text${match(ref)}:not(.keep) { fill: var(--ink) !important; font-weight: 600 !important; }`;
}

/** Rows of lists and tables: a darker ground. */
function rowRule(ref: string): string {
  return `:is(tr, li, dl > div, [data-cell])${match(ref)} { background: var(--well); }
[role="option"]${match(ref)}:not([aria-selected="true"]) { background: var(--well); }`;
}
