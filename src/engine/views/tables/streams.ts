/** From a stream to its tables, as the SMMU takes them apart: stream table, STE, context descriptors, S1 and S2. */
import { alignDown, hex, join } from "../../../hw/base/bits.ts";
import { get, nameOf } from "../../../hw/base/fields.ts";
import { CD, L1CD } from "../../../hw/smmuv3/cd.ts";
import { decodeCd, decodeSte, decodeTable, StreamConfig } from "../../../hw/smmuv3/config.ts";
import type { Smmuv3 } from "../../../hw/smmuv3/smmu.ts";
import { L1STD, STE } from "../../../hw/smmuv3/ste.ts";
import { STRTAB_BASE_CFG } from "../../../hw/smmuv3/regs.ts";
import { addressOf } from "../grid.ts";
import type { TableShape } from "../leaves.ts";
import type { Ref } from "../types.ts";
import { descend, levelSource, PHYSICAL, type Space } from "./levels.ts";
import { type Decoded, inMemory, type Reading, type Source } from "./source.ts";

const STE_WORDS = 16;
const CD_WORDS = 16;

/** Whose tables: all streams of an SMMU, with one marked. */
export interface Stream {
  smmu: Smmuv3;
  sid: number;
  /** Of the requests that are followed; 0 without one. */
  pasid: number;
  owner: Ref[];
}

/** The stream table of the SMMU before a device. */
export function streamTable(r: Reading, s: Stream): Source {
  const { smmu } = s;
  const log2 = Math.min(get(STRTAB_BASE_CFG.f.LOG2SIZE, [smmu.strtabCfg]), smmu.translator.caps.sidBits);
  const raw = join((smmu.strtabLo & ~63) >>> 0, smmu.strtabHi & 0xfffff);
  const off = (smmu.cr0 & 1) === 0 ? { empty: `${smmu.name} is off: its stream table is not read.` } : {};
  if (!smmu.twoLevel) return { ...steTable(r, s, alignDown(raw, Math.min(log2 + 6, 52)), 2 ** log2, 0), ...off };
  const { split } = smmu;
  const base = alignDown(raw, Math.max(6, log2 - split + 3));
  const each = 2 ** split;
  return {
    title: "L1STD",
    sub: `${2 ** Math.max(log2 - split, 0)} of ${each} streams`,
    entries: 2 ** Math.max(log2 - split, 0),
    ...inMemory(r, base, 2),
    ...off,
    decode: (w) => {
      const span = get(L1STD.f.Span, w);
      const address = addressOf(L1STD, w, "L2Ptr");
      return {
        what: span === 0 ? "invalid" : `span ${span}`,
        valid: span !== 0,
        table: L1STD,
        target: span === 0 ? null : { label: "L2Ptr", address, pa: address, guest: false },
        like: span === 0 ? "0" : "",
        stride: 0,
      };
    },
    covers: (i) => ({ start: i * each, size: each }),
    indexOf: () => s.sid >>> split,
    below: (w, i) => {
      const span = get(L1STD.f.Span, w);
      return span === 0
        ? null
        : steTable(r, s, addressOf(L1STD, w, "L2Ptr"), Math.min(2 ** (span - 1), each), i * each);
    },
    refs: (i) => [`slot:${s.owner[0] ?? ""}@${i}`],
  };
}

function steTable(r: Reading, s: Stream, base: number, entries: number, first: number): Source {
  return {
    title: "STE",
    sub: `streams ${hex(first)}-${hex(first + entries - 1)}`,
    entries,
    ...inMemory(r, base, STE_WORDS),
    decode: (w) => {
      const config = get(STE.f.Config, w);
      const valid = get(STE.f.V, w) === 1;
      const vmid = config & 2 ? ` VMID ${get(STE.f.S2VMID, w)}` : "";
      const s1 = (config & 5) === 5;
      const address = addressOf(STE, w, s1 ? "S1ContextPtr" : "S2TTB");
      const space = stage2Space(r, s.smmu, w);
      return {
        what: valid ? `${nameOf(STE.f.Config, config)}${vmid}` : "V=0",
        valid,
        table: STE,
        target:
          valid && (config & 3) !== 0
            ? {
                label: s1 ? "S1ContextPtr" : "S2TTB",
                address,
                pa: s1 ? space.find(address) : address,
                guest: s1 && space.guest,
              }
            : null,
        like: Array.from(w).join(),
        stride: 0,
      };
    },
    covers: (i) => ({ start: first + i, size: 1 }),
    indexOf: () => (s.sid >= first && s.sid < first + entries ? s.sid - first : -1),
    below: (w, i) => belowSte(r, s, w, first + i),
    refs: (i) => [`ste:${hex(first + i)}`, ...(first + i === s.sid ? s.owner : [])],
  };
}

/** What stands behind the addresses that stage 1 of an STE gives: memory, or its stage 2. */
function stage2Space(r: Reading, smmu: Smmuv3, w: ArrayLike<number>): Space {
  const shape = stage2Shape(smmu, w);
  if (shape === null) return PHYSICAL;
  return { find: (ipa) => descend(r, shape, (pa) => pa, ipa).out, guest: true };
}

