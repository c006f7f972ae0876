/**
 * A scenario as data: what the text form and the JSON form both say. Plain and immutable; labels stay names here and
 * become ids only when a step runs.
 */
import type { Actor } from "../../views/types.ts";

/** One argument's value. */
export type Value =
  | { readonly k: "int"; readonly v: bigint }
  /** A label, a device or a memory, `plus` bytes further where an address is meant; or a word such as `write`. */
  | { readonly k: "name"; readonly v: string; readonly plus?: bigint }
  /** Flag names, in the order of the table. */
  | { readonly k: "flags"; readonly v: readonly string[] }
  /** `{0x4000000b,0xd4}`. */
  | { readonly k: "words"; readonly v: readonly bigint[] }
  /** `[0x0,0x7ffffff][0x8100000,0xfffffffffff]`, both ends inclusive. */
  | { readonly k: "ranges"; readonly v: readonly (readonly [bigint, bigint])[] };

export interface Check {
  /** Kernels that it is about; empty = every kernel for which no other check of this step names the same key. */
  readonly kernels: readonly string[];
  /** `errno`, `ranges`, `msi`, `delivered` ... as the step's result names them. */
  readonly key: string;
  readonly value: Value;
}

export interface Step {
  readonly actor: Actor;
  /** Name given to what the step makes. */
  readonly label?: string;
  readonly op: string;
  /** By parameter name; only what the author wrote. */
  readonly args: Readonly<Record<string, Value>>;
  readonly note?: string;
  readonly checks: readonly Check[];
}

/** Memory of the VMM process, mapped before the first step. */
export interface MemoryDecl {
  readonly name: string;
  /** Bytes, a multiple of 4K. */
  readonly length: bigint;
  /** Guest-physical address at which the guest sees it; absent = not guest memory. */
  readonly ipa?: bigint;
  /** Page frames: scattered 4K pages, physically contiguous 4K pages, or huge pages of 2M. */
  readonly pages: "scattered" | "contiguous" | "huge";
}

export interface Scenario {
  readonly title: string;
  /** `iommu list, 31 Jul 2024`. */
  readonly source: string;
  readonly question: string;
  readonly machine: string;
  readonly kernels: readonly string[];
  readonly devices: readonly { readonly name: string; readonly bdf: string }[];
  readonly memory: readonly MemoryDecl[];
  /** Run before step 1; part of the start. */
  readonly given: readonly Step[];
  readonly steps: readonly Step[];
}
