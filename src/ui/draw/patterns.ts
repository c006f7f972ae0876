/** The fills of interval kinds, once for the page (`Patterns.tsx`) and for saved pictures (`pictures/svg.ts`). */
import type { PatternId, Token } from "./marks.ts";

export interface PatternShape {
  /** Edge of the tile, pixels. */
  size: number;
  /** Degrees. */
  rotate: number;
  token: Exclude<Token, "none">;
  /** Lines of the tile and their width; else dots of radius 0.95. */
  d?: string;
  width?: number;
  dots?: readonly (readonly [number, number])[];
}

export const PATTERNS: Readonly<Record<PatternId, PatternShape>> = Object.freeze({
  reserved: { size: 5, rotate: 45, token: "rsv", d: "M0 0V5", width: 1.7 },
  aperture: { size: 7, rotate: -45, token: "rsv", d: "M0 0V7", width: 1 },
  sw: {
    size: 4,
    rotate: 0,
    token: "sw",
    dots: [
      [1, 1],
      [3, 3],
    ],
  },
  hw: { size: 5, rotate: -45, token: "sw", d: "M0 0V5", width: 1.7 },
  direct: { size: 4, rotate: 0, token: "dir", d: "M0 1H4M1 0V4", width: 1 },
  mmio: { size: 3, rotate: 0, token: "phys", d: "M0 0V3", width: 1 },
  hole: { size: 4, rotate: 45, token: "fault", d: "M0 0V4", width: 1.2 },
});
