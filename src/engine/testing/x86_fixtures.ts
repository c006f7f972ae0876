/** Recorded x86 machines, one bundle each: `fixtures/machines/x86/<id>.json.br` is name -> text, or { hex }. Tests only. */
import { fromHex } from "../exchange/hex.ts";
import { fixture } from "./fixtures.ts";

/** The files as the importer takes them, and groups.txt to compare with. */
export function x86MachineFixture(id: string): Map<string, string | Uint8Array> {
  const bundle = JSON.parse(fixture(`machines/x86/${id}.json`)) as Record<string, string | { hex: string }>;
  return new Map(Object.entries(bundle).map(([name, v]) => [name, typeof v === "string" ? v : fromHex(v.hex)]));
}
