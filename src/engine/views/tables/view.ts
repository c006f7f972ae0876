/** Tables down a path, and any of their entries for the inspector. */
import { hex } from "../../../hw/base/bits.ts";
import { bitGrid } from "../grid.ts";
import { placeText } from "../walk/view.ts";
import type { InspectorView, Ref } from "../types.ts";
import { rootSource, tableRoots } from "./roots.ts";
import { entryOf, pageOf, readEntry } from "./rows.ts";
import type { Reading, Source } from "./source.ts";
import type { TableEntry, TablePlace, TablesAsked, TablesView } from "./types.ts";

/** Deeper than any tables go: stream table in two levels, contexts in two, page tables in four. */
const DEEPEST = 9;

/** A root that is not there has no pages and says so at the end; a sentence when there is no table at all. */
export function tablesView(r: Reading, asked: TablesAsked): TablesView | string {
  const roots = tableRoots(r.world);
  const root = asked.root ?? roots[0]?.ref ?? null;
  if (root === null) return "This machine has no table in emulated memory: its IOMMU is modelled without one.";
  const first = rootSource(r, root, asked.pasid ?? 0);
  if (first === null) {
    const end = `There is no ${root.replace(":", " ")} with a table after this step.`;
    return { roots, root, path: [], pages: [], chosen: null, end };
  }
  const { sources, path, why } = follow(first, asked);
  const pages = sources.map((s, n) =>
    pageOf(
      s,
      path[n] ?? -1,
      (asked.open ?? []).filter((o) => o.page === n),
    ),
  );
  const at = path.length - 1;
  const source = sources[at];
  const index = path[at];
  let chosen: TablesView["chosen"] = null;
  if (source !== undefined && index !== undefined) {
    const read = readEntry(source, index);
    const entry = entryOf(source, read);
    chosen = {
      page: at,
      entry,
      grid: bitGrid(read.decoded.table, read.words, {
        title: `${source.title}[${hex(index)}]`,
        ...(entry.pa === null ? {} : { address: Number(entry.pa) }),
        before: read.old,
      }),
    };
  }
  return { roots, root, path, pages, chosen, end: why ?? endOf(r, sources, path, chosen?.entry ?? null, asked.at) };
}

interface Followed {
  sources: Source[];
  path: number[];
  /** Why the tables end before the entry says so. */
  why: string | null;
}

function follow(first: Source, asked: TablesAsked): Followed {
  const sources: Source[] = [first];
  const path: number[] = [];
  for (let n = 0; n < DEEPEST; n++) {
    const source = sources[n];
    if (source === undefined || source.empty !== undefined) break;
    const given = asked.path[n];
    const index = given ?? (asked.at === undefined ? -1 : source.indexOf(asked.at));
    if (index < 0 || index >= source.entries || !Number.isInteger(index)) break;
    path.push(index);
    const below = source.below(source.load(index), index);
    if (typeof below === "string") return { sources, path, why: below };
    if (below === null) break;
    sources.push(below);
  }
  return { sources, path, why: null };
}

function endOf(
  r: Reading,
  sources: readonly Source[],
  path: readonly number[],
  entry: TableEntry | null,
  at: bigint | undefined,
): string {
  if (entry === null || path.length < sources.length) return "";
  const title = `${sources[path.length - 1]?.title ?? ""}[${hex(entry.index)}]`;
  if (entry.bad !== undefined) return `${title} ${entry.bad}`;
  if (!entry.valid) return `${title} ${entry.what === "invalid" ? "is invalid" : entry.what}`;
  const { target, range } = entry;
  if (target?.label !== "output" || range === null) return `${title} ${entry.what}`;
  const inside = at !== undefined && at >= range.start && at <= range.last ? at - range.start : 0n;
  const address = (target.ipa ?? target.pa ?? 0n) + inside;
  if (target.ipa === undefined) return `PA 0x${address.toString(16)}${placeText(r.world, Number(address))}`;
  return `IPA 0x${address.toString(16)}${target.pa === null ? ", nowhere in memory" : ` = PA 0x${(target.pa + inside).toString(16)}`}`;
}

/** `slot:<root>@<index>.<index>`: an entry that has no name of its own. Null when there is none. */
export function inspectSlot(r: Reading, ref: Ref): InspectorView | null {
  const place = placeOf(ref.slice("slot:".length));
  const first = place === null ? null : rootSource(r, place.root, 0);
  if (first === null || place === null) return null;
  const { sources, path } = follow(first, place);
  const source = sources[path.length - 1];
  const index = path.at(-1);
  if (source === undefined || index === undefined || path.length !== place.path.length) return null;
  const read = readEntry(source, index);
  const entry = entryOf(source, read);
  const title = `${source.title}[${hex(index)}]`;
  const fields: InspectorView["fields"] = [
    { name: "says", value: entry.what, ...(entry.changed ? { change: true } : {}) },
  ];
  if (entry.bad !== undefined) fields.push({ name: "but", value: entry.bad });
  if (entry.ipa !== undefined) fields.push({ name: "IPA", value: `0x${entry.ipa.toString(16)}` });
  if (entry.range !== null)
    fields.push({ name: "covers", value: `0x${entry.range.start.toString(16)}-0x${entry.range.last.toString(16)}` });
  const to = entry.target;
  if (to !== null && to.pa !== null) fields.push({ name: to.label, value: `0x${to.pa.toString(16)}` });
  return {
    ref,
    title,
    subtitle: entry.pa === null ? source.sub : `at 0x${entry.pa.toString(16)}`,
    fields,
    grids: [
      bitGrid(read.decoded.table, read.words, {
        title,
        ...(entry.pa === null ? {} : { address: Number(entry.pa) }),
        before: read.old,
      }),
    ],
    structs: [],
  };
}

/** `dev:D1@0.24.0` as a place; null when it is none. */
export function placeOf(text: string): TablePlace | null {
  const at = text.lastIndexOf("@");
  if (at < 1) return null;
  const path = text
    .slice(at + 1)
    .split(".")
    .filter((p) => p !== "")
    .map(Number);
  return path.every((p) => Number.isInteger(p) && p >= 0) ? { root: text.slice(0, at), path } : null;
}
