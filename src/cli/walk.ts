/** `lab walk`: the emulated IOMMU answers what a dump or a file of random cases knows the answer to. */
import { basename } from "node:path";
import { BadInput, walkFile } from "../engine/exchange/walk.ts";
import { readInput } from "./files.ts";
import { FALLS_SHORT, HOLDS, type Output, Wrong } from "./output.ts";

export interface WalkFlags {
  /** `qemu` or `none`; another word is a usage error. */
  quirks?: string;
}

/** Checks every file and prints disagreements by kind; resolves to the exit code. */
export async function walkCommand(files: readonly string[], flags: WalkFlags, output: Output): Promise<number> {
  const quirks = flags.quirks ?? "none";
  if (quirks !== "none" && quirks !== "qemu") throw new Wrong(`--quirks ${quirks}: type --quirks qemu or leave it out`);
  let agreed = 0;
  let total = 0;
  const reports: unknown[] = [];
  for (const file of files) {
    const report = await check(file, quirks);
    agreed += report.agreed;
    total += report.total;
    for (const line of report.lines) output.line(line);
    output.line(`${basename(file)}: ${report.agreed}/${report.total}`);
    reports.push({ file, ...report });
  }
  output.line(`total: ${agreed}/${total} translations agree`);
  output.document({ quirks, agreed, total, files: reports });
  return agreed === total ? HOLDS : FALLS_SHORT;
}

async function check(file: string, quirks: "none" | "qemu"): Promise<ReturnType<typeof walkFile>> {
  try {
    return walkFile(basename(file), await readInput(file), { quirks });
  } catch (e) {
    throw e instanceof BadInput ? new Wrong(e.message) : e;
  }
}
