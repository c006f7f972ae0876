/** The two ways of a function to raise a message-signalled interrupt. */
import type { ConfigSpace } from "./config.ts";
import { CAP } from "./regs.ts";

/** A message ready to be written: `address` in halves. */
export interface Message {
  lo: number;
  hi: number;
  data: number;
}

/** Where the MSI-X table and the pending bits lie: BAR number and byte offset. */
export interface MsixPlace {
  cap: number;
  entries: number;
  tableBar: number;
  tableOffset: number;
  pbaBar: number;
  pbaOffset: number;
}

export const MSIX_ENTRY_BYTES = 16;

export function msixPlace(config: ConfigSpace): MsixPlace | null {
  const cap = config.find(CAP.MSIX);
  if (cap === 0) return null;
  const table = config.read(cap + 4, 4);
  const pba = config.read(cap + 8, 4);
  return {
    cap,
    entries: (config.read(cap + 2, 2) & 0x7ff) + 1,
    tableBar: table & 7,
    tableOffset: (table & ~7) >>> 0,
    pbaBar: pba & 7,
    pbaOffset: (pba & ~7) >>> 0,
  };
}

/** MSI-X table of one function: four words an entry (address low, address high, data, control). */
export class MsixTable {
  readonly place: MsixPlace;
  readonly words: Uint32Array;
  /** Pending bits: raised while masked. */
  readonly pba: Uint32Array;

  constructor(place: MsixPlace) {
    this.place = place;
    this.words = new Uint32Array(place.entries * 4);
    this.pba = new Uint32Array((place.entries + 63) >> 5);
    this.reset();
  }

  /** Word at a byte offset into the table. */
  read(offset: number): number {
    return this.words[offset >> 2] ?? 0;
  }

  write(offset: number, value: number): void {
    this.words[offset >> 2] = value;
  }

  /** Every vector masked, as after a function reset. */
  reset(): void {
    this.words.fill(0);
    this.pba.fill(0);
    for (let i = 0; i < this.place.entries; i++) this.words[4 * i + 3] = 1;
  }
}

/** Why a function raised nothing. */
export type Silence = "no such vector" | "MSI and MSI-X are disabled" | "masked" | "not bus master";

/** The message of a vector, from MSI-X when it is enabled, else from MSI. Marks the vector pending when masked. */
export function messageOf(config: ConfigSpace, msix: MsixTable | null, vector: number): Message | Silence {
  if (msix !== null) {
    const control = config.read(msix.place.cap + 2, 2);
    if ((control & 0x8000) !== 0) {
      if (vector < 0 || vector >= msix.place.entries) return "no such vector";
      const at = 4 * vector;
      if ((control & 0x4000) !== 0 || ((msix.words[at + 3] ?? 1) & 1) !== 0) {
        msix.pba[vector >> 5] = (msix.pba[vector >> 5] ?? 0) | (1 << (vector & 31));
        return "masked";
      }
      return { lo: ((msix.words[at] ?? 0) & ~3) >>> 0, hi: msix.words[at + 1] ?? 0, data: msix.words[at + 2] ?? 0 };
    }
  }
  const cap = config.find(CAP.MSI);
  if (cap === 0) return "MSI and MSI-X are disabled";
  const control = config.read(cap + 2, 2);
  if ((control & 1) === 0) return "MSI and MSI-X are disabled";
  const enabled = 1 << ((control >> 4) & 7);
  if (vector < 0 || vector >= enabled) return "no such vector";
  const wide = (control & 0x80) !== 0;
  const data = cap + (wide ? 12 : 8);
  if ((control & 0x100) !== 0 && ((config.read(data + 4, 4) >>> vector) & 1) !== 0) {
    setPending(config, data + 8, vector, true);
    return "masked";
  }
  return {
    lo: config.read(cap + 4, 4),
    hi: wide ? config.read(cap + 8, 4) : 0,
    data: (config.read(data, 2) & ~(enabled - 1)) | vector,
  };
}

/** Vectors that were raised while masked and would be sent now; they are pending no longer. */
export function unmasked(config: ConfigSpace, msix: MsixTable | null): number[] {
  const out: number[] = [];
  if (msix !== null && (config.read(msix.place.cap + 2, 2) & 0xc000) === 0x8000) {
    for (let i = 0; i < msix.place.entries; i++) {
      const bit = 1 << (i & 31);
      const pending = msix.pba[i >> 5] ?? 0;
      if ((pending & bit) === 0 || ((msix.words[4 * i + 3] ?? 1) & 1) !== 0) continue;
      msix.pba[i >> 5] = pending & ~bit;
      out.push(i);
    }
    return out;
  }
  const cap = config.find(CAP.MSI);
  const control = cap === 0 ? 0 : config.read(cap + 2, 2);
  if ((control & 0x101) !== 0x101) return out;
  const mask = cap + ((control & 0x80) !== 0 ? 16 : 12);
  const ready = config.read(mask + 4, 4) & ~config.read(mask, 4);
  for (let i = 0; i < 32; i++) {
    if (((ready >>> i) & 1) === 0) continue;
    setPending(config, mask + 4, i, false);
    out.push(i);
  }
  return out;
}

/** A bit of the pending register at `off`, which software cannot write. */
function setPending(config: ConfigSpace, off: number, vector: number, on: boolean): void {
  const at = off + (vector >> 3);
  const bit = 1 << (vector & 7);
  const old = config.bytes[at] ?? 0;
  config.bytes[at] = on ? old | bit : old & ~bit;
}
