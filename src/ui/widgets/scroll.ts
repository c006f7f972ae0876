/** Spread on what may scroll and holds nothing to focus: the keyboard must reach it to scroll it (WCAG 2.1.1). */
export function scrollable(label: string): { role: "group"; "aria-label": string; tabIndex: 0; "data-scroll": "" } {
  return { role: "group", "aria-label": label, tabIndex: 0, "data-scroll": "" };
}
