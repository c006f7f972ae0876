/** Paging entries of VT-d, bit by bit. */
import { hex, hex64 } from "../../../hw/base/bits.ts";
import { FS_ENTRY, SS_ENTRY } from "../../../hw/vtd/paging.ts";
import type { World } from "../../sim/world.ts";
import { addressOf, bitGrid, wordsAt } from "../grid.ts";
import type { InspectorView } from "../types.ts";

/** `desc:<pa>:SS:<level>`: one entry of the second stage, or (`FS`) of the first; level 1 has the 4 KiB pages. */
export function inspectVtdEntry(
  world: World,
  before: World | null,
  pa: number,
  stage: "SS" | "FS",
  level: number,
): InspectorView {
  const table = stage === "SS" ? SS_ENTRY : FS_ENTRY;
  const words = wordsAt(world.machine.mem, pa, 2);
  const lo = words[0] ?? 0;
  const present = (lo & (stage === "SS" ? 3 : 1)) !== 0;
  const leaf = level === 1 || (lo & 0x80) !== 0;
  const title = `${stage === "SS" ? "second" : "first"} stage level ${level} ${present ? (leaf ? "page" : "table") : "not present"}`;
  const fields = present
    ? [
        { name: "value", value: hex64(lo >>> 0, (words[1] ?? 0) >>> 0) },
        { name: leaf ? "output" : "next table", value: hex(addressOf(table, words, "Address")) },
      ]
    : [];
  const old = before === null ? null : wordsAt(before.machine.mem, pa, 2);
  return {
    ref: `desc:${hex(pa)}:${stage}:${level}`,
    title,
    subtitle: `at ${hex(pa)}`,
    fields,
    grids: [bitGrid(table, words, { title, address: pa, before: old })],
    structs: [],
  };
}
