/**
 * A dump's structures against the emulated driver's, word by word from the STE down. Physical addresses in RAM, ASIDs
 * and VMIDs are not determined by a trace: each is renamed one to one. All other bits must be equal.
 */
import { bytesOf, hex } from "../../hw/base/bits.ts";
import { type BitTable, get, nameOf, set } from "../../hw/base/fields.ts";
import type { PhysMem } from "../../hw/memory.ts";
import { levelShift, S1_LEAF, S2_LEAF, TABLE_DESC } from "../../hw/pgtable/vmsav8.ts";
import { CD, L1CD } from "../../hw/smmuv3/cd.ts";
import { L1STD, STE } from "../../hw/smmuv3/ste.ts";
import { CFG } from "../kernel/drivers/arm_smmu_v3/ste.ts";
import type { Names } from "./arm_names.ts";
import type { Dump } from "./dump.ts";
import { address } from "./parse.ts";

/** A 64-bit word that is not equal. */
export interface WordDifference {
  /** `S1-L3`. */
  what: string;
  /** Where the dump has it. */
  pa: number;
  /** Index of the 64-bit word in its structure. */
  word: number;
  /** 64 bits in hexadecimal; null where the driver has no such structure. */
  ours: string | null;
  theirs: string;
  /** `S1DSS: 0 (terminate), dumped 2 (SSID 0)`. */
  fields: string[];
}

interface Piece {
  what: string;
  pa: number;
  words: Uint32Array;
  seen: boolean;
}

/** What the comparison needs of our side. */
export interface Ours {
  mem: PhysMem;
  names: Names;
  /** Key of the VMID relation. */
  smmu: string;
  /** Our level-1 descriptor and STE of the stream; -1 where there is none. */
  l1std: number;
  ste: number;
  /** Whether a physical address is RAM; others (doorbells, BARs) are fixed by the machine. */
  isRam(pa: number): boolean;
}

/** CD.TG0 and STE.S2TG alike: 4K, 64K, 16K. */
const GRANULES: readonly number[] = Object.freeze([12, 16, 14]);
const LAST_LEVEL = 3;
const PAGE = 4096;

const upper = (hi: number, mask: number): number => (hi & mask) * 2 ** 32;

/** Output or next-table address of a descriptor; a 64K granule keeps PA[51:48] in bits 15:12. */
function outputOf(lo: number, hi: number, granule: number): number {
  const low = (lo & ~(2 ** granule - 1)) >>> 0;
  return granule === 16 ? ((lo >>> 12) & 0xf) * 2 ** 48 + upper(hi, 0xffff) + low : upper(hi, 0xffff) + low;
}

export class WordCompare {
  agreed = 0;
  total = 0;
  /** Words of structures that the guest wrote. */
  guest = 0;
  readonly first: WordDifference[] = [];
  /** Pieces of the dump that nothing of ours leads to. */
  readonly unreached: { what: string; pa: number; words: number }[] = [];
  private readonly pieces = new Map<number, Piece>();
  private readonly describe: number;
  private readonly ours: Ours;

  constructor(dump: Dump, ours: Ours, describe: number) {
    this.ours = ours;
    this.describe = describe;
    for (const { pa, what, hex: text } of dump.memory) {
      const bytes = bytesOf(text);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const words = Uint32Array.from({ length: bytes.length >> 2 }, (_, i) => view.getUint32(4 * i, true));
      this.pieces.set(address(pa), { what, pa: address(pa), words, seen: false });
    }
  }

  run(): void {
    const nested = this.entry();
    for (const piece of this.pieces.values()) {
      const words = piece.words.length / 2;
      if (nested && (piece.what === "CD" || piece.what.startsWith("S1-"))) {
        this.guest += words;
        continue;
      }
      this.total += words;
      if (piece.seen) continue;
      this.unreached.push({ what: piece.what, pa: piece.pa, words });
    }
  }

  private only(what: string): Piece | undefined {
    return [...this.pieces.values()].find((piece) => piece.what === what);
  }

