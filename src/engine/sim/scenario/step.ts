/** One step line and one `expect` line of the text form. */
import { errno } from "../../uapi/errno.ts";
import type { Actor } from "../../views/types.ts";
import { ID } from "./header.ts";
import { findOp, knownOps, type OpDef, type Param } from "./ops.ts";
import { meant, refuse, type Token } from "./tokens.ts";
import type { Check, Step, Value } from "./types.ts";
import { BDF, flagNames, flagText, NAME, readInt, readRanges, readValue, readWords } from "./values.ts";

/** Names known so far; `line` 0 = the header. */
export type Names = Map<string, { what: string; line: number }>;

export const ACTORS: readonly Actor[] = ["vmm", "guest", "device", "admin"];
/** What a result may be asked for. */
export const CHECK_KEYS = [
  "ret",
  "errno",
  "id",
  "iova",
  "length",
  "ranges",
  "align",
  "msi",
  "delivered",
  "event",
  "stage",
  "level",
  "pa",
  "ipa",
  "entries",
  "regions",
  "kinds",
  "members",
  "peer",
  "records",
  "who",
  "pasid",
  "grpid",
  "addr",
  "perm",
  "ioasid",
  "cookie",
  "via",
  "value",
  "flags",
  "lost",
  "sequence",
  "sid",
  "vector",
] as const;

/** Reads a step and enters its label into `names`. */
export function readStep(tokens: Token[], names: Names): Omit<Step, "checks" | "note"> & { given: boolean } {
  const words = [...tokens];
  const given = words[0]?.text === "given";
  if (given) words.shift();
  const first = words.shift() ?? tokens[0];
  if (first === undefined) throw new Error("empty line");
  const actor = ACTORS.find((a) => a === first.text);
  if (actor === undefined)
    refuse(first, `"${first.text}" is no actor${meant(first.text, ACTORS)}; a step starts with ${ACTORS.join(", ")}`);

  let label: Token | undefined;
  if (words[1]?.text === "=") {
    label = words.shift();
    words.shift();
  }
  const args: Record<string, Value> = {};
  let subject: Token | undefined;
  if (actor === "device") subject = words.shift();
  const name = words.shift();
  if (name === undefined) refuse(subject ?? first, "the operation is missing", (subject ?? first).text.length);
  const op = findOp(actor, name.text);
  if (op === undefined) {
    const known = knownOps()
      .filter((o) => o.actor === actor)
      .flatMap((o) => [o.name, o.name.replace(/^(IOMMU|VFIO_DEVICE)_/, "")]);
    refuse(name, `${actor} knows no operation "${name.text}"${meant(name.text, known)}`);
  }
  if (subject !== undefined) readArg(op, "dev", subject.text, subject, 0, args, names);
  for (const token of words) readWord(op, token, args, names);
  for (const p of op.params)
    if (p.required && args[p.name] === undefined)
      refuse(name, `${op.name} needs ${p.bare ? `a ${p.name}` : `${p.name}=`}`);
  if (label !== undefined) enterLabel(label, op, names);
  return { given, actor, ...(label === undefined ? {} : { label: label.text }), op: op.name, args };
}

function enterLabel(label: Token, op: OpDef, names: Names): void {
  if (!NAME.test(label.text)) refuse(label, `"${label.text}" is no name`);
  if (op.makes === undefined) refuse(label, `${op.name} makes nothing that ${label.text} could name`);
  const old = names.get(label.text);
  if (old !== undefined)
    refuse(label, `${label.text} is already the name of a ${old.what}${old.line > 0 ? ` (line ${old.line})` : ""}`);
  names.set(label.text, { what: op.makes, line: label.line });
}

