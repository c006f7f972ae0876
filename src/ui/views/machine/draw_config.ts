/** What configuration space says: ACS bits as small squares, bridge windows and BARs on one common axis. */
import type { MachineFunction, MachineView } from "../../../engine/views/types.ts";
import { hex, size } from "../../draw/format.ts";
import { crisp, DASH, type Mark, n, type Token } from "../../draw/marks.ts";
import { type MachineLayout, type Ruler, ruler, short } from "./layout.ts";

const NAMES = ["SV", "TB", "RR", "CR", "UF", "EC", "DT"];

/** Heads of the seven bits stand once, above the column. */
export function acsHeads({ columns: c, rem, top }: MachineLayout): Mark[] {
  const y = top - 0.75 * rem;
  return [
    { k: "text", x: c.acs.x, y: y - 1.1 * rem, text: "ACS", size: 0.9, font: "sans", color: "ink3" },
    ...NAMES.map((text, i): Mark => ({
      k: "text",
      x: c.acs.x + (i + 0.4) * c.acs.cell * rem,
      y,
      text,
      size: 0.66,
      font: "mono",
      color: "ink3",
      anchor: "middle",
    })),
  ];
}

/** Full square: on. Empty: it could be. Dot: the function does not have it. Crimson: a group boundary would need it. */
export function drawAcs(f: MachineFunction, at: MachineLayout): Mark[] {
  const { rem, columns: c } = at;
  const y = at.rows.get(f.bdf) ?? 0;
  if (!f.present) return [];
  if (f.acs === null) {
    const matters = f.bridge || f.multifunction;
    const text = f.isolates ? (f.type.startsWith("root complex") ? "by quirk" : "not needed") : matters ? "none" : "";
    if (text === "" || (f.isolates && !f.type.startsWith("root complex"))) return [];
    const color: Token = f.isolates ? "ink3" : "fault";
    const why = f.isolates
      ? "no ACS capability; the kernel knows that it does not talk to its peers"
      : "no ACS capability: the kernel must assume that it forwards peer to peer";
    return [
      {
        k: "text",
        x: c.acs.x + 0.1 * rem,
        y: y + 0.3 * rem,
        text,
        size: 0.84,
        font: "sans",
        color,
        tip: [short(f.bdf), why],
      },
    ];
  }
  const side = Math.round(0.62 * rem);
  return f.acs.map((b, i): Mark => {
    const x = Math.round(c.acs.x + (i + 0.4) * c.acs.cell * rem - side / 2);
    const missing = b.needed && !b.on;
    const tip = [
      `${b.title}: ${b.on ? "on" : b.can ? "off" : "not there"}`,
      ...(b.needed ? ["a group boundary needs it"] : []),
    ];
    const refs = [...f.refs];
    if (!b.can && !missing) return { k: "rect", x: x + side / 2 - 1, y: y - 1, w: 2, h: 2, fill: "edge", tip };
    return {
      k: "rect",
      x: crisp(x),
      y: crisp(y - side / 2),
      w: side - 1,
      h: side - 1,
      fill: b.on ? "ink" : "paper",
      stroke: missing ? "fault" : b.on ? "ink" : "edge",
      ...(b.can ? {} : { dash: DASH }),
      tip,
      refs,
    };
  });
}

/** Windows are measured lines, BARs bars; a window's ground runs down over the rows of what hangs below it. */
export function drawStrip(view: MachineView, at: MachineLayout): Mark[] {
  const strip = at.columns.strip;
  const all = view.functions.flatMap((f) => f.ranges);
  const marks: Mark[] = acsHeads(at);
  if (strip === null || all.length === 0) return marks;
  const scale = ruler(all, strip.w);
  for (const g of scale.gaps)
    marks.push({ k: "rect", x: strip.x + g.x0, y: at.top, w: g.x1 - g.x0, h: at.height - at.top, fill: "well" });
  for (const f of view.functions) if (f.bridge) marks.push(...ground(f, view, at, scale, strip.x));
  for (const f of view.functions) marks.push(...rangesOf(f, at, scale, strip.x));
  return marks;
}

function ground(f: MachineFunction, { functions }: MachineView, at: MachineLayout, scale: Ruler, left: number): Mark[] {
  const from = functions.indexOf(f);
  let to = from;
  while ((functions[to + 1]?.depth ?? -1) > f.depth) to++;
  if (to === from) return [];
  const y = (at.rows.get(f.bdf) ?? 0) + 0.3 * at.rem;
  return f.ranges
    .filter((r) => r.name === "window")
    .map((r) => ({
      k: "rect",
      x: left + scale.x(r.start),
      y,
      w: Math.max(2, scale.xLast(r.last) - scale.x(r.start)),
      h: at.top + (to + 1) * at.rowHeight - y - 2,
      fill: "hair",
      opacity: 0.5,
    }));
}

function rangesOf(f: MachineFunction, at: MachineLayout, scale: Ruler, left: number): Mark[] {
  const y = at.rows.get(f.bdf) ?? 0;
  const h = Math.round(0.74 * at.rem);
  return f.ranges.flatMap((r): Mark[] => {
    const a = left + scale.x(r.start);
    const b = Math.max(left + scale.xLast(r.last), a + 3);
    const tip = [
      `${r.name} of ${short(f.bdf)}${r.on ? "" : ", off"}`,
      `${hex(r.start)} - ${hex(r.last)}  ${size(BigInt(r.last - r.start + 1))}`,
    ];
    const refs = [...f.refs];
    const dash = r.on ? {} : { dash: DASH };
    if (r.name === "window") {
      const m = crisp(y);
      const d = `M${n(a)} ${m}H${n(b)}M${n(a)} ${m - 4}v8M${n(b)} ${m - 4}v8`;
      return [{ k: "path", d, stroke: r.on ? "ink" : "ink3", width: 1.4, tip, refs, ...dash }];
    }
    const box = { x: crisp(a), y: crisp(y - h / 2), w: Math.max(2, Math.round(b - a) - 1), h: h - 1 };
    return [
      { k: "rect", ...box, fill: r.on ? "pattern:mmio" : "paper", stroke: r.on ? "phys" : "ink3", tip, refs, ...dash },
    ];
  });
}