  /** The stream's L1STD and STE, then all below. True when stage 1 is the guest's. */
  private entry(): boolean {
    const { ours } = this;
    const std = this.only("L1STD");
    if (std !== undefined && ours.l1std >= 0) {
      const words = this.read(ours.l1std, 2);
      this.renameAddress(words, std.words, 0, 6);
      this.compare(std, words, L1STD);
    }
    const ste = this.only("STE");
    if (ste === undefined) return false;
    const config = get(STE.f.Config, ste.words);
    const nested = config === CFG.NESTED;
    if (ours.ste < 0 || !this.samePage(ours.ste, ste.pa)) return nested;
    const raw = this.read(ours.ste, STE.words);
    const words = raw.slice();
    if (config === CFG.S1) this.renameAddress(words, ste.words, 0, 6);
    if ((config & 2) !== 0) {
      this.renameAddress(words, ste.words, 6, 4);
      const their = get(STE.f.S2VMID, ste.words);
      if (ours.names.vmid(ours.smmu, get(STE.f.S2VMID, words), their)) set(STE.f.S2VMID, words, their);
    }
    this.compare(ste, words, STE);
    const pointer = (at: Uint32Array, w: number, bits: number) =>
      upper(at[w + 1] ?? 0, 0xfffff) + (((at[w] ?? 0) & ~(2 ** bits - 1)) >>> 0);
    if (config === CFG.S1 && get(STE.f.Config, raw) === config) this.context(raw);
    if ((config & 2) !== 0 && (get(STE.f.Config, raw) & 2) !== 0)
      this.table(pointer(raw, 6, 4), pointer(ste.words, 6, 4), 2, GRANULES[get(STE.f.S2TG, ste.words)] ?? 12);
    return nested;
  }

  /** The CD of substream 0 and its tables. */
  private context(ste: Uint32Array): void {
    const piece = this.only("CD");
    if (piece === undefined) return;
    let pa = upper(ste[1] ?? 0, 0xfffff) + (((ste[0] ?? 0) & ~0x3f) >>> 0);
    if (get(STE.f.S1Fmt, ste) !== 0) {
      const level1 = this.read(pa, L1CD.words);
      pa = upper(level1[1] ?? 0, 0xfffff) + (((level1[0] ?? 0) & ~0xfff) >>> 0);
    }
    if (!this.samePage(pa, piece.pa)) return;
    const raw = this.read(pa, CD.words);
    const words = raw.slice();
    this.renameAddress(words, piece.words, 2, 4);
    const their = get(CD.f.ASID, piece.words);
    if (this.ours.names.asids.same(get(CD.f.ASID, words), their)) set(CD.f.ASID, words, their);
    this.compare(piece, words, CD);
    const root = (at: Uint32Array) => upper(at[3] ?? 0, 0xfffff) + (((at[2] ?? 0) & ~0xf) >>> 0);
    this.table(root(raw), root(piece.words), 1, GRANULES[get(CD.f.TG0, piece.words)] ?? 12);
  }

  /** One table page, and the tables below it. */
  private table(our: number, their: number, stage: 1 | 2, granule: number): void {
    const piece = this.pieces.get(their);
    if (piece === undefined || piece.seen || !this.samePage(our, their)) return;
    const level = Number(/L(-?\d)$/.exec(piece.what)?.[1] ?? LAST_LEVEL);
    const words = this.read(our, piece.words.length);
    const below: { our: number; their: number }[] = [];
    for (let w = 0; w < words.length; w += 2) {
      const [lo, hi] = [words[w] ?? 0, words[w + 1] ?? 0];
      const [theirLo, theirHi] = [piece.words[w] ?? 0, piece.words[w + 1] ?? 0];
      if ((lo & 1) === 0 || (lo & 3) !== (theirLo & 3)) continue;
      const next = level < LAST_LEVEL && (lo & 2) !== 0;
      const from = outputOf(lo, hi, granule);
      const to = outputOf(theirLo, theirHi, granule);
      const size = next ? PAGE : 2 ** levelShift(level, granule);
      if (next) below.push({ our: from, their: to });
      if (!this.sameRange(from, to, size)) continue;
      const low = granule === 16 ? 0xfff : 2 ** granule - 1;
      words[w] = ((lo & low) | (theirLo & ~low)) >>> 0;
      words[w + 1] = ((hi & 0xffff0000) | (theirHi & 0xffff)) >>> 0;
    }
    this.compare(piece, words, stage === 1 ? S1_LEAF : S2_LEAF, level);
    for (const pair of below) this.table(pair.our, pair.their, stage, granule);
  }

