/** The address space as strips on one compressed axis, and a legend of every interval with its exact range. */
import type { AddressSpaceView, Band, IntervalKind, Track, TrackInterval } from "../types.ts";
import { type Axis, axisOf, column, span, type Stretch } from "./axis.ts";
import { cut, heading, hex, plain, range, size, WIDTH, wrap } from "./page.ts";

interface Look {
  letter: string;
  fill: string;
  name: string;
  /** Drawn under the others. */
  under?: boolean;
}

/** The letters are those of the screen; what has none there gets a small one. */
export const LOOKS: Readonly<Record<IntervalKind, Look>> = Object.freeze({
  map: { letter: "M", fill: "=", name: "mapped" },
  sw_msi: { letter: "S", fill: ":", name: "SW_MSI" },
  doorbell: { letter: "B", fill: "*", name: "doorbell" },
  reserved: { letter: "R", fill: "/", name: "reserved" },
  aperture: { letter: "A", fill: "x", name: "past aperture", under: true },
  direct: { letter: "D", fill: "+", name: "direct" },
  "direct-relaxable": { letter: "d", fill: "+", name: "direct, relaxable" },
  hw_msi: { letter: "H", fill: ":", name: "HW_MSI" },
  allowed: { letter: "o", fill: "-", name: "allowed", under: true },
  range: { letter: "o", fill: "-", name: "range", under: true },
  ram: { letter: "p", fill: "_", name: "RAM", under: true },
  mmio: { letter: "i", fill: "-", name: "MMIO" },
});

const DELTA = 8;
/** Columns beside the strips: names of tracks, as far as they need them, and what the step changed. */
const LABEL = { least: 16, most: 28 };
/** Intervals of a track that the legend lists; the others are counted. */
const LISTED = 40;

/** Strips and legend. */
export function spaceLines(view: AddressSpaceView): string[] {
  const bands = view.bands.filter((b) => b.tracks.length > 0);
  if (bands.length === 0) return ["No address space exists yet."];
  return [...stripLines(view), "", ...legendLines(bands), "", ...keyLines(bands)];
}

function stretchesOf(view: AddressSpaceView): Stretch[] {
  return [
    ...view.bands.flatMap((b) =>
      b.tracks.flatMap((t) => [
        ...t.intervals.map(({ start, last, kind, change }) => ({ start, last, kind, hot: change !== undefined })),
        ...(t.dense?.clusters ?? []).map(({ start, last }) => ({ start, last, kind: t.dense?.kind ?? "map" })),
      ]),
    ),
    ...view.asked.map(({ start, last }) => ({ start, last, kind: "map" as const, hot: true })),
    ...view.accesses.flatMap((a) =>
      a.path.map((p) => ({ start: p.address, last: p.address, kind: "doorbell" as const, hot: true })),
    ),
  ];
}

export function stripLines(view: AddressSpaceView): string[] {
  const bands = view.bands.filter((b) => b.tracks.length > 0);
  const longest = Math.max(LABEL.least, ...bands.flatMap((b) => b.tracks.map((t) => plain(t.label).length)));
  const axis = axisOf(stretchesOf(view), WIDTH - DELTA - 4 - Math.min(longest, LABEL.most));
  const label = labelOf(axis);
  return bands.flatMap((band, i) => {
    const title = i === 0 ? cut(band.title, label).padEnd(label + 2) + scale(axis) : band.title;
    return ["", title].concat(band.tracks.flatMap((t) => trackLines(view, band, t, axis)));
  });
}

/** Columns of the names left of the strips. */
const labelOf = (axis: Axis): number => WIDTH - DELTA - 4 - axis.columns;

function trackLines(view: AddressSpaceView, band: Band, t: Track, axis: Axis): string[] {
  const delta = cut(t.delta === "=" ? "" : t.delta, DELTA);
  const label = labelOf(axis);
  return [`${cut(t.label, label).padEnd(label)} |${strip(t, axis)}| ${delta}`, ...signs(view, band, t, axis)];
}

/** Addresses above the strips: each begins where it stands; the telling ones first, as long as there is room. */
function scale(axis: Axis): string {
  const cells = Array.from({ length: axis.columns }, () => " ");
  const order = axis.starts.map((start, i) => ({ start, at: axis.at[i] ?? 0, worth: axis.worth[i] ?? 0 }));
  for (const { start, at } of order.toSorted((a, b) => b.worth - a.worth)) {
    const text = start === 0n ? "0" : short(start);
    const free = cells.slice(Math.max(0, at - 1), at + text.length + 1).every((c) => c === " ");
    if (free && at + text.length <= axis.columns) put(cells, [at, at + text.length], text);
  }
  return cells.join("");
}

function short(address: bigint): string {
  const bits = address.toString(2);
  return bits.length > 36 && !bits.slice(1).includes("1") ? `2^${bits.length - 1}` : hex(address);
}

function strip(track: Track, axis: Axis): string {
  const cells = Array.from({ length: axis.columns }, () => ".");
  axis.gap.forEach((gap, i) => {
    if (gap) cells.fill("~", axis.at[i], axis.at[i + 1]);
  });
  const { dense } = track;
  for (const c of dense?.clusters ?? []) put(cells, span(axis, c.start, c.last), "#".repeat(axis.columns));
  const order = (i: TrackInterval): number => (i.change === "removed" ? 0 : LOOKS[i.kind].under === true ? 1 : 2);
  for (const i of track.intervals.toSorted((a, b) => order(a) - order(b))) {
    const [from, to] = span(axis, i.start, i.last);
    put(cells, [from, to], bar(i, to - from));
  }
  return cells.join("");
}

