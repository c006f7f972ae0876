/** The machine as a draw list: the PCI tree with its groups at the left, what each function's traffic meets to the right. */
import type { MachineFunction, MachineGroup, MachineView } from "../../../engine/views/types.ts";
import { hex } from "../../draw/format.ts";
import { clip, crisp, DASH, em, line, type Mark, n, type Token } from "../../draw/marks.ts";
import { KINDS } from "../space/kinds.ts";
import { drawAcs, drawStrip } from "./draw_config.ts";
import { CHIP, indent, type MachineLayout, short, shortened } from "./layout.ts";

const MONO = 0.88;
const SMALL = 0.84;

export function drawMachine(view: MachineView, at: MachineLayout): Mark[] {
  return [
    ...heads(at),
    ...hulls(view, at),
    ...trunks(view, at),
    ...view.functions.flatMap((f) => [...row(f, at), ...groupOf(f, view, at), ...drawAcs(f, at), ...chips(f, at)]),
    ...drawStrip(view, at),
    ...streams(view, at),
    ...interrupts(view, at),
  ];
}

function heads({ columns: c, rem, width, top }: MachineLayout): Mark[] {
  const y = top - 0.75 * rem;
  const head = (x: number, text: string): Mark => ({
    k: "text",
    x,
    y,
    text,
    size: 0.9,
    font: "sans",
    color: "ink3",
  });
  return [
    head(0, "PCI, by bus"),
    head(c.group.x, clip("iommu group, and why", "sans", c.group.w / rem / 0.9)),
    head(c.reserved, c.stream.x - c.reserved > 4 * rem ? "reserved" : ""),
    head(c.stream.x, "requester, stream"),
    head(c.msi.x, "vector 0 writes"),
    ...(c.strip === null ? [] : [head(c.strip.x, "windows and BARs")]),
    line(0, crisp(top - 0.3 * rem), width, crisp(top - 0.3 * rem), "hair2"),
  ];
}

/** Stretches of rows that belong to one group of several members: a ground, and a bracket that joins its parts. */
function hulls({ groups, functions }: MachineView, at: MachineLayout): Mark[] {
  const { rem, rowHeight: h, columns: c } = at;
  const byBdf = new Map(functions.map((f, i) => [f.bdf, { f, i }]));
  return groups.flatMap((g) => {
    const members = g.members.flatMap((m) => byBdf.get(m.bdf) ?? []).toSorted((a, b) => a.i - b.i);
    if (members.length < 2) return [];
    const runs: { from: number; to: number; left: number }[] = [];
    for (const { f, i } of members) {
      const top = runs.at(-1);
      const left = indent(f, rem) - 0.75 * rem;
      if (top !== undefined && top.to === i - 1) {
        top.to = i;
        top.left = Math.min(top.left, left);
      } else runs.push({ from: i, to: i, left });
    }
    const right = c.group.x + c.group.w;
    const y = (i: number): number => at.top + i * h;
    const marks: Mark[] = runs.map((r) => ({
      k: "path",
      d: `M${n(r.left)} ${crisp(y(r.from) + 1)}H${n(right)}V${crisp(y(r.to + 1) - 2)}H${n(r.left)}Z`,
      fill: "well",
      stroke: "edge",
      refs: [g.ref],
      tip: [`group ${g.id}`, `${members.length} members that the IOMMU cannot keep apart`],
    }));
    const first = runs[0];
    const last = runs.at(-1);
    if (first !== undefined && last !== undefined && runs.length > 1)
      marks.push(line(right, y(first.to + 1) - 2, right, y(last.from) + 1, "edge", { dash: DASH }));
    return marks;
  });
}

/** The buses: from a bridge down to what hangs on it. */
function trunks({ functions }: MachineView, { rows, rem, top }: MachineLayout): Mark[] {
  const marks: Mark[] = [];
  const parents: (MachineFunction | null)[] = [null, ...functions.filter((f) => f.bridge)];
  for (const parent of parents) {
    const below = functions.filter((f) => f.parent === (parent === null ? null : parent.bdf));
    const lowest = below.at(-1);
    if (lowest === undefined) continue;
    const x = crisp(indent(lowest, rem) - 0.75 * rem);
    const from = parent === null ? top - 0.3 * rem : (rows.get(parent.bdf) ?? 0) + 0.45 * rem;
    marks.push(line(x, from, x, rows.get(lowest.bdf) ?? 0, "ink3"));
    for (const f of below) {
      const y = crisp(rows.get(f.bdf) ?? 0);
      marks.push(line(x, y, x + 0.5 * rem, y, "ink3", f.present ? {} : { dash: DASH }));
    }
  }
  return marks;
}

