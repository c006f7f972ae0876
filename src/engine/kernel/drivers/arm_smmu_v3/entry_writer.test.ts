import { describe, expect, it } from "vitest";
import { set } from "../../../../hw/base/fields.ts";
import { STE } from "../../../../hw/smmuv3/ste.ts";
import { testKernel } from "../../../testing/program.ts";
import { arm_smmu_write_entry, ENTRY_WORDS, type EntryWriter, read_entry } from "./entry_writer.ts";
import { arm_smmu_get_ste_update_safe, arm_smmu_get_ste_used, arm_smmu_make_abort_ste, CFG } from "./ste.ts";

const { f } = STE;
const AT = 0x1000;

function ste(config: number, fields: Partial<Record<keyof typeof f, number>> = {}): Uint32Array {
  const words = arm_smmu_make_abort_ste();
  set(f.Config, words, config);
  for (const [name, value] of Object.entries(fields)) set(f[name as keyof typeof f], words, value);
  return words;
}

const S2 = { S2VMID: 1, S2T0SZ: 20, S2SL0: 2, S2PS: 4, S2AA64: 1, S2PTW: 1, S2R: 1 } as const;

/** What the driver makes, and neighbours of it that differ in one or two words. */
const ENTRIES: Readonly<Record<string, Uint32Array>> = {
  invalid: new Uint32Array(ENTRY_WORDS),
  abort: ste(CFG.ABORT),
  bypass: ste(CFG.BYPASS, { SHCFG: 1 }),
  "stage 1": ste(CFG.S1, { "S1ContextPtr[31:6]": 0x1234, S1CIR: 1, S1COR: 1, S1CSH: 3, MEV: 1 }),
  "stage 1, other CD": ste(CFG.S1, { "S1ContextPtr[31:6]": 0x4321, S1CIR: 1, S1COR: 1, S1CSH: 3, MEV: 1 }),
  "stage 1, PASIDs": ste(CFG.S1, { "S1ContextPtr[31:6]": 0x1234, S1CDMax: 8, S1Fmt: 2, S1DSS: 2, S1CIR: 1, MEV: 1 }),
  "bypass with PASIDs": ste(CFG.S1, {
    "S1ContextPtr[31:6]": 0x1234,
    S1CDMax: 8,
    S1Fmt: 2,
    S1DSS: 1,
    S1CIR: 1,
    SHCFG: 1,
  }),
  "stage 2": ste(CFG.S2, { ...S2, "S2TTB[31:4]": 0x100 }),
  "stage 2, other table": ste(CFG.S2, { ...S2, "S2TTB[31:4]": 0x200 }),
  "stage 2, other VMID and table": ste(CFG.S2, { ...S2, S2VMID: 7, "S2TTB[31:4]": 0x300 }),
  nested: ste(CFG.NESTED, { ...S2, "S2TTB[31:4]": 0x100, "S1ContextPtr[31:6]": 0x99, S1CIR: 1, MEV: 1 }),
  "nested, other CD": ste(CFG.NESTED, { ...S2, "S2TTB[31:4]": 0x100, "S1ContextPtr[31:6]": 0x98, S1CIR: 1, MEV: 1 }),
};

interface Change {
  /** States between two syncs: words before and after. */
  steps: { before: Uint32Array; after: Uint32Array }[];
}

function change(from: Uint32Array, to: Uint32Array): Change {
  const k = testKernel();
  for (let w = 0; w < ENTRY_WORDS; w += 2) k.mem.write64(AT + 4 * w, from[w] ?? 0, from[w + 1] ?? 0);
  const steps: Change["steps"] = [];
  let before: Uint32Array = from.slice();
  const writer: EntryWriter = {
    get_used: arm_smmu_get_ste_used,
    get_update_safe: arm_smmu_get_ste_update_safe,
    sync: () => {
      const after = read_entry(k, AT);
      steps.push({ before, after });
      before = after;
    },
  };
  arm_smmu_write_entry(k, writer, AT, to);
  expect(read_entry(k, AT)).toEqual(to);
  return { steps };
}

/** Every mixture of 64-bit words that the hardware may fetch while they are written one after the other. */
function* mixtures(before: Uint32Array, after: Uint32Array): Generator<Uint32Array> {
  const changed = Array.from({ length: ENTRY_WORDS / 2 }, (_, q) => q).filter(
    (q) => before[2 * q] !== after[2 * q] || before[2 * q + 1] !== after[2 * q + 1],
  );
  for (let bits = 0; bits < 2 ** changed.length; bits++) {
    const words = before.slice();
    changed.forEach((q, i) => {
      if ((bits & (1 << i)) === 0) return;
      words[2 * q] = after[2 * q] ?? 0;
      words[2 * q + 1] = after[2 * q + 1] ?? 0;
    });
    yield words;
  }
}

/** What the hardware makes of an entry; bits that may change at any time are left out. */
function meaning(words: Uint32Array, ignored: Uint32Array): string {
  const used = arm_smmu_get_ste_used(words);
  return words.map((w, i) => w & (used[i] ?? 0) & ~(ignored[i] ?? 0)).join(" ");
}

function entry(name: string): Uint32Array {
  const found = ENTRIES[name];
  if (found === undefined) throw new Error(`no entry ${name}`);
  return found;
}

const names = Object.keys(ENTRIES);
const pairs = names.flatMap((from) => names.filter((to) => to !== from).map((to) => [from, to] as const));

describe("an STE in use is replaced", () => {
  it.each(pairs)("%s -> %s: the hardware sees the old one, the new one, or none", (from, to) => {
    const [old, fresh] = [entry(from), entry(to)];
    const { steps } = change(old, fresh);
    const ignored = arm_smmu_get_ste_update_safe(old, fresh);
    const allowed = [old, fresh, new Uint32Array(16)].map((words) => meaning(words, ignored));
    for (const { before, after } of steps) {
      for (const seen of mixtures(before, after)) expect(allowed).toContain(meaning(seen, ignored));
    }
  });

  it.each([
    ["abort", "stage 1"],
    ["stage 1", "abort"],
    ["abort", "stage 2"],
    ["stage 2", "nested"],
    ["nested", "stage 2"],
    ["stage 1", "stage 1, other CD"],
    ["stage 2", "abort"],
    ["nested", "nested, other CD"],
  ])("%s -> %s: never without a valid entry", (from, to) => {
    for (const { before, after } of change(entry(from), entry(to)).steps) {
      for (const seen of mixtures(before, after)) expect((seen[0] ?? 0) & 1).toBe(1);
    }
  });

  it.each([
    ["stage 2", "stage 2, other VMID and table"],
    ["stage 1", "stage 2"],
  ])("%s -> %s: two words in use at once need a moment without entry (stage 1 uses the VMID too)", (from, to) => {
    const { steps } = change(entry(from), entry(to));
    expect(steps.some(({ after }) => ((after[0] ?? 0) & 1) === 0)).toBe(true);
  });

  it("the same entry again costs nothing", () => {
    expect(change(entry("nested"), entry("nested")).steps).toEqual([]);
  });
});
