/** What the reader chose for this browser; never part of a link. */
export const THEMES = ["system", "light", "dark", "contrast", "contrast-dark"] as const;
export const TEXTS = ["normal", "large", "classroom", "double"] as const;

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

/** The theme that is seen: `system` follows what the system asks for, contrast included. */
export function themeOf(theme: Settings["theme"]): Exclude<Settings["theme"], "system"> {
  if (theme !== "system") return theme;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  if (matchMedia("(prefers-contrast: more)").matches) return dark ? "contrast-dark" : "contrast";
  return dark ? "dark" : "light";
}

/** The same contrast on the other ground. */
export const OTHER_GROUND = Object.freeze({
  light: "dark",
  dark: "light",
  contrast: "contrast-dark",
  "contrast-dark": "contrast",
} as const);

export function applySettings(settings: Settings): void {
  const root = document.documentElement;
  root.dataset["theme"] = themeOf(settings.theme);
  root.dataset["text"] = settings.text;
}
