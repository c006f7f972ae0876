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
  return isCase(text.trimStart().split("\n", 1)[0] ?? "")
    ? walkCases(name, text, opts)
    : walkDump(name, parseJson(name, text), opts);
}

/** Whether a line is a whole JSON object with a `case`. */
function isCase(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && "case" in value;
  } catch {
    return false;
  }
}
