/**
 * What the clipboard gets: numbers as a kernel developer would paste them. Where the screen leaves `0x` away, the element
 * carries the whole value in `data-copy`; with nothing selected the picked interval is copied, both ends inclusive.
 */
import { range } from "../draw/format.ts";
import type { LabStore } from "./state.ts";

export function installCopying(store: LabStore): () => void {
  const copy = (e: ClipboardEvent): void => {
    const editable = e.target instanceof Element && e.target.closest("input, textarea, select, [contenteditable]");
    if (e.defaultPrevented || e.clipboardData === null || (editable !== false && editable !== null)) return;
    const selection = getSelection();
    const { picked } = store.getState();
    const nothing = selection === null || selection.isCollapsed || selection.rangeCount === 0;
    const text = nothing
      ? picked === null
        ? null
        : range(picked.start, picked.last)
      : wholeNumbers(selection.getRangeAt(0), selection.toString());
    if (text === null) return;
    e.clipboardData.setData("text/plain", text);
    e.preventDefault();
  };
  document.addEventListener("copy", copy);
  return () => document.removeEventListener("copy", copy);
}

/** The selected text with its shortened numbers in full; null where it stands as it is. */
function wholeNumbers(chosen: Range, shown: string): string | null {
  const node = chosen.commonAncestorContainer;
  const around = node instanceof Element ? node : node.parentElement;
  const value = around?.closest("[data-copy]")?.getAttribute("data-copy");
  if (value !== null && value !== undefined) return value;
  // Drawings write addresses without `0x`; counts in them have commas.
  if (around?.closest("svg") !== null && /^[0-9a-f]{5,16}$/.test(shown.trim())) return `0x${shown.trim()}`;
  const part = chosen.cloneContents();
  const short = [...part.querySelectorAll("[data-copy]")];
  if (short.length === 0) return null;
  for (const s of short) s.textContent = ` ${s.getAttribute("data-copy") ?? ""} `;
  return (part.textContent ?? "").replaceAll(/\s+/g, " ").trim();
}