/** The stage-2 table that an STE names; null when it has none or the SMMU refuses the STE. */
export function stage2Shape(smmu: Smmuv3, w: ArrayLike<number>): TableShape | null {
  const c = new StreamConfig();
  if (decodeSte(c, w, smmu.translator.caps, smmu.config.quirks) !== 0 || c.kind !== "translate" || !c.s2) return null;
  return {
    root: join(c.base2Lo, c.base2Hi),
    stage: 2,
    granule: c.granule2,
    startLevel: c.start2,
    topEntries: c.mask2 + 1,
  };
}

function belowSte(r: Reading, s: Stream, w: ArrayLike<number>, sid: number): Source | string | null {
  const c = new StreamConfig();
  const { caps } = s.smmu.translator;
  const { quirks } = s.smmu.config;
  if (get(STE.f.V, w) === 0) return null;
  if (decodeSte(c, w, caps, quirks) !== 0) return "The SMMU refuses this STE: C_BAD_STE.";
  if (c.kind !== "translate") return null;
  const owner = sid === s.sid ? s.owner : [`ste:${hex(sid)}`];
  if (!c.s1) {
    const shape = stage2Shape(s.smmu, w);
    return shape === null ? null : levelSource(r, shape, PHYSICAL, owner);
  }
  const space = stage2Space(r, s.smmu, w);
  if (c.s1CdMax > 0 && c.s1Fmt !== 0) return cdPointers(r, s, c, w, space, sid, owner);
  return cdTable(r, s, w, space, c.contextPtr, 2 ** c.s1CdMax, 0, sid, owner);
}

function cdPointers(
  r: Reading,
  s: Stream,
  c: StreamConfig,
  ste: ArrayLike<number>,
  space: Space,
  sid: number,
  owner: Ref[],
): Source {
  const each = c.s1Fmt === 1 ? 64 : 1024;
  const entries = Math.max(1, 2 ** c.s1CdMax / each);
  return {
    title: "L1CD",
    sub: `${entries} of ${each} contexts`,
    entries,
    ...inMemory(r, c.contextPtr, 2, space.find),
    ...(space.guest ? { ipa: (i: number) => c.contextPtr + i * 8 } : {}),
    decode: (w): Decoded => {
      const valid = get(L1CD.f.V, w) === 1;
      const address = addressOf(L1CD, w, "L2Ptr");
      return {
        what: valid ? "table" : "invalid",
        valid,
        table: L1CD,
        target: valid ? { label: "L2Ptr", address, pa: space.find(address), guest: space.guest } : null,
        like: valid ? "" : "0",
        stride: 0,
      };
    },
    covers: (i) => ({ start: i * each, size: each }),
    indexOf: () => Math.floor(s.pasid / each),
    below: (w, i) =>
      get(L1CD.f.V, w) === 0
        ? null
        : cdTable(r, s, ste, space, addressOf(L1CD, w, "L2Ptr"), Math.min(each, 2 ** c.s1CdMax), i * each, sid, owner),
    refs: () => owner,
  };
}

function cdTable(
  r: Reading,
  s: Stream,
  ste: ArrayLike<number>,
  space: Space,
  base: number,
  entries: number,
  first: number,
  sid: number,
  owner: Ref[],
): Source {
  const memory = inMemory(r, base, CD_WORDS, space.find);
  const shapeOf = (w: ArrayLike<number>): TableShape | string => stage1Shape(s.smmu, ste, w);
  return {
    title: "CD",
    sub: entries === 1 ? "one context" : `PASIDs ${first}-${first + entries - 1}`,
    entries,
    ...memory,
    ...(space.guest ? { ipa: (i: number) => base + i * CD_WORDS * 4 } : {}),
    decode: (w, i): Decoded => {
      const unread = memory.pa(i) === null;
      const valid = get(CD.f.V, w) === 1;
      const address = addressOf(CD, w, "TTB0");
      return {
        what: unread ? "nothing answers here" : valid ? `V=1 ASID ${get(CD.f.ASID, w)}` : "V=0",
        valid,
        table: CD,
        target: valid ? { label: "TTB0", address, pa: space.find(address), guest: space.guest } : null,
        like: Array.from(w).join(),
        stride: 0,
      };
    },
    covers: (i) => ({ start: first + i, size: 1 }),
    indexOf: () => (s.pasid >= first && s.pasid < first + entries ? s.pasid - first : -1),
    below: (w) => {
      if (get(CD.f.V, w) === 0) return null;
      const shape = shapeOf(w);
      return typeof shape === "string" ? shape : levelSource(r, shape, space, owner);
    },
    refs: (i) => [first + i === 0 ? `cd:${hex(sid)}` : `cd:${hex(sid)}:${first + i}`, ...owner],
  };
}

/** The table behind TTB0 of a CD as the SMMU takes it apart, or why it does not. */
export function stage1Shape(smmu: Smmuv3, ste: ArrayLike<number>, cd: ArrayLike<number>): TableShape | string {
  const c = new StreamConfig();
  const { caps } = smmu.translator;
  const { quirks } = smmu.config;
  decodeSte(c, ste, caps, quirks);
  if (decodeCd(c, cd, caps, quirks) !== 0 || decodeTable(c, 0, cd, caps, quirks) !== 0)
    return "The SMMU refuses this CD: C_BAD_CD.";
  if (!c.tt0.enabled) return "TTB0 is not walked: EPD0 is set.";
  const { tt0 } = c;
  return {
    root: join(tt0.baseLo, tt0.baseHi),
    stage: 1,
    granule: tt0.granule,
    startLevel: tt0.start,
    topEntries: tt0.mask + 1,
  };
}
