/** Structures of the SMMU and of PCI, bit by bit. */
import { hex, hex64 } from "../../../hw/base/bits.ts";
import { type Field, get, nameOf } from "../../../hw/base/fields.ts";
import { S1_LEAF, S2_LEAF, TABLE_DESC } from "../../../hw/pgtable/vmsav8.ts";
import { CD, L1CD } from "../../../hw/smmuv3/cd.ts";
import type { Smmuv3 } from "../../../hw/smmuv3/smmu.ts";
import { L1STD, STE } from "../../../hw/smmuv3/ste.ts";
import type { World } from "../../sim/world.ts";
import { addressOf, bitGrid, wordsAt } from "../grid.ts";
import { guestToPhys } from "../address/tables.ts";
import type { InspectorView } from "../types.ts";

export type Fields = InspectorView["fields"];

/** The fields of an STE that a guest's own words supply when stage 1 is nested. Source: linux 7.2 arm-smmu-v3-iommufd.c. */
const FROM_GUEST = new Set([
  "V",
  "S1Fmt",
  "S1ContextPtr[31:6]",
  "S1ContextPtr[51:32]",
  "S1CDMax",
  "S1DSS",
  "S1CIR",
  "S1COR",
  "S1CSH",
  "S1STALLD",
  "EATS",
]);
const NESTED = 7;
const CD_BYTES = 64;

/** Physical address of the STE of a stream, through the level-1 table; null when there is none. */
export function steAddress(smmu: Smmuv3, sid: number): number | null {
  const base = (smmu.strtabHi & 0xfffff) * 2 ** 32 + ((smmu.strtabLo & ~63) >>> 0);
  if (!smmu.twoLevel) return base + sid * 64;
  const l1 = wordsAt(smmu.mem, base + (sid >>> smmu.split) * 8, 2);
  if (get(L1STD.f.Span, l1) === 0) return null;
  return addressOf(L1STD, l1, "L2Ptr") + (sid & ((1 << smmu.split) - 1)) * 64;
}

/** `ste:0x18`. */
export function inspectSte(world: World, before: World | null, sid: number): InspectorView | null {
  for (const [i, smmu] of world.machine.smmus.entries()) {
    const at = steAddress(smmu, sid);
    if (at === null) continue;
    const words = wordsAt(smmu.mem, at, STE.words);
    const nested = get(STE.f.Config, words) === NESTED;
    const old = before?.machine.smmus[i];
    const oldAt = old === undefined ? null : steAddress(old, sid);
    const title = `STE ${hex(sid)}`;
    const grid = bitGrid(STE, words, {
      title,
      address: at,
      before: old === undefined || oldAt === null ? null : wordsAt(old.mem, oldAt, STE.words),
      ...(nested ? { from: (f: Field) => (FROM_GUEST.has(f.name) ? "guest" : "host") } : {}),
    });
    return {
      ref: `ste:${hex(sid)}`,
      title,
      subtitle: `at ${hex(at)}`,
      fields: steFields(words),
      grids: [grid],
      structs: [],
    };
  }
  return null;
}

function steFields(words: ArrayLike<number>): Fields {
  const config = get(STE.f.Config, words);
  const fields: Fields = [{ name: "Config", value: `${config} ${nameOf(STE.f.Config, config)}` }];
  if ((config & 5) === 5) fields.push({ name: "S1ContextPtr", value: hex(addressOf(STE, words, "S1ContextPtr")) });
  if ((config & 6) === 6) {
    fields.push({ name: "S2TTB", value: hex(addressOf(STE, words, "S2TTB")) });
    fields.push({ name: "S2VMID", value: String(get(STE.f.S2VMID, words)) });
    fields.push({ name: "S2T0SZ", value: `${get(STE.f.S2T0SZ, words)}: ${64 - get(STE.f.S2T0SZ, words)} bits in` });
    fields.push({ name: "S2PS", value: `${nameOf(STE.f.S2PS, get(STE.f.S2PS, words))} bits out` });
  }
  return fields;
}

