/** How each kind of interval looks: a colour, a pattern and a letter, never the colour alone. */
import type { IntervalKind } from "../../../engine/views/types.ts";
import type { Paint, Token } from "../../draw/marks.ts";

export interface KindLook {
  /** Stands on a chip inside the interval; empty: none. */
  letter: string;
  name: string;
  fill: Paint;
  opacity: number;
  /** A light ground under a pattern. */
  tint: number;
  stroke: Token;
  text: Token;
  dashed: boolean;
  /** Measured line with end caps: an answer, not an object. */
  line: boolean;
}

function look(letter: string, name: string, fill: Paint, stroke: Token, more: Partial<KindLook> = {}): KindLook {
  return { letter, name, fill, stroke, opacity: 1, tint: 0, text: stroke, dashed: false, line: false, ...more };
}

export const KINDS: Record<IntervalKind, KindLook> = {
  map: look("M", "mapped", "map", "map", { opacity: 0.5, text: "map-text" }),
  sw_msi: look("S", "SW_MSI", "pattern:sw", "sw", { tint: 0.1, text: "sw-text" }),
  doorbell: look("B", "doorbell", "sw", "sw", { text: "sw-text" }),
  reserved: look("R", "reserved", "pattern:reserved", "rsv"),
  aperture: look("A", "past aperture", "pattern:aperture", "rsv"),
  direct: look("D", "direct", "pattern:direct", "dir"),
  "direct-relaxable": look("D", "direct, relaxable", "pattern:direct", "dir", { dashed: true }),
  hw_msi: look("H", "HW_MSI", "pattern:hw", "sw", { tint: 0.1, text: "sw-text" }),
  allowed: look("", "allowed", "none", "ink", { line: true }),
  range: look("", "range", "none", "ink", { line: true }),
  ram: look("", "RAM", "phys", "phys", { opacity: 0.16, text: "ink2" }),
  mmio: look("", "MMIO", "pattern:mmio", "phys", { text: "ink2" }),
};
