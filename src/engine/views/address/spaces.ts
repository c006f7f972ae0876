/** Tracks of the address spaces of 2021: what the program mapped, and what the page tables hold. */
import { openSpaces, spaceTable } from "../../sim/spaces.ts";
import type { World } from "../../sim/world.ts";
import { pgtableOf } from "../context.ts";
import { dmaInterval } from "./containers.ts";
import type { TableView } from "./tables.ts";
import { count, type RawTrack, tableTrack, track } from "./tracks.ts";

/** Spaces of guests' tables have no mappings of their own: their tables are the guest's tracks. */
export function spaceTracks(world: World, tables: readonly TableView[]): RawTrack[] {
  return openSpaces(world).flatMap(({ ref, title, space }) => {
    if (space.kind !== "kernel") return [];
    const mapped = space.dmas.map((dma) => dmaInterval(world, dma, ref));
    const list: RawTrack[] = [track(`${ref}:mapped`, `${title} mapped`, count(mapped.length, "map"), ref, mapped)];
    const view = tables.find((t) => t.track === spaceTable(ref));
    const cfg = pgtableOf(space.domain)?.cfg;
    if (view !== undefined && cfg !== undefined)
      list.push({ ...tableTrack(world, view, `${title} table`, `S${cfg.stage} ${cfg.ias}-bit`), group: ref });
    return list;
  });
}