function put(cells: string[], [from, to]: [number, number], text: string): void {
  for (let c = from; c < to; c++) cells[c] = text[c - from] ?? "";
}

/** `[M==]`, `M=`, `M`, by the room there is; what went with the step is `(M  )`. */
function bar(i: TrackInterval, width: number): string {
  const { letter, fill } = LOOKS[i.kind];
  const gone = i.change === "removed";
  if (width === 1) return gone ? letter.toLowerCase() : letter;
  if (width === 2) return gone ? "()" : letter + fill;
  const inner = (letter + (gone ? " " : fill).repeat(width)).slice(0, width - 2);
  return gone ? `(${inner})` : `[${inner}]`;
}

/** Under a track: what the step asked for there, and where a device's access came in or ended. */
function signs(view: AddressSpaceView, band: Band, track: Track, axis: Axis): string[] {
  const asked = view.asked
    .filter((a) => a.track === track.id)
    .map((a) =>
      sign(labelOf(axis), span(axis, a.start, a.last), `${a.label} ${range(a.start, a.last)}${a.ok ? "" : " REFUSED"}`),
    );
  const accesses = view.accesses.flatMap((a) =>
    a.path
      .filter((p) => p.track === track.id && p.band === band.id)
      .map((p, i) => {
        const first = p === a.path[0] && i === 0;
        const ended = p === a.path.at(-1);
        const at = column(axis, p.address);
        const text = first ? a.label : hex(p.address);
        return sign(labelOf(axis), [at, at + 1], `${text}${ended ? ` ${a.ok ? "" : "STOPPED: "}${a.end}` : ""}`);
      }),
  );
  return [...asked, ...accesses].flat();
}

function sign(label: number, [from, to]: [number, number], words: string): string[] {
  const lead = label + 2;
  const text = plain(words);
  const marks = "^".repeat(to - from);
  if (lead + to + 1 + text.length <= WIDTH) return [`${" ".repeat(lead + from)}${marks} ${text}`];
  if (text.length + 1 <= lead + from) return [`${`${text} `.padStart(lead + from)}${marks}`];
  return [" ".repeat(lead + from) + marks, ...wrap(text, " ".repeat(lead))];
}

function legendLines(bands: readonly Band[]): string[] {
  return bands.flatMap((b) =>
    b.tracks.flatMap((t) => {
      const name = [t.label, t.sub === "" ? "" : `(${t.sub})`].filter((x) => x !== "").join(" ");
      const dense =
        t.dense === undefined
          ? []
          : t.dense.clusters.map((c) => `    # ${range(c.start, c.last)}  ${c.count} intervals`);
      if (t.intervals.length === 0 && dense.length === 0) return [`${name}: nothing`];
      return [`${name}:`, ...dense, ...intervalLines(t, t.intervals, " ")];
    }),
  );
}

/** `+ M 0x40000000-0x401fffff 2M  RAM, RW`; `+` came with the step, `-` went. */
function intervalLines(track: Track, intervals: readonly TrackInterval[], lead: string): string[] {
  const listed = intervals.slice(0, LISTED);
  const wide = Math.max(21, ...listed.map((i) => range(i.start, i.last).length));
  const rest = intervals.length - listed.length;
  return [
    ...listed.flatMap((i) => {
      const sign = i.change === "added" ? "+" : i.change === "removed" ? "-" : " ";
      const head = `${lead}${sign} ${LOOKS[i.kind].letter} ${range(i.start, i.last).padEnd(wide)} ${sizeOf(i).padStart(5)}  `;
      // What the track's name says already.
      return wrap(said(i).endsWith(`_${track.label}`) ? "" : said(i), head, " ".repeat(lead.length + 6));
    }),
    ...(rest > 0 ? [`${lead}  and ${rest} more`] : []),
  ];
}

const sizeOf = (i: TrackInterval): string => size(i.last - i.start + 1n);

/** In words, without the size, which stands before it. */
function said(i: TrackInterval): string {
  if (i.kind === "mmio" || i.detail === "") return [i.label, i.detail].filter((x) => x !== "").join(", ");
  return i.detail.startsWith(`${sizeOf(i)}, `) ? i.detail.slice(sizeOf(i).length + 2) : i.detail;
}

function keyLines(bands: readonly Band[]): string[] {
  const kinds = new Set(bands.flatMap((b) => b.tracks.flatMap((t) => t.intervals.map((i) => i.kind))));
  const dense = bands.some((b) => b.tracks.some((t) => t.dense !== undefined));
  const seen = new Map([...kinds].map((k) => [LOOKS[k].letter, LOOKS[k].name]));
  const words = [...seen].map(([letter, name]) => `${letter} ${name}`);
  return [
    ...wrap([...words, ...(dense ? ["# very many"] : [])].join(", "), "Key: ", "     "),
    "     ~ cut, + new, - gone; not to scale, both ends inclusive",
  ];
}

/** What a step changed, track by track, without the strips. */
export function changeLines(view: AddressSpaceView, lead: string): string[] {
  return view.bands.flatMap((b) =>
    b.tracks.flatMap((t) => {
      const changed = t.intervals.filter((i) => i.change !== undefined);
      const asked = view.asked.filter((a) => a.track === t.id && !a.ok);
      if (changed.length === 0 && asked.length === 0) return [];
      return [
        `${lead}${t.label}:`,
        ...intervalLines(t, changed, `${lead}  `),
        ...asked.flatMap((a) => wrap(`${a.label} ${range(a.start, a.last)}`, `${lead}  ! `, `${lead}    `)),
      ];
    }),
  );
}

export function spacePage(view: AddressSpaceView): string[] {
  return [...heading("Address space"), ...spaceLines(view)];
}
