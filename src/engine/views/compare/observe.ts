/**
 * What can be observed of a world beyond what a program is told: reserved ranges and mappings, what the tables hold, the
 * stream table entries, MSI addresses, attachments. A step's effect is the facts that came and went.
 * Left out: physical addresses of memory, VMIDs and ASIDs, which depend on what was allocated before.
 */
import { get, nameOf } from "../../../hw/base/fields.ts";
import { STE } from "../../../hw/smmuv3/ste.ts";
import type { World } from "../../sim/world.ts";
import { isDoorbell } from "../address/tracks.ts";
import { tablesOf } from "../address/tables.ts";
import { type Digest, digest } from "../digest.ts";
import { wordsAt } from "../grid.ts";
import { steAddress } from "../inspect/hardware.ts";
import { merged, type Span, without } from "./spans.ts";
import type { CompareFact, FactKind } from "./types.ts";

const hex = (v: bigint): string => `0x${v.toString(16)}`;

/** Fields of a stream table entry that hold an address or a number from an allocator. */
const ALLOCATED = /^(S1ContextPtr|S2TTB|S2VMID|VMSPtr|S_S2TTB)/;

/** Facts of the digest that the leaves of the tables tell as well. */
const TOLD = / holds a doorbell /;

export interface Observed {
  digest: Digest;
  /** Table and attributes of its leaves -> what they cover. */
  leaves: Map<string, Span[]>;
  /** `STE 0x18` -> its fields by name. */
  streams: Map<string, Map<string, string>>;
}

export function observe(world: World): Observed {
  return { digest: digest(world), leaves: leavesOf(world), streams: streamsOf(world) };
}

function leavesOf(world: World): Map<string, Span[]> {
  const out = new Map<string, Span[]>();
  for (const t of tablesOf(world))
    for (const run of t.runs) {
      const doorbell = t.kind === "hwpt" && run.parts.some((p) => isDoorbell(world, p.out));
      const size =
        run.size >= 1 << 30 ? "1G" : run.size >= 1 << 20 ? `${run.size / (1 << 20)}M` : `${run.size / 1024}K`;
      const key = `${t.ref} ${size} ${run.access}${run.device ? " device" : ""}${doorbell ? " doorbell" : ""}`;
      const list = out.get(key);
      if (list === undefined) out.set(key, [{ start: run.start, last: run.last }]);
      else list.push({ start: run.start, last: run.last });
    }
  for (const [key, list] of out) out.set(key, merged(list));
  return out;
}

function streamsOf(world: World): Observed["streams"] {
  const out: Observed["streams"] = new Map();
  for (const d of world.devices.values()) {
    const f = world.machine.pci.byBdf.get(d.bdf);
    const smmu = world.machine.smmuOf(d.bdf);
    if (f === undefined || smmu === null) continue;
    const at = steAddress(smmu, f.desc.streamId);
    if (at === null) continue;
    const words = wordsAt(smmu.mem, at, STE.words);
    const fields = new Map<string, string>();
    for (const field of STE.fields) {
      const value = get(field, words);
      if (value !== 0 && !ALLOCATED.test(field.name)) fields.set(field.name, nameOf(field, value));
    }
    out.set(`STE 0x${f.desc.streamId.toString(16)}`, fields);
  }
  return out;
}

/** Made where a fact is made, so that text and kind are decided once. */
export function fact(kind: FactKind, sign: CompareFact["sign"], text: string): CompareFact {
  return { kind, sign, text, short: shorter(kind, text) };
}

function shorter(kind: FactKind, text: string): string {
  switch (kind) {
    case "reserved":
      return text.replace(/^\S+ reserves (\S+) for (.*)$/, (_all, range: string, who: string) => `${range} ${who}`);
    case "mapped":
      return text.replace(/^\S+ maps /, "area ");
    case "table":
      return text.replace(/^(\S+) holds /, "$1 ");
    case "msi":
      return text.replace(/ writes its MSI to /, " MSI ");
    case "attached":
      return text.replace(/^dev:/, "").replace(" is attached to ", " at ");
    case "event":
      return text.replace(/ sid \S+/, "");
    default:
      return text;
  }
}

/** Facts that came and went, in a fixed order. */
export function effects(before: Observed, after: Observed): CompareFact[] {
  const out: CompareFact[] = [];
  for (const text of after.digest.keys())
    if (!TOLD.test(text) && !before.digest.has(text)) out.push(fact(kindOf(text), "+", text));
  for (const text of before.digest.keys())
    if (!TOLD.test(text) && !after.digest.has(text)) out.push(fact(kindOf(text), "-", text));
  for (const key of new Set([...before.leaves.keys(), ...after.leaves.keys()])) {
    const old = before.leaves.get(key) ?? [];
    const now = after.leaves.get(key) ?? [];
    for (const s of without(now, old)) out.push(fact("table", "+", leafText(key, s)));
    for (const s of without(old, now)) out.push(fact("table", "-", leafText(key, s)));
  }
  for (const name of new Set([...before.streams.keys(), ...after.streams.keys()])) {
    const old = before.streams.get(name) ?? new Map<string, string>();
    const now = after.streams.get(name) ?? new Map<string, string>();
    for (const [field, value] of now)
      if (old.get(field) !== value) out.push(fact("stream", "+", `${name} ${field} ${value}`));
    for (const [field, value] of old)
      if (now.get(field) !== value) out.push(fact("stream", "-", `${name} ${field} ${value}`));
  }
  return out.sort((a, b) => order(a) - order(b) || (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
}

/** `hwpt:3 2M RW` and a stretch: `hwpt:3 holds 0x40000000-0x401fffff, 2M RW`. */
function leafText(key: string, s: Span): string {
  const [ref = "", ...rest] = key.split(" ");
  return `${ref} holds ${hex(s.start)}-${hex(s.last)}, ${rest.join(" ")}`;
}

function kindOf(text: string): FactKind {
  if (text.includes(" reserves ")) return "reserved";
  if (text.includes(" maps ")) return "mapped";
  if (text.includes(" MSI ")) return "msi";
  return "attached";
}

const KINDS: readonly FactKind[] = ["out", "event", "attached", "reserved", "mapped", "msi", "table", "stream"];

function order(f: CompareFact): number {
  return KINDS.indexOf(f.kind) * 2 + (f.sign === "-" ? 1 : 0);
}
