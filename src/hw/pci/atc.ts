/** The address translation cache of a function: what its ATS requests were answered. Source: PCIe 5.0 10.3. */

export interface AtcEntry {
  /** -1 = without PASID. */
  ssid: number;
  /** First untranslated byte, 2^shift bytes, and where they are. */
  start: number;
  shift: number;
  pa: number;
  read: boolean;
  write: boolean;
}

/** More than this and the oldest goes. */
const ENTRIES = 64;
/** Size of an invalidation that means everything. */
const ALL = 52;

export class Atc {
  /** Oldest first; addresses are plain numbers, below 2^53. */
  entries: AtcEntry[] = [];

  find(ssid: number, address: number, write: boolean): AtcEntry | null {
    const hit = this.entries.find(
      (e) => e.ssid === ssid && address >= e.start && address < e.start + 2 ** e.shift && (write ? e.write : e.read),
    );
    return hit ?? null;
  }

  /** An answer to a request for `address`, which became `pa`. Replaces what is known of the same block. */
  insert(ssid: number, address: number, pa: number, shift: number, read: boolean, write: boolean): AtcEntry {
    const inside = address % 2 ** shift;
    const entry = { ssid, start: address - inside, shift, pa: pa - inside, read, write };
    this.entries = this.entries.filter((e) => e.ssid !== ssid || e.start !== entry.start || e.shift !== shift);
    if (this.entries.length === ENTRIES) this.entries.shift();
    this.entries.push(entry);
    return entry;
  }

  /** 2^size pages of 4 KiB around `address`. `global`: entries of every PASID (the cache marks none as global). */
  invalidate(ssid: number, global: boolean, address: number, size: number): void {
    const bytes = 2 ** (12 + size);
    const first = size >= ALL ? 0 : address - (address % bytes);
    this.entries = this.entries.filter(
      (e) =>
        (e.ssid !== ssid && !(global && e.ssid >= 0)) ||
        (size < ALL && (e.start >= first + bytes || e.start + 2 ** e.shift <= first)),
    );
  }
}
