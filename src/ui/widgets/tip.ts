/** One tooltip for the page: hairline, no shadow. For the eye only; the table twins say the same in words. */
export interface TipHost {
  show(lines: readonly string[], x: number, y: number): void;
  hide(): void;
}

export function createTip(host: HTMLElement): TipHost {
  return {
    show(lines, x, y) {
      if (host.dataset["text"] !== lines.join("\n")) {
        host.dataset["text"] = lines.join("\n");
        host.replaceChildren(
          ...lines.map((text) => {
            const row = document.createElement("div");
            row.textContent = text;
            return row;
          }),
        );
      }
      host.hidden = false;
      const { offsetWidth: w, offsetHeight: h } = host;
      const left = x + 14 + w > innerWidth ? x - 14 - w : x + 14;
      const top = y + 18 + h > innerHeight ? y - 12 - h : y + 18;
      host.style.transform = `translate(${Math.max(4, Math.round(left))}px, ${Math.max(4, Math.round(top))}px)`;
    },
    hide() {
      host.hidden = true;
    },
  };
}
