/** Tracks of VFIO's own containers: what is mapped, the list of valid IOVAs, the page tables. */
import type { VfioDma } from "../../kernel/vfio/type1_state.ts";
import { containers, containerTable } from "../../sim/containers.ts";
import { sizeText } from "../../sim/scenario/values.ts";
import type { World } from "../../sim/world.ts";
import { memoryName, pgtableOf } from "../context.ts";
import type { TrackInterval } from "../types.ts";
import type { TableView } from "./tables.ts";
import { count, type RawTrack, tableTrack, track } from "./tracks.ts";

const hex = (v: bigint): string => `0x${v.toString(16)}`;

export function containerTracks(world: World, tables: readonly TableView[]): RawTrack[] {
  return containers(world).flatMap((one) => {
    const { ref, title, type1 } = one;
    const mapped = type1.dmas.map((dma) => dmaInterval(world, dma, ref));
    const list: RawTrack[] = [track(`${ref}:mapped`, `${title} mapped`, count(mapped.length, "map"), ref, mapped)];
    if (world.kernel.features.type1_iova_list) {
      const ranges = type1.iova_list.map((r): TrackInterval => listInterval(r, ref));
      list.push(track(`${ref}:ranges`, "valid IOVAs", count(ranges.length, "range"), ref, ranges));
    }
    for (const [i, { domain }] of type1.domains.entries()) {
      const view = tables.find((t) => t.track === containerTable(one, i));
      const cfg = pgtableOf(domain)?.cfg;
      if (view === undefined || cfg === undefined) continue;
      list.push({ ...tableTrack(world, view, `${title} table`, `S${cfg.stage} ${cfg.ias}-bit`), group: ref });
    }
    return list;
  });
}

export function dmaInterval(
  world: World,
  dma: Pick<VfioDma, "iova" | "size" | "vaddr" | "prot">,
  ref: string,
): TrackInterval {
  const size = sizeText(dma.size);
  const access = ((dma.prot & 1) !== 0 ? "R" : "") + ((dma.prot & 2) !== 0 ? "W" : "");
  const detail = `${size} of ${memoryName(world, dma.vaddr)}, ${access}`;
  return { start: dma.iova, last: dma.iova + dma.size - 1n, kind: "map", label: size, detail, ref };
}

function listInterval(r: { start: bigint; last: bigint }, ref: string): TrackInterval {
  const label = `${hex(r.start)} - ${hex(r.last)}`;
  return {
    start: r.start,
    last: r.last,
    kind: "range",
    label,
    detail: "valid as of the last group that came or went",
    ref,
  };
}
