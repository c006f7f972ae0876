/**
 * `lab walk`: lets the emulated IOMMU answer what a recording knows the answer to.
 * One file is either a dump of one device's tables (JSON object) or a list of random cases (JSON lines).
 */
import { walkCases } from "./cases.ts";
import { walkDump } from "./dump.ts";
import { parseJson } from "./parse.ts";
import type { WalkOptions, WalkReport } from "./walk_report.ts";

export { BadInput } from "./parse.ts";
export type { WalkOptions, WalkReport } from "./walk_report.ts";

/** Checks one file. Throws BadInput when it is not such a file. */
export function walkFile(name: string, text: string, opts: WalkOptions): WalkReport {
  const first = text.slice(0, text.indexOf("\n") < 0 ? undefined : text.indexOf("\n"));
  const cases = /^\s*\{"case"/.test(first);
  return cases ? walkCases(name, text, opts) : walkDump(name, parseJson(name, text), opts);
}