  /** Counts the words of a structure that are equal, and decodes the first that are not. */
  private compare(piece: Piece, ours: Uint32Array, table: BitTable, level = LAST_LEVEL): void {
    piece.seen = true;
    const theirs = piece.words;
    const entries = table.words === 2 && theirs.length > 2;
    for (let w = 0; w < theirs.length; w += 2) {
      if (ours[w] === theirs[w] && ours[w + 1] === theirs[w + 1]) {
        this.agreed++;
        continue;
      }
      if (this.first.length >= this.describe) continue;
      const pointer = entries && level < LAST_LEVEL && ((theirs[w] ?? 0) & 3) === 3;
      this.first.push({
        what: piece.what,
        pa: piece.pa + 4 * w,
        word: w / 2,
        ours: word64(ours, w),
        theirs: word64(theirs, w),
        fields: entries
          ? fieldDifferences(pointer ? TABLE_DESC : table, ours.subarray(w, w + 2), theirs.subarray(w, w + 2), 0)
          : fieldDifferences(table, ours, theirs, w),
      });
    }
  }

  private read(pa: number, words: number): Uint32Array {
    const bytes = new Uint8Array(4 * words);
    this.ours.mem.readBytes(pa, bytes);
    const view = new DataView(bytes.buffer);
    return Uint32Array.from({ length: words }, (_, i) => view.getUint32(4 * i, true));
  }

  private samePage(our: number, their: number): boolean {
    return this.ours.isRam(our) ? this.ours.names.address(our, their) : our === their;
  }

  private sameRange(our: number, their: number, size: number): boolean {
    for (let at = 0; at < size; at += PAGE) if (!this.samePage(our + at, their + at)) return false;
    return true;
  }

  /** Sets an address in ours (`low` bits of its word are something else) to theirs where they are the same page. */
  private renameAddress(ours: Uint32Array, theirs: Uint32Array, word: number, low: number): void {
    const keep = 2 ** low - 1;
    const at = (w: Uint32Array) => upper(w[word + 1] ?? 0, 0xfffff) + (((w[word] ?? 0) & ~keep) >>> 0);
    if (at(ours) === 0 || !this.samePage(at(ours), at(theirs))) return;
    ours[word] = (((ours[word] ?? 0) & keep) | ((theirs[word] ?? 0) & ~keep)) >>> 0;
    ours[word + 1] = (((ours[word + 1] ?? 0) & ~0xfffff) | ((theirs[word + 1] ?? 0) & 0xfffff)) >>> 0;
  }
}

function word64(words: Uint32Array, w: number): string {
  const text = (x: number | undefined) => (x ?? 0).toString(16).padStart(8, "0");
  return `0x${text(words[w + 1])}${text(words[w])}`;
}

/** Fields of 64-bit word `w / 2` that differ. */
function fieldDifferences(table: BitTable, ours: Uint32Array, theirs: Uint32Array, w: number): string[] {
  const show = (value: number, name: string) =>
    name === "" || name === hex(value) ? hex(value) : `${hex(value)} (${name})`;
  return table.fields.flatMap((field) => {
    if (field.word !== w && field.word !== w + 1) return [];
    const [our, their] = [get(field, ours), get(field, theirs)];
    if (our === their) return [];
    return [`${field.name}: ${show(our, nameOf(field, our))}, dumped ${show(their, nameOf(field, their))}`];
  });
}
