/** Replay of the kernel's own self-test, against a pass that only parses and decodes the same records. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { fromHex } from "../src/engine/exchange/hex.ts";
import { replayX86 } from "../src/engine/exchange/replay_x86.ts";
import { FILE_KINDS, parseRecord } from "../src/engine/exchange/x86_records.ts";
import { resolveProfile } from "../src/engine/kernel/resolve.ts";
import linux_7_2 from "../src/engine/releases/linux_7_2.ts";
import { decode } from "../src/engine/uapi/codec.ts";
import { ioctlDef } from "../src/engine/uapi/table.ts";
import type { Bench } from "./bench.ts";

const root = process.env["LAB_ROOT"] ?? ".";

function trace(): string[] {
  const file = readFileSync(join(root, "fixtures", "traces", "x86", "selftest-7.2.jsonl.br"));
  return brotliDecompressSync(file)
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "");
}

/** Thousand records a second of CPU time. */
function speed(lines: readonly string[], work: () => void): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return (lines.length * 1000) / (user + system);
}

/** Number of struct fields in the trace. */
function parseAndDecode(lines: readonly string[]): number {
  let fields = 0;
  for (const text of lines) {
    const record = parseRecord(text);
    const kind = FILE_KINDS[record.fdt ?? ""];
    if (record.op !== "ioctl" || record.in === undefined || kind === undefined) continue;
    const bytes = fromHex(record.in);
    const def = ioctlDef(kind, Number(record.cmd), bytes);
    if (def === undefined || bytes.length < def.size) continue;
    fields += Object.keys(decode(def, bytes)).length;
  }
  return fields;
}

let kept: string[] | null = null;
const lines = (): string[] => (kept ??= trace());

export const replayBenches: readonly Bench[] = [
  {
    name: "replay-selftest",
    unit: "k records/s",
    higher_is_better: true,
    ours: () =>
      speed(lines(), () => {
        const report = replayX86(lines(), { profile: resolveProfile("linux-7.2", [linux_7_2]) });
        if (report.agreed !== report.total) throw new Error(`only ${report.agreed} of ${report.total} records agree`);
      }),
    peer: () =>
      speed(lines(), () => {
        if (parseAndDecode(lines()) === 0) throw new Error("nothing was decoded");
      }),
  },
];
