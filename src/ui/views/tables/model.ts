/** What Tables asks for, and how its rows are gone through. */
import type { TableEntry, TablePage, TablePlace, TablesAsked, TablesView } from "../../../engine/views/types.ts";
import type { Picked, Target } from "../../app/state.ts";
import { hex } from "../../draw/format.ts";
import type { Cursor } from "./draw.ts";

/** The entry that was chosen; else what was picked in the address space; else the way of what is walked. */
export function askedOf(entry: TablePlace | null, picked: Picked | null, target: Target | null): TablesAsked {
  if (entry !== null) return { root: entry.root, path: entry.path };
  const track = picked === null ? null : rootOfTrack(picked.track);
  if (picked !== null && track !== null) return { root: track, path: [], at: picked.start };
  if (target === null) return { root: null, path: [] };
  const pasid = target.pasid === undefined ? {} : { pasid: target.pasid };
  return { root: `dev:${target.device}`, path: [], at: target.iova, ...pasid };
}

/** A track of a page table in the address space names its root. */
export function rootOfTrack(track: string): string | null {
  if (track.startsWith("s1:")) return track;
  const hwpt = /^(hwpt:.+):table$/.exec(track);
  return hwpt?.[1] ?? (/^container:.+:table\d*$/.test(track) ? track : null);
}

/** The track on which a root's addresses stand; null when there is none. */
export function trackOfRoot(root: string): string | null {
  if (root.startsWith("s1:") || root.startsWith("container:")) return root;
  return root.startsWith("hwpt:") ? `${root}:table` : null;
}

/** The row after or before the cursor; without one the chosen entry, else the first. */
export function moved(page: TablePage, cursor: Cursor | null, n: number, by: number): Cursor | null {
  const ids = page.rows.map((r) => (r.t === "fold" ? r.first : r.index));
  const now = cursor !== null && cursor.page === n ? ids.indexOf(cursor.index) : ids.indexOf(page.picked);
  const to = now < 0 ? 0 : Math.max(0, Math.min(ids.length - 1, now + by));
  const id = ids[to];
  return id === undefined ? null : { page: n, index: id };
}

/** One row in words, for the live region. */
export function spokenRow(page: TablePage, index: number): string {
  const row = page.rows.find((r) => (r.t === "fold" ? r.first : r.index) === index);
  if (row === undefined) return "";
  if (row.t === "fold")
    return `${page.title}, entries 0x${row.first.toString(16)} to 0x${row.last.toString(16)}, ${row.count} ${row.what}. Enter writes them one by one.`;
  return `${page.title} entry 0x${row.index.toString(16)}: ${entryWords(row)}`;
}

export function entryWords(row: TableEntry): string {
  const to =
    row.target === null
      ? ""
      : `, to ${row.target.ipa === undefined ? "" : `IPA ${hex(row.target.ipa)}, `}${row.target.pa === null ? "nowhere" : hex(row.target.pa)}`;
  const from = row.range === null || row.range.start === row.range.last ? "" : `, from ${hex(row.range.start)}`;
  return `${row.bad ?? row.what}${from}${to}${row.changed ? ", changed by this step" : ""}`;
}

/** Chosen path with another entry in one page; what was below it goes. */
export function pathWith(view: TablesView, page: number, index: number): number[] {
  return [...view.path.slice(0, page), index];
}
