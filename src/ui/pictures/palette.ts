/** Colours of a saved picture: every token of the draw list as `#rrggbb` or `#rrggbbaa`. */
import type { Token } from "../draw/marks.ts";

export type Palette = Readonly<Record<Exclude<Token, "none">, string>>;

/** The light theme, for whoever has no page to ask; a test holds it against `theme/tokens.css`. */
export const LIGHT: Palette = Object.freeze({
  paper: "#f8f5ef",
  well: "#f1ede4",
  ink: "#1a1c1f",
  ink2: "#55524b",
  ink3: "#6a655b",
  hair: "#ddd6c9",
  hair2: "#b9b1a2",
  edge: "#8b8578",
  accent: "#1f46d0",
  wash: "#1f46d012",
  on: "#ffffff",
  map: "#0b7c76",
  "map-text": "#08706b",
  sw: "#a65c00",
  "sw-text": "#965300",
  rsv: "#3f3c35",
  dir: "#96308a",
  phys: "#8b8578",
  fault: "#b8122b",
  fwash: "#b8122b12",
});
