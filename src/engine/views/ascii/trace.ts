/** Why a step ended as it did: the trace as an indented list, the check that decided drawn with its interval and its neighbours. */
import type { CheckDetail, TraceEntry, WhyView } from "../types.ts";
import { heading, hex, range, wrap } from "./page.ts";

/** `short`: of a long trace only what led to the opened entry. */
export function traceLines(entries: readonly TraceEntry[], opened: number, short = false): string[] {
  const kept = short ? leading(entries, opened) : entries.map((_, i) => i);
  const returns = returnsOf(entries);
  const lines: string[] = [];
  const folded = { words: "", count: 0, lead: "" };
  const flush = (): void => {
    if (folded.count > 0) lines.push(`${folded.lead}${folded.count} ${folded.words}${folded.count === 1 ? "" : "s"}`);
    folded.count = 0;
  };
  for (const index of kept) {
    const e = entries[index];
    if (e === undefined || e.t === "leave") continue;
    const lead = `   ${"  ".repeat(Math.min(e.depth, 12))}`;
    if (e.t === "mem" && index !== opened) {
      const words = `memory ${e.write ? "write" : "read"}`;
      if (folded.words !== words || folded.lead !== lead) flush();
      Object.assign(folded, { words, lead, count: folded.count + 1 });
      continue;
    }
    flush();
    const text = say(e, returns.get(index));
    if (index === opened) lines.push(...wrap(text, `>> ${lead.slice(3)}`, `${lead}  `), ...detailLines(e, lead));
    else lines.push(...wrap(text, lead, `${lead}  `));
  }
  flush();
  return lines;
}

function returnsOf(entries: readonly TraceEntry[]): Map<number, string> {
  const open: number[] = [];
  const out = new Map<number, string>();
  entries.forEach((e, i) => {
    if (e.t === "enter") open.push(i);
    else if (e.t === "leave") {
      const start = open.pop();
      if (start !== undefined && e.ret !== "") out.set(start, e.ret);
    }
  });
  return out;
}

/** The opened entry, the functions it stands in, and what was done just before it. */
function leading(entries: readonly TraceEntry[], opened: number): number[] {
  if (opened < 0) return entries.flatMap((e, i) => (e.t === "enter" && e.depth < 3 ? [i] : []));
  const keep = new Set([opened]);
  let depth = entries[opened]?.depth ?? 0;
  for (let i = opened - 1; i >= 0; i--) {
    const e = entries[i];
    if (e?.t === "enter" && e.depth < depth) {
      keep.add(i);
      depth = e.depth;
    }
  }
  for (let i = opened - 1, left = 3; i >= 0 && left > 0; i--)
    if (entries[i]?.depth === entries[opened]?.depth && entries[i]?.t !== "leave") {
      keep.add(i);
      left--;
    }
  for (let i = opened + 1; i < Math.min(entries.length, opened + 4); i++)
    if (entries[i]?.t === "event" || entries[i]?.t === "msi") keep.add(i);
  return [...keep].sort((a, b) => a - b);
}

/** An entry in words; `ret`: what its function returned. */
export function say(e: Exclude<TraceEntry, { t: "leave" }>, ret: string | undefined): string {
  switch (e.t) {
    case "enter":
      return `${e.fn}(${e.args.join(", ")})${ret === undefined ? "" : ` = ${ret}`}`;
    case "check":
      return `${e.ok ? "ok" : "NO"}: ${e.what}`;
    case "note":
      return `note: ${e.what}`;
    case "mem":
      return `${e.write ? "write" : "read"} ${e.what} at ${hex(e.pa)}: ${word(e.lo, e.hi)}`;
    case "cmd":
      return `command ${e.text}`;
    case "tlb":
      return `TLB ${e.hit ? "hit" : "miss"}: ${e.what}`;
    case "event":
      return `event ${e.text}`;
    case "msi":
      return `interrupt ${e.delivered ? "delivered" : "silent"}: ${e.what}`;
  }
}

function word(lo: number, hi: number): string {
  return hex((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0));
}

/** The interval that was asked for, what it met, and the neighbours around the hole. */
function detailLines(e: TraceEntry, lead: string): string[] {
  if (e.t !== "check" || e.detail === undefined) return [];
  const d: CheckDetail = e.detail;
  const said = (name: string, start: bigint, last: bigint, label: string): string[] =>
    wrap(
      `${range(start, last)}${label === "" ? "" : `  ${label}`}`,
      `${lead}  ${name.padEnd(7)} `,
      `${lead}          `,
    );
  return [
    ...(d.left === undefined
      ? []
      : wrap(
          `${d.left}, against ${d.right === undefined || d.right === "" ? "nothing" : d.right}`,
          `${lead}  values  `,
          `${lead}          `,
        )),
    ...(d.before === undefined ? [] : said("before", d.before.start, d.before.last, d.before.label)),
    ...(d.range === undefined ? [] : said("asked", d.range.start, d.range.last, "")),
    ...(d.hits ?? []).flatMap((h) => said("meets", h.start, h.last, h.label)),
    ...(d.after === undefined ? [] : said("after", d.after.start, d.after.last, d.after.label)),
  ];
}

export function whyLines(why: WhyView, step: number, title: string, short = false): string[] {
  if (step === 0) return ["No step has run yet."];
  return [
    ...wrap(`step ${step} ${title}: ${why.headline}`),
    ...traceLines(why.entries, why.opened, short),
    ...why.causes.flatMap((c) => [
      "",
      ...wrap(`because of step ${c.step}: ${c.text}`),
      ...traceLines(c.entries, c.opened, true),
    ]),
  ];
}

export function whyPage(why: WhyView, step: number, title: string): string[] {
  return [...heading("Why"), ...whyLines(why, step, title)];
}

/** The check or event that decided, with what it looked at; nothing for a success. */
export function decidedLines(why: WhyView, lead: string): string[] {
  const e = why.entries[why.opened];
  return e === undefined || e.t === "leave"
    ? []
    : [...wrap(say(e, undefined), lead, `${lead}  `), ...detailLines(e, lead)];
}
