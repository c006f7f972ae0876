/** Prints a machine description as a TypeScript module, whole or as differences, addresses in hexadecimal. */
import type { MachineDesc } from "../../hw/machine.ts";

const HEX = new Set([
  "start",
  "last",
  "base",
  "pci",
  "idr0",
  "idr1",
  "idr3",
  "idr5",
  "streamId",
  "msiDeviceId",
  "firstSid",
  "lastSid",
]);

function literal(key: string, value: unknown, indent: string): string {
  const inner = `${indent}  `;
  if (typeof value === "number") return HEX.has(key) && value > 9 ? `0x${value.toString(16)}` : String(value);
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    const items = value.map((v) => literal(key === "sids" ? "streamId" : "", v, inner));
    if (value.every((v) => typeof v === "number")) return `[${items.join(", ")}]`;
    return `[\n${items.map((i) => `${inner}${i},\n`).join("")}${indent}]`;
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(
      ([k, v]) => `${/^\w+$/.test(k) ? k : JSON.stringify(k)}: ${literal(k, v, inner)}`,
    );
    const line = `{ ${entries.join(", ")} }`;
    if (line.length < 90 && !line.includes("\n")) return line;
    return `{\n${entries.map((e) => `${inner}${e},\n`).join("")}${indent}}`;
  }
  return JSON.stringify(value);
}

const name = (id: string): string => id.replaceAll("-", "_");

export interface PresetPlace {
  /** Type of the description and the module that declares it, as the preset's folder sees it. */
  type: string;
  module: string;
  /** From the preset's folder to `src/engine/presets` and to `src`. */
  presets: string;
  src: string;
}

/** A machine in full, or, with a base, as its differences. */
export function presetSource(desc: MachineDesc, base: MachineDesc | null, place: PresetPlace): string {
  const CONST = name(desc.id).toUpperCase();
  const head = `/** ${desc.title}: written by the importer from a recorded machine; see README.md. */\n`;
  const type = `import type { ${place.type} } from "${place.module}";\n`;
  if (base === null)
    return `${head}import { freezeDeep } from "${place.src}/hw/base/freeze.ts";
${type}
export const ${CONST}: ${place.type} = freezeDeep<${place.type}>(${literal("", desc, "")});
`;
  const BASE = name(base.id).toUpperCase();
  return `${head}${type}import { changed } from "${place.presets}/changed.ts";
import { ${BASE} } from "./${name(base.id)}.ts";

export const ${CONST}: ${place.type} = changed(${BASE}, ${literal("", differences(base, desc), "")});
`;
}

const sameJson = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

function isPlain(v: unknown): v is Record<string, unknown> {
  return typeof v === "object" && v !== null && !Array.isArray(v);
}

/** Keys of `other` that differ; none may have gone. */
function differing(base: Record<string, unknown>, other: Record<string, unknown>): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(base)) if (!(key in other)) throw new Error(`${key} is gone: not a variation`);
  for (const [key, value] of Object.entries(other)) {
    const before = base[key];
    if (sameJson(before, value)) continue;
    const nested = isPlain(before) && isPlain(value) && before["kind"] === value["kind"];
    out[key] = nested ? differing(before, value) : value;
  }
  return out;
}

function differences(base: MachineDesc, desc: MachineDesc): Record<string, unknown> {
  const functions: Record<string, unknown> = {};
  const before = new Map(base.functions.map((f) => [f.bdf, f]));
  for (const f of desc.functions) {
    const old = before.get(f.bdf);
    const one = old === undefined ? f : differing({ ...old }, { ...f });
    if (Object.keys(one).length > 0) functions[f.bdf] = one;
    before.delete(f.bdf);
  }
  for (const bdf of before.keys()) functions[bdf] = null;
  const { functions: _, ...rest } = differing({ ...base }, { ...desc });
  return Object.keys(functions).length > 0 ? { ...rest, functions } : rest;
}
