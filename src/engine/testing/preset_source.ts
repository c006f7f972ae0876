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

/** A machine in full, or, with a base of the same functions, as its differences. */
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

/** Whether `desc` can be told as differences from `base`: the same functions in the same order. */
export function isVariation(base: MachineDesc, desc: MachineDesc): boolean {
  return sameJson(
    base.functions.map((f) => f.bdf),
    desc.functions.map((f) => f.bdf),
  );
}

function differing(base: object, other: object): Record<string, unknown> {
  const before = new Map<string, unknown>(Object.entries(base));
  return Object.fromEntries(Object.entries(other).filter(([k, v]) => !sameJson(before.get(k), v)));
}

function differences(base: MachineDesc, desc: MachineDesc): Record<string, unknown> {
  const functions: Record<string, unknown> = {};
  desc.functions.forEach((f, i) => {
    const one = differing(base.functions[i] ?? {}, f);
    if (Object.keys(one).length > 0) functions[f.bdf] = one;
  });
  const { functions: _, ...rest } = differing(base, desc);
  return Object.keys(functions).length > 0 ? { ...rest, functions } : rest;
}