function row(f: MachineFunction, at: MachineLayout): Mark[] {
  const { rem, rowHeight: h, columns: c } = at;
  const y = at.rows.get(f.bdf) ?? 0;
  const base = y + 0.3 * rem;
  let x = indent(f, rem);
  const refs = [...f.refs];
  const quiet: Token = f.present ? "ink2" : "ink3";
  const marks: Mark[] = [
    {
      k: "rect",
      x: x - 0.25 * rem,
      y: y - h / 2 + 2,
      w: c.group.x - x - 0.4 * rem,
      h: h - 4,
      fill: "paper",
      opacity: 0,
      refs,
      tip: tipOf(f),
    },
  ];
  const put = (text: string, size: number, font: "sans" | "mono", color: Token, weight?: 500 | 600): void => {
    const room = (c.group.x - 0.6 * rem - x) / (size * rem);
    const shown = clip(text, font, room);
    if (shown === "") return;
    marks.push({
      k: "text",
      x,
      y: base,
      text: shown,
      size,
      font,
      color,
      refs,
      tip: tipOf(f),
      ...(weight === undefined ? {} : { weight }),
    });
    x += (em(shown, font) * size + 0.55) * rem;
  };
  if (f.change !== undefined)
    marks.push(line(x - 0.45 * rem, y - 0.5 * rem, x - 0.45 * rem, y + 0.5 * rem, "accent", { width: 2 }));
  if (f.alias !== "") put(f.alias, 1, "sans", f.present ? "ink" : "ink3", 600);
  put(short(f.bdf), MONO, "mono", f.present ? "ink" : "ink3");
  const kind = f.type.replace("root complex integrated endpoint", "integrated").replace(/^conventional$/, "");
  put(f.name, 0.92, "sans", quiet);
  if (f.bridge && f.buses !== null)
    put(
      `bus ${bus(f.buses.secondary)}${f.buses.subordinate > f.buses.secondary ? `-${bus(f.buses.subordinate)}` : ""}`,
      0.82,
      "mono",
      "ink3",
    );
  else if (kind !== "" && kind !== f.name && f.present && kind !== "endpoint") put(kind, 0.84, "sans", "ink3");
  return marks;
}

function bus(number: number): string {
  return number.toString(16).padStart(2, "0");
}

function groupOf(f: MachineFunction, { groups }: MachineView, at: MachineLayout): Mark[] {
  const { rem, columns: c } = at;
  const y = (at.rows.get(f.bdf) ?? 0) + 0.3 * rem;
  if (!f.present) {
    const text = clip(f.change === "removed" ? "pulled; slot empty" : "slot empty", "sans", c.group.w / rem / SMALL);
    const color: Token = f.change === "removed" ? "accent" : "ink3";
    return [{ k: "text", x: c.group.x + 1.8 * rem, y, text, size: SMALL, font: "sans", color }];
  }
  if (f.iommu === null && f.group < 0) return [];
  const group = groups.find((g) => g.id === f.group);
  const left = c.group.x + 0.1 * rem;
  if (group === undefined) {
    const text = clip("none: its DMA is expected to be broken", "sans", c.group.w / rem / SMALL);
    return [{ k: "text", x: left, y, text, size: SMALL, font: "sans", color: "fault" }];
  }
  const reason = shortened(group.members.find((m) => m.bdf === f.bdf)?.reason ?? "");
  const domain = domainOf(group);
  const first = group.members[0]?.bdf === f.bdf;
  const marks: Mark[] = [
    {
      k: "text",
      x: left,
      y,
      text: String(group.id),
      size: 0.96,
      font: "sans",
      weight: 600,
      color: group.owned ? "ink" : "ink2",
      refs: [group.ref],
    },
  ];
  const changed = f.changes.some((x) => x.startsWith("domain"));
  const usual = group.domain === "dma" && !group.owned;
  const side = changed || (first && (!usual || c.group.w > 26 * rem)) ? domain : "";
  const end = c.group.x + c.group.w - 0.4 * rem;
  const used = side === "" ? 0 : em(side, "sans") * SMALL + 0.8;
  if (side !== "")
    marks.push({
      k: "text",
      x: end,
      y,
      text: side,
      size: SMALL,
      font: "sans",
      color: changed ? "accent" : "ink2",
      anchor: "end",
      refs: [group.ref],
      tip: [
        `group ${group.id}: domain ${group.domain}`,
        group.owned ? "its DMA has an owner" : "in the kernel's hands",
      ],
    });
  const x = left + 1.7 * rem;
  const news = f.changes.filter((c) => !SHOWN_ELSEWHERE.test(c)).join(", ");
  const text = clip(news === "" ? reason : news, "sans", ((end - x) / rem - used) / SMALL);
  if (text !== "")
    marks.push({
      k: "text",
      x,
      y,
      text,
      size: SMALL,
      font: "sans",
      color: news === "" ? "ink3" : "accent",
      refs: [group.ref],
      tip: [`group ${group.id}: ${short(f.bdf)}`, reason, ...(news === "" ? [] : [`this step: ${news}`])],
    });
  return marks;
}

