/** What the reader chose for this browser; never part of a link. */
export const THEMES = ["system", "light", "dark"] as const;
export const TEXTS = ["normal", "large", "classroom"] as const;

export interface Settings {
  theme: (typeof THEMES)[number];
  text: (typeof TEXTS)[number];
  /** One-key shortcuts can be switched off (WCAG 2.1.4). */
  keys: boolean;
}

const NAME = "iommufd-lab";

export function readSettings(): Settings {
  let stored: Partial<Record<keyof Settings, unknown>> = {};
  try {
    const parsed: unknown = JSON.parse(localStorage.getItem(NAME) ?? "{}");
    if (typeof parsed === "object" && parsed !== null) stored = parsed;
  } catch {
    // Storage may be forbidden or hold something else: the defaults do.
  }
  return {
    theme: THEMES.find((t) => t === stored.theme) ?? "system",
    text: TEXTS.find((t) => t === stored.text) ?? "normal",
    keys: stored.keys !== false,
  };
}

export function writeSettings(settings: Settings): void {
  try {
    localStorage.setItem(NAME, JSON.stringify(settings));
  } catch {
    // Without storage the choice holds for this visit.
  }
}

export function isDark(theme: Settings["theme"]): boolean {
  return theme === "dark" || (theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
}

export function applySettings(settings: Settings): void {
  const root = document.documentElement;
  root.dataset["theme"] = isDark(settings.theme) ? "dark" : "light";
  root.dataset["text"] = settings.text;
}
