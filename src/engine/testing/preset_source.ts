/** Prints a machine description as a TypeScript module, addresses in hexadecimal. */
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
    const entries = Object.entries(value).map(([k, v]) => `${k}: ${literal(k, v, inner)}`);
    const line = `{ ${entries.join(", ")} }`;
    if (line.length < 90 && !line.includes("\n")) return line;
    return `{\n${entries.map((e) => `${inner}${e},\n`).join("")}${indent}}`;
  }
  return JSON.stringify(value);
}

export function presetSource(name: string, desc: MachineDesc): string {
  return `/** ${desc.title}: written by the importer from the recorded machine \`${desc.id}\`; see README.md. */
import { freezeDeep } from "../../hw/base/freeze.ts";
import type { MachineDesc } from "../../hw/machine.ts";

export const ${name}: MachineDesc = freezeDeep<MachineDesc>(${literal("", desc, "")});
`;
}
