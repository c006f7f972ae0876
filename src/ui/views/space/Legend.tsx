import { useMemo } from "react";
import type { IntervalKind } from "../../../engine/views/types.ts";
import { useLab } from "../../app/context.ts";
import { KINDS } from "./kinds.ts";
import css from "./space.module.css";

const ORDER: IntervalKind[] = [
  "map",
  "sw_msi",
  "doorbell",
  "hw_msi",
  "reserved",
  "aperture",
  "direct",
  "direct-relaxable",
];

/** The kinds that this scenario shows, each with colour, pattern and letter. */
export function Legend() {
  const frame = useLab((s) => s.frame);
  const kinds = useMemo(() => {
    const seen = new Set(
      frame?.addressSpace.bands.flatMap((b) => b.tracks).flatMap((t) => t.intervals.map((i) => i.kind)) ?? [],
    );
    return ORDER.filter((k) => seen.has(k) || k === "map" || k === "sw_msi" || k === "reserved");
  }, [frame]);
  return (
    <span className={css["legend"]} aria-hidden="true">
      {kinds.map((kind) => {
        const look = KINDS[kind];
        const fill = look.fill.startsWith("pattern:") ? `url(#pattern-${look.fill.slice(8)})` : `var(--${look.fill})`;
        return (
          <span key={kind} className={css["item"]} title={look.name}>
            <svg width="1.9rem" height="1rem">
              <rect
                x=".5"
                y=".5"
                width="calc(1.9rem - 1px)"
                height="calc(1rem - 1px)"
                style={{ fill, fillOpacity: look.opacity, stroke: `var(--${look.stroke})` }}
              />
              <rect x="0.45rem" y="1" width=".9rem" height="calc(1rem - 2px)" style={{ fill: "var(--paper)" }} />
              <text
                x=".9rem"
                y=".8rem"
                textAnchor="middle"
                fontSize=".8rem"
                fontWeight="600"
                style={{ fill: `var(--${look.text})`, fontFamily: "var(--mono)" }}
              >
                {look.letter}
              </text>
            </svg>
            <span className="legend-name">{look.name}</span>
          </span>
        );
      })}
    </span>
  );
}
