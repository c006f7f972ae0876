/** Tables in memory as columns: from where a reader enters, down the entries that were chosen. */
import type { BitGrid, Ref } from "../types.ts";

/** Where a reader enters. */
export interface TableRoot {
  /** `dev:D1` (its stream), `hwpt:3`, `s1:T`, `smmu:<name>:cmdq`, `msix:D1`, `its:devices`. */
  ref: Ref;
  /** `D1, stream 0x18`, `hwpt 3, S2 44-bit`. */
  title: string;
  group: "streams" | "page tables" | "guest" | "queues and caches" | "interrupts";
}

/** A place in the tables: a root and the index chosen in each page below it. */
export interface TablePlace {
  root: Ref;
  path: readonly number[];
}

export interface TablesAsked {
  /** Null: the first root. */
  root: Ref | null;
  path: readonly number[];
  /** The path goes on with the entries that translate this address, as far as there are any. */
  at?: bigint;
  /** Of the requests whose context is followed. */
  pasid?: number;
  /** Stretches of entries that are written one by one, both ends inclusive. */
  open?: readonly { page: number; first: number; last: number }[];
}

export interface TableTarget {
  /** `table`, `page`, `S1ContextPtr`, `L2Ptr`. */
  label: string;
  /** Null where nothing answers to it. */
  pa: bigint | null;
  /** Where the entry names a guest-physical address. */
  ipa?: bigint;
}

export interface TableEntry {
  t: "entry";
  index: number;
  /** Of the entry; null where nothing answers. */
  pa: bigint | null;
  ipa?: bigint;
  /** First 64 bits. */
  value: bigint;
  /** The same before the step, when they changed. */
  before?: bigint;
  /** The step changed some bit of the entry, perhaps beyond the first 64. */
  changed: boolean;
  valid: boolean;
  /** What it covers, both ends inclusive. */
  range: { start: bigint; last: bigint } | null;
  /** `table`, `block 1G`, `V=1 nested`, `TLBI_NH_VA asid 17`. */
  what: string;
  /** Named fields that are not zero, without addresses. */
  fields: { name: string; text: string; changed: boolean }[];
  target: TableTarget | null;
  /** Another page is below it. */
  leads: boolean;
  /** Something is wrong with it: a cached answer that the tables do not give any more. */
  bad?: string;
  /** Most specific first. */
  refs: Ref[];
}

/** Entries of one kind that follow each other. */
export interface TableFold {
  t: "fold";
  first: number;
  last: number;
  count: number;
  /** How many of them the step changed. */
  changed: number;
  valid: boolean;
  /** `invalid`, `page`, `block 2M`. */
  what: string;
  range: { start: bigint; last: bigint } | null;
  /** Where the first leads, when they lead on one after the other. */
  target: TableTarget | null;
}

export type TableRow = TableEntry | TableFold;

/** One table, or one queue: its rows, folded. */
export interface TablePage {
  /** `Stream table`, `S2 L1`, `CMDQ`. */
  title: string;
  /** `512 entries of 1G`, `prod 4 cons 4`. */
  sub: string;
  pa: bigint | null;
  ipa?: bigint;
  entries: number;
  valid: number;
  changed: number;
  /** What each of equal parts of it holds, top to bottom: bit 0 a valid entry, bit 1 a changed one. */
  strip: Uint8Array;
  rows: TableRow[];
  /** Index that the path chose, -1 = none. */
  picked: number;
  /** Where there is nothing to show, why. */
  empty?: string;
}

export interface TablesView {
  roots: TableRoot[];
  root: Ref;
  path: number[];
  pages: TablePage[];
  /** The entry at the end of the path, with its bits; null when none was chosen. */
  chosen: { page: number; entry: TableEntry; grid: BitGrid } | null;
  /** Where the path ends: `PA 0x8090040`, `level 2 is invalid`. */
  end: string;
}
