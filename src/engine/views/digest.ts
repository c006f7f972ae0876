/**
 * What can be observed of a world, as short facts: reserved ranges by owner, MSI addresses, doorbell pages, attachments.
 * A step's effect is the facts that came and went; two kernels differ in a step when their effects differ.
 * Physical addresses of memory are left out: they depend on what was allocated before, not on the kernel's rules.
 */
import { messageOf } from "../../hw/pci/msi.ts";
import { deviceNames, refOf } from "../sim/refs.ts";
import { sizeText } from "../sim/scenario/values.ts";
import type { World } from "../sim/world.ts";
import { DENSE } from "./address/spans.ts";
import { isDoorbellAt } from "./address/tracks.ts";
import { eachPart, tablesOf } from "./address/tables.ts";
import { objectsOf } from "./context.ts";

const hex = (v: bigint): string => `0x${v.toString(16)}`;

/** Fact -> the few characters that a lane shows for it. */
export type Digest = Map<string, string>;

export function digest(world: World): Digest {
  const facts: Digest = new Map();
  for (const ioas of objectsOf(world, "IOAS")) {
    const ref = refOf(world, ioas);
    const seen = new Map<string, number>();
    for (const r of ioas.iopt.reserved) {
      const range = `${hex(r.start)}-${hex(r.last)}`;
      const key = `${ref} reserves ${range} for ${r.kind === "aperture" ? "an aperture" : deviceNames(world, r.label)}`;
      const n = (seen.get(key) ?? 0) + 1;
      seen.set(key, n);
      facts.set(
        n === 1 ? key : `${key} (${n})`,
        r.kind === "sw-msi" ? "S reserved" : r.kind === "aperture" ? "aperture" : "R reserved",
      );
    }
    const { areas } = ioas.iopt;
    if (areas.size > DENSE) {
      let print = 0;
      for (const list of Object.values(areas.bounds()))
        for (const word of new Uint32Array(list.buffer)) print = (Math.imul(print, 31) + word) | 0;
      facts.set(`${ref} maps ${areas.size} areas, ${(print >>> 0).toString(16)}`, `${areas.size} areas`);
    } else
      for (const a of areas)
        facts.set(`${ref} maps ${hex(a.start)}-${hex(a.last)}`, `mapped ${sizeText(a.last - a.start + 1n)}`);
  }
  for (const t of tablesOf(world))
    if (t.kind === "hwpt")
      eachPart(t, (start, _end, out) => {
        if (isDoorbellAt(world, out)) facts.set(`${t.ref} holds a doorbell at 0x${start.toString(16)}`, "doorbell");
      });
  for (const d of world.devices.values()) {
    const f = world.machine.pci.byBdf.get(d.bdf);
    const message = f === undefined ? undefined : messageOf(f.config, f.msix, 0);
    if (message !== undefined && typeof message !== "string") {
      const address = hex((BigInt(message.hi) << 32n) | BigInt(message.lo));
      facts.set(`${d.name} writes its MSI to ${address}`, address.slice(2));
    }
  }
  for (const idev of objectsOf(world, "DEVICE")) {
    const hwpt = idev.igroup.pasid_attach.get(0);
    if (hwpt?.devices.has(idev.id) === true)
      facts.set(`${refOf(world, idev)} is attached to ${refOf(world, hwpt.hwpt)}`, "attached");
  }
  return facts;
}
