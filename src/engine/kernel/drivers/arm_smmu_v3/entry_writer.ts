/**
 * Replaces a 64-byte STE or CD that the SMMU may be reading: at every moment the entry the hardware can see is the
 * old one, the new one, or invalid. Source: linux 7.2 drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c,
 * `arm_smmu_write_entry`.
 *
 * An entry is eight 64-bit words, kept as sixteen u32 (`2 * i` low, `2 * i + 1` high). The hardware reads each
 * 64-bit word atomically and reads only the bits that the entry's own configuration makes it use.
 */
import type { Kernel } from "../../kernel.ts";

const ENTRY_QWORDS = 8;
export const ENTRY_WORDS = 16;
export const ENTRY_BYTES = 64;

/** What differs between STEs and CDs. */
export interface EntryWriter {
  /** Bits that hardware looks at, given the entry's configuration. */
  get_used(entry: Uint32Array): Uint32Array;
  /** Bits whose change needs no order, for this pair of entries; counts only for bits that both entries use. */
  get_update_safe(current: Uint32Array, target: Uint32Array): Uint32Array;
  /** Makes the hardware forget what it cached of the entry, and waits. */
  sync(): void;
}

/** Reads an entry from memory. */
export function read_entry(k: Kernel, pa: number): Uint32Array {
  const words = new Uint32Array(ENTRY_WORDS);
  for (let i = 0; i < ENTRY_WORDS; i++) words[i] = k.mem.read32(pa + 4 * i);
  return words;
}

/** Writes the 64-bit words [first, first + n) that differ, then syncs if any did. */
function entry_set(
  k: Kernel,
  writer: EntryWriter,
  pa: number,
  current: Uint32Array,
  target: Uint32Array,
  first: number,
  n: number,
): void {
  let changed = false;
  for (let i = first; i < first + n; i++) {
    const lo = target[2 * i] ?? 0;
    const hi = target[2 * i + 1] ?? 0;
    if (current[2 * i] === lo && current[2 * i + 1] === hi) continue;
    current[2 * i] = lo;
    current[2 * i + 1] = hi;
    k.mem.write64(pa + 8 * i, lo, hi);
    changed = true;
  }
  if (changed) writer.sync();
}

/**
 * The new entry with every bit that the hardware does not use now, and `critical`: the 64-bit words in which bits that
 * the new configuration uses are still to change (bit i = word i).
 */
function plan(
  writer: EntryWriter,
  current: Uint32Array,
  target: Uint32Array,
): { unused: Uint32Array; critical: number } {
  const current_used = writer.get_used(current);
  const target_used = writer.get_used(target);
  const safe = writer.get_update_safe(current, target);
  const unused = new Uint32Array(ENTRY_WORDS);
  let critical = 0;
  for (let w = 0; w < ENTRY_WORDS; w++) {
    const cur = current[w] ?? 0;
    const tgt = target[w] ?? 0;
    const both = (current_used[w] ?? 0) & (target_used[w] ?? 0);
    const held = (current_used[w] ?? 0) & ~((safe[w] ?? 0) & both);
    unused[w] = (cur & held) | (tgt & ~held);
    if (((unused[w] ?? 0) & (target_used[w] ?? 0)) >>> 0 !== tgt >>> 0) critical |= 1 << (w >> 1);
  }
  return { unused, critical };
}

/**
 * Changes the entry at `pa` to `target` in as few steps as the rule above allows: bits that nobody looks at first,
 * then the one 64-bit word that switches the configuration, then the rest. With more than one such word the entry is
 * made invalid in between.
 */
export function arm_smmu_write_entry(k: Kernel, writer: EntryWriter, pa: number, target: Uint32Array): void {
  const current = read_entry(k, pa);
  const { unused, critical } = plan(writer, current, target);
  if (critical === 0) {
    entry_set(k, writer, pa, current, target, 0, ENTRY_QWORDS);
  } else if ((critical & (critical - 1)) === 0) {
    const word = 31 - Math.clz32(critical);
    unused[2 * word] = current[2 * word] ?? 0;
    unused[2 * word + 1] = current[2 * word + 1] ?? 0;
    entry_set(k, writer, pa, current, unused, 0, ENTRY_QWORDS);
    entry_set(k, writer, pa, current, target, word, 1);
    entry_set(k, writer, pa, current, target, 0, ENTRY_QWORDS);
  } else {
    k.note("more than one word in use changes: the entry is invalid in between");
    unused[0] = 0;
    unused[1] = 0;
    entry_set(k, writer, pa, current, unused, 0, 1);
    entry_set(k, writer, pa, current, target, 1, ENTRY_QWORDS - 1);
    entry_set(k, writer, pa, current, target, 0, 1);
  }
}
