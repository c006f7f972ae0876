import type { WalkReport } from "./walk_report.ts";
export function walkDump(_name: string, _value: unknown): WalkReport {
  throw new Error("not yet");
}
