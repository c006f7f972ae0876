/** What can be written at a place in the text form: keys, actors, operations, parameters, names, flags, checks. */
import { errno } from "../../uapi/errno.ts";
import type { Actor } from "../../views/types.ts";
import { KEYS } from "./header.ts";
import { findOp, knownOps, type OpDef, type Param } from "./ops.ts";
import { ACTORS, CHECK_KEYS } from "./step.ts";

export interface Words {
  from: number;
  to: number;
  items: { text: string; doc: string }[];
}

/** What stands outside of the text. */
export interface Known {
  kernels: readonly string[];
  machines: readonly string[];
}

type Item = Words["items"][number];

/** Names above the line: devices, memories and labels, with what they name. */
type Names = Map<string, string>;

export function completeAt(text: string, offset: number, known: Known): Words {
  const end = Math.max(0, Math.min(offset, text.length));
  const start = text.lastIndexOf("\n", end - 1) + 1;
  const line = text.slice(start, end);
  const above = text.slice(0, start).split("\n");
  const word = /[^\s|,=:]*$/.exec(line)?.[0] ?? "";
  const rest = /^[^\s|,=]*/.exec(text.slice(end))?.[0] ?? "";
  const before = line.slice(0, line.length - word.length);
  const items = candidates(before, above, known);
  const typed = word.toUpperCase();
  const seen = new Set<string>();
  const fitting = items.filter((i) => {
    if (seen.has(i.text) || rank(i.text, typed) === 0) return false;
    seen.add(i.text);
    return true;
  });
  fitting.sort((a, b) => rank(b.text, typed) - rank(a.text, typed));
  return { from: end - word.length, to: end + rest.length, items: fitting };
}

/** 3: begins with it; 2: a part after `_` does; 1: holds it; 0: does not. */
function rank(text: string, typed: string): number {
  const upper = text.toUpperCase();
  if (upper.startsWith(typed)) return 3;
  if (upper.split("_").some((part, i) => i > 0 && upper.split("_").slice(i).join("_").startsWith(typed) && part !== ""))
    return 2;
  return upper.includes(typed) ? 1 : 0;
}

const plain = (text: string, doc = ""): Item => ({ text, doc });

function candidates(before: string, above: readonly string[], known: Known): Item[] {
  const words = before
    .trim()
    .split(/\s+/)
    .filter((w) => w !== "");
  const inBody = above.some((l) => /^(given|vmm|guest|device|admin)\s/.test(l) && !l.startsWith("device:"));
  if (/^\s/.test(before) && inBody) return below(words, known);
  const header = /^([a-z]+):/.exec(before)?.[1];
  if (header !== undefined) return inHeader(header, words, known);
  if (words.length === 0 && !before.endsWith("=")) return starts(above, inBody);
  return inStep(before, words, namesIn(above));
}

const HEADER_DOC: Readonly<Record<string, string>> = Object.freeze({
  title: "one line",
  source: "where the question was asked",
  question: "one or two sentences",
  machine: "on which it runs",
  kernels: "ids, with commas",
  device: "NAME 0000:00:03.0",
  memory: "NAME len= ipa= pages=",
});

function starts(above: readonly string[], inBody: boolean): Item[] {
  const there = new Set(above.flatMap((l) => /^([a-z]+):/.exec(l)?.[1] ?? []));
  const keys = inBody ? [] : KEYS.filter((k) => k === "device" || k === "memory" || !there.has(k));
  const who: Record<Actor, string> = {
    vmm: "the program that owns the devices",
    guest: "the guest behind it",
    device: "a device acts by itself",
    admin: "the host's administrator",
  };
  return [
    ...keys.map((k) => plain(`${k}:`, HEADER_DOC[k] ?? "")),
    ...ACTORS.map((a) => plain(a, who[a])),
    plain("given", "runs before step 1"),
  ];
}

function inHeader(key: string, words: readonly string[], known: Known): Item[] {
  if (key === "machine") return known.machines.map((m) => plain(m));
  if (key === "kernels") return known.kernels.filter((k) => !words.includes(k)).map((k) => plain(k));
  const last = words.at(-1) ?? "";
  if (key === "memory" && last.startsWith("pages=")) return ["scattered", "contiguous", "huge"].map((p) => plain(p));
  if (key === "memory" && words.length >= 2)
    return [plain("len=", "bytes, a multiple of 4K"), plain("ipa=", "where the guest sees it"), plain("pages=")];
  return [];
}

/** `note` and `expect` lines. */
function below(words: readonly string[], known: Known): Item[] {
  const [head] = words;
  if (head === undefined) return [plain("note", "a remark beside the step"), plain("expect", "what must come out")];
  if (head !== "expect") return [];
  const checks = [
    plain("ok"),
    ...CHECK_KEYS.map((k) => plain(`${k}=`, "checked in the result")),
    ...Object.keys(errno).map((e) => plain(e)),
  ];
  const named = words.slice(1).every((w) => /^[a-z0-9.,-]+,?$/.test(w) && w !== "ok");
  return named ? [...checks, ...known.kernels.map((k) => plain(`${k}:`, "only on this kernel"))] : checks;
}