/** Changes that a column of their own shows. */
const SHOWN_ELSEWHERE = /^(stream|MSI|domain|group) /;

function domainOf(g: MachineGroup): string {
  return g.owned ? `${g.domain}, owned` : g.domain;
}

/** Reserved regions as chips with pattern and letter. */
function chips(f: MachineFunction, at: MachineLayout): Mark[] {
  const { rem, columns: c } = at;
  const y = (at.rows.get(f.bdf) ?? 0) - 0.52 * rem;
  const most = 3;
  const marks = f.reserved.slice(0, most).flatMap((r, i): Mark[] => {
    const look = KINDS[r.kind];
    const x = Math.round(c.reserved + i * CHIP * rem);
    const tip = [`${look.name} of ${f.alias === "" ? short(f.bdf) : f.alias}`, `${hex(r.start)} - ${hex(r.last)}`];
    const box = { x: crisp(x), y: crisp(y), w: Math.round(1.05 * rem), h: Math.round(1.04 * rem) };
    return [
      { k: "rect", ...box, fill: look.fill, opacity: look.opacity, stroke: look.stroke, tip, refs: [...f.refs] },
      { k: "rect", x: box.x + 0.24 * rem, y: box.y + 2, w: box.w - 0.48 * rem, h: box.h - 4, fill: "paper" },
      {
        k: "text",
        x: box.x + box.w / 2,
        y: y + 0.82 * rem,
        text: look.letter,
        size: 0.8,
        font: "mono",
        weight: 600,
        color: look.text,
        anchor: "middle",
        tip,
      },
    ];
  });
  if (f.reserved.length > most)
    marks.push({
      k: "text",
      x: c.reserved + most * CHIP * rem,
      y: y + 0.82 * rem,
      text: `+${f.reserved.length - most}`,
      size: 0.82,
      font: "mono",
      color: "ink3",
    });
  return marks;
}

/** Requester IDs and streams, into the IOMMU that stands there as a rule. */
function streams({ functions, iommus }: MachineView, at: MachineLayout): Mark[] {
  const { rem, columns: c, height, top } = at;
  const marks: Mark[] = [];
  for (const f of functions) {
    if (!f.present) continue;
    const y = at.rows.get(f.bdf) ?? 0;
    const alias = f.requesterId === f.rid ? "" : `${hex(f.rid)} as `;
    const text = `${alias}${f.iommu === null ? hex(f.requesterId) : hex(f.streamId)}`;
    const hot = f.changes.some((x) => x.startsWith("stream"));
    const tip = [
      `requester IDs ${f.aliases.map((a) => `${hex(a.rid)}${a.by === f.bdf ? "" : ` (${short(a.by)})`}`).join(", ")}`,
      f.iommu === null ? "no IOMMU in front" : `StreamID ${hex(f.streamId)}: ${f.stream}`,
    ];
    const refs = [`ste:${hex(f.streamId)}`, ...f.refs];
    marks.push({
      k: "text",
      x: c.stream.x,
      y: y + 0.3 * rem,
      text,
      size: SMALL,
      font: "mono",
      color: "ink2",
      refs,
      tip,
    });
    const x = c.stream.x + em(text, "mono") * SMALL * rem + 0.5 * rem;
    const shown = clip(f.stream, "sans", (c.iommu - x - 0.8 * rem) / rem / SMALL);
    marks.push({
      k: "text",
      x,
      y: y + 0.3 * rem,
      text: shown,
      size: SMALL,
      font: "sans",
      color: hot ? "accent" : f.stream === "abort" || f.stream === "invalid" ? "fault" : "ink3",
      refs,
      tip,
    });
    if (f.iommu === null) continue;
    const x0 = x + (em(shown, "sans") * SMALL + 0.4) * rem;
    if (c.iommu - x0 > 0.5 * rem) marks.push(...arrow(x0, c.iommu - 2, crisp(y), hot ? "accent" : "hair2"));
  }
  iommus.forEach((i, k) => {
    const x = crisp(c.iommu + k * 0.5 * rem);
    const members = functions.filter((f) => f.iommu === i.name && f.present).map((f) => at.rows.get(f.bdf) ?? 0);
    const from = iommus.length === 1 ? top - 0.3 * rem : Math.min(...members, height) - 0.8 * rem;
    const to = iommus.length === 1 ? height : Math.max(...members, from) + 0.8 * rem;
    marks.push({
      k: "path",
      d: `M${x} ${n(from)}V${n(to)}`,
      stroke: "ink",
      width: 1.4,
      refs: [i.ref],
      tip: [i.kind, ...i.facts],
    });
    marks.push(turned(x + 0.42 * rem, from + 0.5 * rem, [i.kind, ...i.facts].join("  "), (to - from) / rem, i.ref));
  });
  return marks;
}