function readWord(op: OpDef, token: Token, args: Record<string, Value>, names: Names): void {
  const eq = token.text.indexOf("=");
  if (eq > 0) {
    readArg(op, token.text.slice(0, eq), token.text.slice(eq + 1), token, eq + 1, args, names);
    return;
  }
  for (const p of op.params) {
    if (!p.bare || args[p.name] !== undefined) continue;
    if (p.kind === "word" && p.words?.includes(token.text) !== true && !p.required) continue;
    readArg(op, p.name, token.text, token, 0, args, names);
    return;
  }
  const flags = op.params.find((p) => p.kind === "flags");
  if (flags !== undefined && token.text.split("|").every((w) => flagNames(flags, w) !== undefined)) {
    const old = args[flags.name];
    const more = readValue(flags, token.text, token, 0);
    args[flags.name] =
      old?.k === "flags" && more.k === "flags"
        ? readValue(flags, [flagText(old.v), flagText(more.v)].join("|"), token, 0)
        : more;
    return;
  }
  refuse(token, `"${token.text}" is not understood by ${op.name}; arguments are written name=value`);
}

function readArg(
  op: OpDef,
  key: string,
  text: string,
  token: Token,
  shift: number,
  args: Record<string, Value>,
  names: Names,
): void {
  const param = op.params.find((p) => p.name === key || p.field === key);
  if (param === undefined) {
    const known = op.params.map((p) => p.name);
    refuse(token, `${op.name} has no "${key}"${meant(key, known)}; it has ${known.join(", ")}`);
  }
  if (args[param.name] !== undefined) refuse(token, `${param.name} is given twice`);
  const value = readValue(param, text, token, shift);
  checkName(param, value, token, shift, names);
  args[param.name] = value;
}

function checkName(param: Param, value: Value, token: Token, shift: number, names: Names): void {
  if (value.k !== "name" || param.kind === "enum" || param.kind === "word") return;
  if (param.kind === "bdf" && BDF.test(value.v)) return;
  const known = names.get(value.v);
  if (known === undefined) refuse(token, `${value.v} is not named above${meant(value.v, names.keys())}`, shift);
  if ((param.kind === "device" || param.kind === "bdf") && known.what !== "device")
    refuse(token, `${value.v} is no device but a ${known.what}`, shift);
  if (param.kind === "va" && known.what !== "memory")
    refuse(token, `${value.v} is no memory but a ${known.what}`, shift);
  if ((param.kind === "id" || param.kind === "fd") && known.what === "memory")
    refuse(token, `${value.v} is a memory`, shift);
}

/** `expect [kernel[,] kernel:] EINVAL msi=0x8000040 ...` */
export function readExpect(tokens: Token[]): Check[] {
  const words = tokens.slice(1);
  const kernels: string[] = [];
  const end = words.findIndex((t) => t.text.endsWith(":"));
  for (const token of words.splice(0, end + 1)) {
    for (const id of token.text.replace(/[:,]$/, "").split(",")) {
      if (!ID.test(id)) refuse(token, `"${id}" is no kernel id`);
      kernels.push(id);
    }
  }
  const head = tokens[0];
  if (head === undefined) throw new Error("empty line");
  if (words.length === 0) refuse(head, "expect says nothing", head.text.length);
  return words.map((token) => readCheck(token, kernels));
}

function readCheck(token: Token, kernels: readonly string[]): Check {
  const eq = token.text.indexOf("=");
  if (eq < 0) {
    if (token.text !== "ok" && !(token.text in errno))
      refuse(token, `"${token.text}" is neither ok nor an errno${meant(token.text, ["ok", ...Object.keys(errno)])}`);
    return { kernels, key: "errno", value: { k: "name", v: token.text } };
  }
  const key = token.text.slice(0, eq);
  const text = token.text.slice(eq + 1);
  if (!(CHECK_KEYS as readonly string[]).includes(key))
    refuse(token, `nothing is called "${key}"${meant(key, CHECK_KEYS)}; a check is about ${CHECK_KEYS.join(", ")}`);
  const int = readInt(text);
  if (int !== undefined) return { kernels, key, value: { k: "int", v: int } };
  if (text.startsWith("[")) return { kernels, key, value: readRanges(text, token, eq + 1) };
  if (text.startsWith("{")) return { kernels, key, value: readWords(text, token, eq + 1) };
  if (!NAME.test(text)) refuse(token, `"${text}" is no value`, eq + 1);
  if (key === "errno" && text !== "ok" && !(text in errno))
    refuse(token, `"${text}" is no errno${meant(text, Object.keys(errno))}`, eq + 1);
  return { kernels, key, value: { k: "name", v: text } };
}
