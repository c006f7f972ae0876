/**
 * What a watcher of the hardware sees. Null when nobody watches: hot paths test once for null and build no text.
 * All numbers are plain: `pa` at most 2^52, `lo`/`hi` the two u32 halves of the value (hi = 0 for 32-bit accesses).
 */
export interface HwProbe {
  /** `what` names the word in the reader's terms: `L1STD[0]`, `STE 0x18 w0`, `CD[0]`, `S1 L2[0x040]`, `CMDQ[3]`. */
  mem(who: string, write: boolean, pa: number, lo: number, hi: number, what: string): void;
  /** A command taken from the command queue: its four u32 words and its text. */
  cmd(smmu: string, w0: number, w1: number, w2: number, w3: number, text: string): void;
  /** A look-up of an input address in halves (int32); `lookupText` of smmuv3/tlb.ts prints it. */
  tlb(smmu: string, hit: boolean, hi: number, lo: number, asid: number, vmid: number): void;
  /** `words`: the event record, 8 u32. Also called for a record that was lost; `text` says so. */
  event(smmu: string, words: number[], text: string): void;
  msi(what: string, delivered: boolean): void;
}
