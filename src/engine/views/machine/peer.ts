/** The way of a write from one function to a BAR of another, by the windows and ACS bits as they stand. */
import { hex } from "../../../hw/base/bits.ts";
import type { PciBus, PciFunction } from "../../../hw/pci/function.ts";
import { type Route, route } from "../../../hw/pci/route.ts";
import type { World } from "../../sim/world.ts";
import type { PeerView } from "./types.ts";

/** A sentence where there is nothing to write to, or no such function. */
export function peerView(world: World, from: string, to: string): PeerView | string {
  const { pci } = world.machine;
  const f = pci.byBdf.get(from);
  const target = pci.byBdf.get(to);
  if (f === undefined || target === undefined) return `There is no ${f === undefined ? from : to} on this machine now.`;
  if (f === target) return "A function reaches itself without leaving.";
  const bar = target.desc.bars.find((b) => b.kind !== "io" && b.index !== 6);
  if (bar === undefined) return `${to} has no memory BAR that another device could write to.`;
  const address = target.barAddress(bar.index);
  if (address <= 0) return `BAR${bar.index} of ${to} has no address yet.`;
  const way = route(pci, f, address, false);
  const end =
    way.to === "peer" ? "direct" : way.to === "blocked" ? "blocked" : way.hops.length > 0 ? "redirected" : "up";
  return {
    from,
    to,
    bar: `BAR${bar.index}`,
    address,
    end,
    why: whyOf(way, end, target),
    path: pathOf(pci, f, way),
    hops: way.hops,
    after: end === "redirected" || end === "up" ? afterwards(world, f, address) : "",
  };
}

function whyOf(way: Route, end: PeerView["end"], target: PciFunction): string {
  const last = way.hops.at(-1);
  const off = target.memoryEnabled ? "" : `; memory decoding of ${target.bdf} is off`;
  switch (end) {
    case "direct":
      return last === undefined ? "nothing redirects it" : `${last.bdf}: ${last.what}`;
    case "blocked":
      return `${last === undefined ? "nobody takes it" : `${last.bdf}: ${last.what}`}${off}`;
    case "redirected":
      return `${way.hops[0]?.bdf}: ${way.hops[0]?.what}`;
    case "up":
      return `nobody on the way up claims the address${off}`;
  }
}

/** Functions on the way: up to where it turns, and down to where it ends. */
function pathOf(pci: PciBus, f: PciFunction, way: Route): string[] {
  const chain = (g: PciFunction | null): string[] => (g === null ? [] : [g.bdf, ...chain(pci.parentOf(g))]);
  const above = chain(f);
  if (way.to === "root") return [...above, "root"];
  const end = way.peer?.f ?? pci.byBdf.get(way.hops.at(-1)?.bdf ?? "") ?? f;
  const down = chain(end);
  const turn = down.findIndex((b) => above.includes(b));
  // It turns on the bus below what both have above them, unless that bridge itself is where it ends.
  const top = turn < 0 ? above : above.slice(0, above.indexOf(down[turn] ?? "") + (turn === 0 ? 1 : 0));
  return [...top, ...(turn < 0 ? down : down.slice(0, turn)).toReversed()];
}

/** What the IOMMU does with the address. */
function afterwards(world: World, f: PciFunction, address: number): string {
  const smmu = world.machine.smmuOf(f.bdf);
  if (smmu === null) return "no IOMMU stands there: it reaches the address as it is";
  return `the IOMMU takes ${hex(address)} for an IOVA of stream ${hex(f.desc.streamId)}`;
}