function interrupts({ functions, msis }: MachineView, at: MachineLayout): Mark[] {
  const { rem, columns: c, height, top } = at;
  const marks: Mark[] = [];
  for (const f of functions) {
    if (!f.present) continue;
    const y = at.rows.get(f.bdf) ?? 0;
    const writes = f.msi.startsWith("0x");
    if (!writes) continue;
    const hot = f.changes.some((x) => x.startsWith("MSI"));
    const vector = f.vectors[0];
    const tip = [
      `vector 0 writes to ${f.msi}`,
      ...(f.msiDeviceId < 0 ? ["firmware gives it no DeviceID"] : [`DeviceID ${hex(f.msiDeviceId)}`]),
      ...f.vectors.slice(0, 8).map((v) => `vector ${v.index}: interrupt ${v.intid}`),
    ];
    marks.push({
      k: "text",
      x: c.msi.x,
      y: y + 0.3 * rem,
      text: f.msi,
      size: SMALL,
      font: "mono",
      color: hot ? "accent" : "ink2",
      refs: [...f.refs],
      tip,
    });
    const x0 = c.msi.x + (em(f.msi, "mono") * SMALL + 0.9) * rem;
    if (vector !== undefined && c.controller - x0 > 0.6 * rem)
      marks.push(...arrow(x0, c.controller - 2, crisp(y), hot ? "accent" : "hair2"));
  }
  msis.forEach((m, k) => {
    const x = crisp(c.controller + k * 0.5 * rem);
    const from = top - 0.3 * rem;
    marks.push({
      k: "path",
      d: `M${x} ${n(from)}V${n(height)}`,
      stroke: "sw",
      width: 1.4,
      refs: [m.ref],
      tip: [m.kind, ...m.facts],
    });
    marks.push(turned(x + 0.42 * rem, from + 0.5 * rem, [m.kind, ...m.facts].join("  "), (height - from) / rem, m.ref));
  });
  return marks;
}

function arrow(x0: number, x1: number, y: number, stroke: Token): Mark[] {
  return [{ k: "path", d: `M${n(x0)} ${y}H${n(x1)}m-3.5 -3l3.5 3l-3.5 3`, stroke, cls: "keep" }];
}

function turned(x: number, y: number, text: string, room: number, ref: string): Mark {
  const shown = clip(text, "sans", (room - 0.8) / 0.9);
  return { k: "text", x, y, text: shown, size: 0.9, font: "sans", color: "ink2", turned: true, refs: [ref] };
}

export function tipOf(f: MachineFunction): string[] {
  if (!f.present) return [`${short(f.bdf)} ${f.name}`, "not plugged in; its place is kept"];
  return [
    `${f.alias === "" ? "" : `${f.alias}  `}${short(f.bdf)} ${f.name}`,
    `${f.type}, ${f.id} class ${f.class}${f.driver === "" ? "" : `, driver ${f.driver}`}`,
    `memory ${f.memory ? "on" : "off"}, bus master ${f.busMaster ? "on" : "off"}`,
    ...(f.caps.length === 0 ? [] : [f.caps.join(", ")]),
    ...f.changes.map((x) => `this step: ${x}`),
  ];
}