/** Tolerant: lines that are not whole yet count as far as they can be read. */
function namesIn(lines: readonly string[]): Names {
  const names: Names = new Map();
  for (const line of lines) {
    const declared = /^(device|memory):\s*([A-Za-z_][A-Za-z0-9_.]*)/.exec(line);
    if (declared !== null) names.set(declared[2] ?? "", declared[1] ?? "");
    const label = /^(?:given\s+)?(vmm|guest|device|admin)\s+([A-Za-z_][A-Za-z0-9_.]*)\s+=\s+(\S+)/.exec(line);
    const actor = ACTORS.find((a) => a === label?.[1]);
    if (label !== null && actor !== undefined) names.set(label[2] ?? "", findOp(actor, label[3] ?? "")?.makes ?? "");
  }
  return names;
}

function inStep(before: string, all: readonly string[], names: Names): Item[] {
  const words = all[0] === "given" ? all.slice(1) : [...all];
  const actor = ACTORS.find((a) => a === words[0]);
  if (words.length === 0) return ACTORS.map((a) => plain(a));
  if (actor === undefined) return [];
  let said = words.slice(1);
  // After the equals sign of `I = IOAS_ALLOC` an operation stands, after that of `pt=` a value.
  if (said[1] === "=") said = said.slice(2);
  if (actor === "device") {
    if (said.length === 0) return named(names, "device");
    said = said.slice(1);
  }
  const [opName, ...args] = said;
  if (opName === undefined)
    return knownOps()
      .filter((o) => o.actor === actor)
      .map((o) => plain(o.name, o.doc));
  const op = findOp(actor, opName);
  if (op === undefined) return [];
  const open = /([A-Za-z_0-9]+)=(?:[^\s=]*[|+])?$/.exec(before);
  const param = open === null ? undefined : op.params.find((p) => p.name === open[1] || p.field === open[1]);
  if (open !== null) return param === undefined ? [] : values(param, names);
  return argsOf(op, args, names, actor);
}

function argsOf(op: OpDef, args: readonly string[], names: Names, actor: Actor): Item[] {
  const given = new Set(args.filter((a) => a.includes("=")).map((a) => a.slice(0, a.indexOf("="))));
  const bare = args.filter((a) => !a.includes("="));
  const items: Item[] = [];
  const open = op.params.filter((p) => !given.has(p.name) && !(actor === "device" && p.name === "dev"));
  const place = open.filter((p) => p.bare).slice(bare.length);
  for (const p of place.slice(0, 1)) items.push(...values(p, names));
  const rest = open.filter((p) => !p.bare);
  for (const p of [...rest.filter((x) => x.required), ...rest.filter((x) => !x.required)])
    items.push(plain(`${p.name}=`, `${p.required ? "" : "optional, "}${MEANING[p.kind]}`));
  if (rest.some((p) => p.kind === "flags" && p.values?.["R"] !== undefined) && !bare.some((b) => /^R?W?$/.test(b)))
    items.push(plain("RW", "readable and writable"), plain("R", "readable"));
  return items;
}

const MEANING: Readonly<Record<Param["kind"], string>> = Object.freeze({
  device: "a device of the header",
  bdf: "a device, or a PCI address",
  id: "a name, or a number",
  fd: "a name, or a descriptor",
  va: "memory: RAM, RAM+0x1000",
  addr: "an address",
  size: "4K, 2M, 0x1000",
  count: "a number",
  enum: "one of its values",
  word: "a word",
  flags: "flags, joined by |",
  words: "{0x1,0x2}",
  ranges: "[0x0,0xfff][...]",
});

/** What each parameter usually names; others of the same kind follow. */
const WANTED: Readonly<Record<string, readonly string[]>> = Object.freeze({
  ioas: ["ioas"],
  hwpt: ["hwpt"],
  pt: ["hwpt", "ioas", "viommu"],
  viommu: ["viommu"],
  table: ["guest table"],
});

function values(param: Param, names: Names): Item[] {
  switch (param.kind) {
    case "device":
    case "bdf":
      return named(names, "device");
    case "va":
      return named(names, "memory");
    case "id":
    case "fd": {
      const wanted = WANTED[param.name] ?? [];
      const fits = [...names].filter(([, what]) => what !== "memory" && (what !== "device" || /dev/.test(param.name)));
      const first = fits.filter(([, what]) => wanted.some((w) => what.startsWith(w)));
      return [...first, ...fits.filter((f) => !first.includes(f))].map(([text, what]) => plain(text, what));
    }
    case "enum":
    case "flags":
      return Object.keys(param.values ?? {}).map((v) => plain(v));
    case "word":
      return (param.words ?? []).map((v) => plain(v));
    default:
      return [];
  }
}

function named(names: Names, what: string): Item[] {
  return [...names].flatMap(([text, kind]) => (kind === what ? [plain(text, what)] : []));
}
