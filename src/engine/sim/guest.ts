/**
 * The guest kernel as far as it matters here: it builds its stage 1, entry by entry, in guest memory, which is memory
 * of the VMM process. Granule 4K, 48-bit input, starting at level 0. Source: Arm ARM DDI 0487 D8.3; SMMUv3 IHI 0070 5.4.
 */
import { encode } from "../../hw/base/fields.ts";
import { DESC_TYPE, levelShift, S1_LEAF, TABLE_DESC } from "../../hw/pgtable/vmsav8.ts";
import { CD } from "../../hw/smmuv3/cd.ts";
import { copy_to_mm } from "../kernel/mm/uaccess.ts";
import type { World } from "./world.ts";

/** One context descriptor and the stage 1 behind it. Addresses are guest-physical. */
export interface GuestTable {
  name: string;
  cd: bigint;
  root: bigint;
  /** Where the next table page goes. */
  next: bigint;
  asid: number;
}

/** Why the guest could not do it, under the name its kernel would use. */
export type GuestError = "ENOMEM" | "EEXIST" | "EINVAL" | "ENOENT";

const PAGE = 4096n;
const MAIR0 = 0xf404ff44;
const ATTR = Object.freeze({ normal: 1, device: 2 });
const ADDRESS = 0xffff_ffff_f000n;
const LAST_LEVEL = 3;

/** Address in the VMM process of a guest-physical address; null where the guest has no memory. */
export function guestToUser(world: World, ipa: bigint): bigint | null {
  for (const m of world.memory.values())
    if (m.ipa !== null && ipa >= m.ipa && ipa < m.ipa + m.length) return m.va + (ipa - m.ipa);
  return null;
}

/** A word of guest memory, looked at without anybody noticing; a page that was never touched reads as zero. */
export function peek64(world: World, ipa: bigint): bigint | null {
  const va = guestToUser(world, ipa);
  const vma = va === null ? undefined : world.vmm.mm.vmas.at(va);
  if (va === null || vma === undefined) return null;
  const pfn = vma.store.frames.get(vma.pgoff + Number((va - vma.start) >> 12n));
  if (pfn < 0) return 0n;
  const { mem } = world.machine;
  mem.fetch64(pfn * 4096 + Number(va & 4095n));
  return (BigInt(mem.hi >>> 0) << 32n) | BigInt(mem.lo >>> 0);
}

/** False where the guest has no memory. */
export function writeWords(world: World, ipa: bigint, words: Uint32Array): boolean {
  const va = guestToUser(world, ipa);
  if (va === null) return false;
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  return copy_to_mm(world.kernel, world.vmm.mm, va, bytes) === bytes.length;
}

/** Writes an empty table page: ENOMEM where the guest has no memory. */
function newTable(world: World, table: GuestTable): bigint | GuestError {
  const at = table.next;
  if (!writeWords(world, at, new Uint32Array(1024))) return "ENOMEM";
  table.next += PAGE;
  return at;
}

/** A context descriptor at `cd` and an empty root table; tables are taken from `tables` upward. */
export function guestTable(
  world: World,
  name: string,
  at: { cd: bigint; tables: bigint; asid: number; bits: number; stall?: boolean },
): GuestTable | GuestError {
  if (at.cd % 64n !== 0n || at.tables % PAGE !== 0n || at.bits < 40 || at.bits > 48) return "EINVAL";
  const table: GuestTable = { name, cd: at.cd, root: at.tables, next: at.tables, asid: at.asid };
  const root = newTable(world, table);
  if (typeof root === "string") return root;
  const words = encode(CD, {
    T0SZ: 64 - at.bits,
    IR0: 1,
    OR0: 1,
    SH0: 3,
    EPD1: 1,
    V: 1,
    IPS: 4,
    AA64: 1,
    R: 1,
    A: 1,
    S: at.stall === true ? 1 : 0,
    ASET: 1,
    ASID: at.asid,
    "TTB0[31:4]": Number(root & 0xffff_fff0n) >>> 4,
    "TTB0[51:32]": Number(root >> 32n),
    "MAIR0[31:0]": MAIR0,
  });
  return writeWords(world, at.cd, words) ? table : "ENOMEM";
}

export interface GuestMapping {
  iova: bigint;
  ipa: bigint;
  length: bigint;
  write: boolean;
  device: boolean;
  /** Largest leaf, bytes: 4K, 2M or 1G. */
  largest: bigint;
}

