/** The header of the text form: `title:`, `source:`, `question:`, `machine:`, `kernels:`, `device:`, `memory:`. */
import { meant, Refusal, refuse, tokenize, type Token } from "./tokens.ts";
import type { MemoryDecl, Scenario } from "./types.ts";
import { NAME, readInt } from "./values.ts";

export type Header = Omit<Scenario, "given" | "steps">;

const SINGLE = ["title", "source", "question", "machine", "kernels"] as const;
export const KEYS: readonly string[] = [...SINGLE, "device", "memory"];
const PAGES = ["scattered", "contiguous", "huge"] as const;
/** `linux-7.2`, `plain`, `sw-msi-at-alloc-2024-07`. */
export const ID = /^[a-z0-9][a-z0-9._-]*$/;

/** `next` is the line after the header, for what is missing. */
export function readHeader(rows: readonly { text: string; line: number }[], next: number): Header {
  const single = new Map<string, { value: string; line: number; column: number }>();
  const devices: { name: string; bdf: string }[] = [];
  const memory: MemoryDecl[] = [];
  const taken = new Set<string>();
  let last: { value: string } | null = null;

  for (const { text, line } of rows) {
    const m = /^([a-z]+):\s*/.exec(text);
    if (m === null) {
      if (last === null) throw new Refusal("nothing above for this line to continue", line, 1);
      last.value = `${last.value} ${words(text)}`.trim();
      continue;
    }
    const key = m[1] ?? "";
    const column = m[0].length + 1;
    last = null;
    if (!KEYS.includes(key)) throw new Refusal(`unknown header "${key}"${meant(key, KEYS)}`, line, 1);
    if (key === "device") devices.push(readDevice(tokenize(text, line, m[0].length), taken, line));
    else if (key === "memory") memory.push(readMemory(tokenize(text, line, m[0].length), taken, line));
    else {
      if (single.has(key)) throw new Refusal(`"${key}" is given twice`, line, 1);
      const entry = { value: words(text.slice(m[0].length)), line, column };
      single.set(key, entry);
      last = entry;
    }
  }
  const value = (key: (typeof SINGLE)[number]): string => single.get(key)?.value ?? "";
  for (const key of ["title", "machine", "kernels"] as const)
    if (value(key) === "") throw new Refusal(`the header has no "${key}:"`, single.get(key)?.line ?? next, 1);
  return {
    title: value("title"),
    source: value("source"),
    question: value("question"),
    machine: idOf(value("machine"), single.get("machine")),
    kernels: [...new Set(value("kernels").split(/[\s,]+/))].map((k) => idOf(k, single.get("kernels"))),
    devices,
    memory,
  };
}

const words = (text: string): string => text.trim().split(/\s+/).join(" ");

function idOf(text: string, place: { line: number; column: number } | undefined): string {
  if (!ID.test(text)) throw new Refusal(`"${text}" is no id`, place?.line ?? 1, place?.column ?? 1);
  return text;
}

function take(token: Token | undefined, taken: Set<string>, what: string, line: number): string {
  if (token === undefined) throw new Refusal(`the ${what} has no name`, line, 1);
  if (!NAME.test(token.text)) refuse(token, `"${token.text}" is no name`);
  if (taken.has(token.text)) refuse(token, `${token.text} is already a name`);
  taken.add(token.text);
  return token.text;
}

function readDevice(tokens: Token[], taken: Set<string>, line: number): { name: string; bdf: string } {
  const name = take(tokens[0], taken, "device", line);
  const at = tokens[1];
  if (at === undefined || !/^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/.test(at.text))
    throw new Refusal("a device is written as: device: D1 0000:00:03.0", line, at?.column ?? 1);
  if (tokens[2] !== undefined) refuse(tokens[2], `"${tokens[2].text}" is too much`);
  return { name, bdf: at.text };
}

function readMemory(tokens: Token[], taken: Set<string>, line: number): MemoryDecl {
  const name = take(tokens[0], taken, "memory", line);
  let length: bigint | undefined;
  let ipa: bigint | undefined;
  let pages: MemoryDecl["pages"] = "scattered";
  for (const token of tokens.slice(1)) {
    const [key = "", text = ""] = token.text.split("=");
    const shift = key.length + 1;
    const page = PAGES.find((p) => p === text);
    if (key === "len") length = readInt(text) ?? refuse(token, `"${text}" is no size`, shift);
    else if (key === "ipa") ipa = readInt(text) ?? refuse(token, `"${text}" is no address`, shift);
    else if (key === "pages") pages = page ?? refuse(token, `pages= is ${PAGES.join(", ")}`, shift);
    else refuse(token, `unknown "${key}"${meant(key, ["len", "ipa", "pages"])}; a memory has len=, ipa=, pages=`);
  }
  if (length === undefined || length === 0n || length > 1n << 32n || length % 4096n !== 0n)
    throw new Refusal(`memory ${name} needs len= a multiple of 4K, at most 4G`, line, 1);
  if (pages === "huge" && length % (2n << 20n) !== 0n)
    throw new Refusal(`memory ${name} has huge pages: len= must be a multiple of 2M`, line, 1);
  if (ipa !== undefined && ipa % 4096n !== 0n)
    throw new Refusal(`memory ${name}: ipa= must be a multiple of 4K`, line, 1);
  return { name, length, ...(ipa === undefined ? {} : { ipa }), pages };
}
