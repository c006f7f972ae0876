/** Where the reads of a walk stand: the entry's name, and the path to it through its tables. */
import { hex } from "../../../hw/base/bits.ts";
import type { Smmuv3 } from "../../../hw/smmuv3/smmu.ts";
import { refOf } from "../../sim/refs.ts";
import type { World, WorldDevice } from "../../sim/world.ts";
import { attachedTables } from "../../sim/attached.ts";
import type { WalkRead } from "../types.ts";
import type { RawRead } from "./record.ts";

export interface Places {
  of(raw: RawRead): Pick<WalkRead, "ref" | "place">;
}

/** Reads come in the order in which they were made: each index goes on from the ones before it. */
export function placesOf(world: World, d: WorldDevice, smmu: Smmuv3, sid: number, pasid: number): Places {
  const root = `dev:${d.name}`;
  const attached = attachedTables(world, d, pasid);
  const paging = attached === null ? null : refOf(world, attached.paging);
  const stream = smmu.twoLevel ? [sid >>> smmu.split, sid & ((1 << smmu.split) - 1)] : [sid];
  let own = [...stream];
  let second: number[] = [];
  return {
    of: (raw) => {
      const m = /^(L1STD|STE|L1CD|CD|S1 L(\d)|S2 L(\d))[[ ]?(0x[0-9a-f]+|\d+)/.exec(raw.what);
      const kind = m?.[1] ?? "";
      const index = Number(m?.[4] ?? 0);
      if (kind === "L1STD") return { ref: `slot:${root}@${index}`, place: { root, path: stream.slice(0, 1) } };
      if (kind === "STE") return { ref: `ste:${hex(sid)}`, place: { root, path: stream } };
      if (kind === "L1CD") {
        own = [...stream, index];
        return { ref: `desc:${hex(raw.pa)}:1:0`, place: { root, path: own } };
      }
      if (kind === "CD") {
        own = [...own, own.length > stream.length ? index % 64 : index];
        return { ref: pasid === 0 ? `cd:${hex(sid)}` : `cd:${hex(sid)}:${pasid}`, place: { root, path: own } };
      }
      if (m?.[2] !== undefined) {
        own = own.length === stream.length ? [...own, pasid, index] : [...own, index];
        return { ref: `desc:${hex(raw.pa)}:1:${m[2]}`, place: { root, path: own } };
      }
      if (m?.[3] === undefined) return {};
      const level = Number(m[3]);
      second = second.length > 0 && level > (second[0] ?? 0) ? [...second, index] : [level, index];
      const down = second.slice(1);
      const place = paging === null ? { root, path: [...stream, ...down] } : { root: paging, path: down };
      return { ref: `desc:${hex(raw.pa)}:2:${level}`, place };
    },
  };
}