/** Maps with the largest leaves that fit. Gives back how many of each size were written, largest first. */
export function guestMap(world: World, table: GuestTable, m: GuestMapping): { size: bigint; n: number }[] | GuestError {
  if (m.length === 0n || (m.iova | m.ipa | m.length) % PAGE !== 0n || m.iova + m.length > 1n << 48n) return "EINVAL";
  const written = new Map<bigint, number>();
  for (let done = 0n; done < m.length;) {
    const level = [1, 2, LAST_LEVEL].find((l) => {
      const size = 1n << BigInt(levelShift(l, 12));
      return (
        size <= m.largest && (m.iova + done) % size === 0n && (m.ipa + done) % size === 0n && m.length - done >= size
      );
    });
    const error = writeLeaf(world, table, m, done, level ?? LAST_LEVEL);
    if (error !== null) return error;
    const size = 1n << BigInt(levelShift(level ?? LAST_LEVEL, 12));
    written.set(size, (written.get(size) ?? 0) + 1);
    done += size;
  }
  return [...written].map(([size, n]) => ({ size, n })).sort((a, b) => (a.size < b.size ? 1 : -1));
}

function writeLeaf(world: World, table: GuestTable, m: GuestMapping, done: bigint, leaf: number): GuestError | null {
  let at = table.root;
  for (let level = 0; ; level++) {
    const entry = entryAt(at, m.iova + done, level);
    const old = peek64(world, entry);
    if (old === null) return "ENOMEM";
    if (level === leaf) {
      if ((old & 1n) !== 0n) return "EEXIST";
      return writeWords(world, entry, leafWords(m, m.ipa + done, leaf)) ? null : "ENOMEM";
    }
    if ((old & 3n) === 3n) at = old & ADDRESS;
    else if ((old & 1n) !== 0n) return "EEXIST";
    else {
      const made = newTable(world, table);
      if (typeof made === "string") return made;
      if (!writeWords(world, entry, tableWords(made))) return "ENOMEM";
      at = made;
    }
  }
}

/** Clears the leaves of a range; tables stay. ENOENT where nothing is mapped, EINVAL where it would cut a block. */
export function guestUnmap(world: World, table: GuestTable, iova: bigint, length: bigint): number | GuestError {
  if (length === 0n || (iova | length) % PAGE !== 0n) return "EINVAL";
  let cleared = 0;
  for (let done = 0n; done < length;) {
    let at = table.root;
    for (let level = 0; ; level++) {
      const entry = entryAt(at, iova + done, level);
      const old = peek64(world, entry);
      if (old === null || (old & 1n) === 0n) return "ENOENT";
      if (level < LAST_LEVEL && (old & 3n) === 3n) {
        at = old & ADDRESS;
        continue;
      }
      const size = 1n << BigInt(levelShift(level, 12));
      if ((iova + done) % size !== 0n || length - done < size) return "EINVAL";
      writeWords(world, entry, new Uint32Array(2));
      cleared++;
      done += size;
      break;
    }
  }
  return cleared;
}

/** Where stage 1 sends an address, from the words in guest memory; null where it ends. */
export function guestTranslate(world: World, table: GuestTable, iova: bigint): bigint | null {
  let at = table.root;
  for (let level = 0; level <= LAST_LEVEL; level++) {
    const word = peek64(world, entryAt(at, iova, level));
    if (word === null || (word & 1n) === 0n) return null;
    if (level < LAST_LEVEL && (word & 2n) !== 0n) {
      at = word & ADDRESS;
      continue;
    }
    const size = 1n << BigInt(levelShift(level, 12));
    return (word & ADDRESS & ~(size - 1n)) | (iova & (size - 1n));
  }
  return null;
}

function entryAt(table: bigint, iova: bigint, level: number): bigint {
  return table + ((iova >> BigInt(levelShift(level, 12))) & 0x1ffn) * 8n;
}

function tableWords(at: bigint): Uint32Array {
  return encode(TABLE_DESC, {
    Type: 3,
    "NextTable[31:12]": Number(at & 0xffff_f000n) / 4096,
    "NextTable[47:32]": Number(at >> 32n),
  });
}

function leafWords(m: GuestMapping, out: bigint, level: number): Uint32Array {
  const type: keyof typeof DESC_TYPE = level === LAST_LEVEL ? 3 : 1;
  return encode(S1_LEAF, {
    Type: type,
    AttrIndx: m.device ? ATTR.device : ATTR.normal,
    AP: m.write ? 1 : 3,
    SH: m.device ? 2 : 3,
    AF: 1,
    nG: 1,
    "Output[31:12]": Number(out & 0xffff_f000n) / 4096,
    "Output[47:32]": Number(out >> 32n),
    PXN: m.device ? 1 : 0,
    UXN: m.device ? 1 : 0,
  });
}