/** `cd:0x18`, `cd:0x18:5`: the context descriptor of a stream, of a PASID; for a nested one in guest memory. */
export function inspectCd(world: World, before: World | null, sid: number, pasid = 0): InspectorView | null {
  const at = cdAddress(world, sid, pasid);
  if (at === null) return null;
  const words = wordsAt(world.machine.mem, at, CD.words);
  const old = before === null ? null : cdAddress(before, sid, pasid);
  const title = `CD[${pasid}]`;
  const grid = bitGrid(CD, words, {
    title,
    address: at,
    before: before === null || old === null ? null : wordsAt(before.machine.mem, old, CD.words),
  });
  const fields: Fields = [
    { name: "V", value: String(get(CD.f.V, words)) },
    { name: "TTB0", value: hex(addressOf(CD, words, "TTB0")) },
    { name: "T0SZ", value: `${get(CD.f.T0SZ, words)}: ${64 - get(CD.f.T0SZ, words)} bits in` },
    { name: "ASID", value: String(get(CD.f.ASID, words)) },
  ];
  return {
    ref: pasid === 0 ? `cd:${hex(sid)}` : `cd:${hex(sid)}:${pasid}`,
    title,
    subtitle: `of stream ${hex(sid)}, at ${hex(at)}`,
    fields,
    grids: [grid],
    structs: [],
  };
}

function cdAddress(world: World, sid: number, pasid: number): number | null {
  for (const smmu of world.machine.smmus) {
    const at = steAddress(smmu, sid);
    if (at === null) continue;
    const words = wordsAt(smmu.mem, at, STE.words);
    const config = get(STE.f.Config, words);
    const pointer = addressOf(STE, words, "S1ContextPtr");
    if (config !== NESTED && config !== 5) return null;
    const find = (address: number): number | null => (config === NESTED ? guestToPhys(world, address) : address);
    const format = get(STE.f.S1CDMax, words) === 0 ? 0 : get(STE.f.S1Fmt, words);
    if (format === 0) return find(pointer + pasid * CD_BYTES);
    const each = format === 1 ? 64 : 1024;
    const l1 = find(pointer + Math.floor(pasid / each) * 8);
    const entry = l1 === null ? null : wordsAt(smmu.mem, l1, 2);
    if (entry === null || get(L1CD.f.V, entry) === 0) return null;
    return find(addressOf(L1CD, entry, "L2Ptr") + (pasid % each) * CD_BYTES);
  }
  return null;
}

/** `desc:<pa>:<stage>:<level>`: one table entry. */
export function inspectDescriptor(
  world: World,
  before: World | null,
  pa: number,
  stage: number,
  level: number,
): InspectorView {
  const words = wordsAt(world.machine.mem, pa, 2);
  const type = (words[0] ?? 0) & 3;
  const table = level < 3 && type === 3 ? TABLE_DESC : stage === 1 ? S1_LEAF : S2_LEAF;
  const title = `stage ${stage} level ${level} ${type === 0 || type === 2 ? "invalid entry" : table === TABLE_DESC ? "table" : level === 3 ? "page" : "block"}`;
  const grid = bitGrid(table, words, {
    title,
    address: pa,
    before: before === null ? null : wordsAt(before.machine.mem, pa, 2),
  });
  return {
    ref: `desc:${hex(pa)}:${stage}:${level}`,
    title,
    subtitle: `at ${hex(pa)}`,
    fields: descriptorFields(words, table === TABLE_DESC ? "next table" : "output", type),
    grids: [grid],
    structs: [],
  };
}

function descriptorFields(words: ArrayLike<number>, to: string, type: number): Fields {
  if ((type & 1) === 0) return [];
  const address = ((words[1] ?? 0) & 0xffff) * 2 ** 32 + (((words[0] ?? 0) & 0xfffff000) >>> 0);
  return [
    { name: "value", value: hex64((words[0] ?? 0) >>> 0, (words[1] ?? 0) >>> 0) },
    { name: to, value: hex(address) },
  ];
}
