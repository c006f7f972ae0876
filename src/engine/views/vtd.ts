/** What of a VT-d unit the views read: its registers and tables, as they stand in emulated memory. */
import { get } from "../../hw/base/fields.ts";
import { CONTEXT, PASID_DIR, PASID_ENTRY, PGTT, SM_CONTEXT } from "../../hw/vtd/entries.ts";
import { VtdUnit } from "../../hw/vtd/unit.ts";
import type { World } from "../sim/world.ts";
import { addressOf, wordsAt } from "./grid.ts";
import type { TableShape } from "./leaves.ts";

/** The unit in front of a function; null without one. */
export function vtdOf({ machine }: Pick<World, "machine">, bdf: string): VtdUnit | null {
  const unit = machine.unitOf(bdf);
  return unit instanceof VtdUnit ? unit : null;
}

export function vtdUnits(world: World): VtdUnit[] {
  return world.machine.units.filter((unit): unit is VtdUnit => unit instanceof VtdUnit);
}

/** Requester ID with which a function's requests arrive. */
export function sourceIdOf(world: World, bdf: string): number {
  const f = world.machine.pci.byBdf.get(bdf);
  return f === undefined ? 0 : world.machine.pci.requesterId(f);
}

export function isScalable(unit: VtdUnit): boolean {
  return unit.translator.reader.scalable;
}

export function rootTable(unit: VtdUnit): number {
  const { rootLo, rootHi } = unit.translator.reader;
  return (rootHi & 0xfffff) * 2 ** 32 + ((rootLo & ~0xfff) >>> 0);
}

/** Address of the context entry of a source id; null where the root entry is not present. */
export function contextAddress(unit: VtdUnit, sid: number): number | null {
  const scalable = isScalable(unit);
  const half = scalable && (sid & 0x80) !== 0 ? 2 : 0;
  const root = wordsAt(unit.mem, rootTable(unit) + (sid >>> 8) * 16, 4);
  if (((root[half] ?? 0) & 1) === 0) return null;
  const table = ((root[half + 1] ?? 0) & 0xfffff) * 2 ** 32 + (((root[half] ?? 0) & ~0xfff) >>> 0);
  return table + (scalable ? (sid & 127) * 32 : (sid & 255) * 16);
}

/** Address of a PASID entry; null where nothing leads to it, or in legacy mode. */
export function pasidAddress(unit: VtdUnit, sid: number, pasid: number): number | null {
  const at = isScalable(unit) ? contextAddress(unit, sid) : null;
  if (at === null) return null;
  const context = wordsAt(unit.mem, at, SM_CONTEXT.words);
  if (get(SM_CONTEXT.f.P, context) === 0) return null;
  const dir = wordsAt(unit.mem, addressOf(SM_CONTEXT, context, "Directory") + (pasid >>> 6) * 8, 2);
  return get(PASID_DIR.f.P, dir) === 0 ? null : addressOf(PASID_DIR, dir, "Table") + (pasid & 63) * 64;
}

/** `second stage DID 14`, `pass-through`, `not present`: where requests of a source id lead. */
export function translationText(unit: VtdUnit, sid: number, pasid = 0): string {
  const at = contextAddress(unit, sid);
  if (at === null) return "no context";
  if (!isScalable(unit)) return contextText(wordsAt(unit.mem, at, CONTEXT.words));
  const entry = pasidAddress(unit, sid, pasid);
  return entry === null ? "no PASID entry" : pasidText(wordsAt(unit.mem, entry, PASID_ENTRY.words));
}

/** Of a legacy context entry. */
export function contextText(words: ArrayLike<number>): string {
  if (get(CONTEXT.f.P, words) === 0) return "not present";
  return `${CONTEXT.f.TT.values?.[get(CONTEXT.f.TT, words)] ?? "reserved type"} DID ${get(CONTEXT.f.DID, words)}`;
}

export function pasidText(words: ArrayLike<number>): string {
  if (get(PASID_ENTRY.f.P, words) === 0) return "not present";
  const type = get(PASID_ENTRY.f.PGTT, words);
  return `${PASID_ENTRY.f.PGTT.values?.[type] ?? "reserved type"} DID ${get(PASID_ENTRY.f.DID, words)}`;
}

/** A table of `levels` levels, 4 KiB pages. */
export function vtdShape(root: number, levels: number, format: "first" | "second"): TableShape {
  const stage = format === "first" ? 1 : 2;
  return { root, stage, granule: 12, startLevel: 4 - levels, topEntries: 512, format };
}

/** The table that a legacy context entry leads to; null for none. */
export function contextShape(words: ArrayLike<number>): TableShape | null {
  if (get(CONTEXT.f.P, words) === 0 || get(CONTEXT.f.TT, words) > 1) return null;
  return vtdShape(addressOf(CONTEXT, words, "Table"), get(CONTEXT.f.AW, words) + 2, "second");
}

/** The table that a PASID entry leads to first; null for none. Guest-physical under nesting. */
export function pasidShape(words: ArrayLike<number>): TableShape | null {
  if (get(PASID_ENTRY.f.P, words) === 0) return null;
  const type = get(PASID_ENTRY.f.PGTT, words);
  if (type === PGTT.SECOND)
    return vtdShape(addressOf(PASID_ENTRY, words, "SSPTPTR"), get(PASID_ENTRY.f.AW, words) + 2, "second");
  if (type !== PGTT.FIRST) return null;
  return vtdShape(addressOf(PASID_ENTRY, words, "FSPTPTR"), get(PASID_ENTRY.f.FSPM, words) === 1 ? 5 : 4, "first");
}
