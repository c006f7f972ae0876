/** `lab rebuild`: the trace that led to a table dump is played, and every word of the driver compared with the dump. */
import { basename, dirname } from "node:path";
import { BadInput, parseJson } from "../../engine/exchange/parse.ts";
import { dumpOrigin, rebuildDump, type RebuildReport } from "../../engine/exchange/rebuild.ts";
import { ARM_TRACE_MACHINE } from "../../engine/exchange/trace_head.ts";
import { dumpsNamed } from "../../engine/exchange/replay_arm.ts";
import type { Kernels } from "../../engine/sim/kernels.ts";
import { findDump, findTrace, findTraceMachine } from "../beside.ts";
import { loadKernels } from "../engine.ts";
import { readInput } from "../files.ts";
import { firstLine, linesOf } from "../lines.ts";
import { findMachine } from "../load.ts";
import type { Common } from "../main.ts";
import { FALLS_SHORT, HOLDS, type Output, Wrong } from "../output.ts";
import { headOf, kernelOf } from "./replay.ts";

export interface RebuildFlags extends Common {
  /** The trace of every dump. */
  trace?: string;
}

interface FileReport extends RebuildReport {
  file: string;
  trace: string;
  kernel: string;
}

export async function rebuildCommand(files: readonly string[], flags: RebuildFlags, output: Output): Promise<number> {
  const kernels = await loadKernels();
  const reports: FileReport[] = [];
  for (const file of files) {
    const report = await rebuildFile(file, kernels, flags, output);
    reports.push(report);
    for (const line of report.lines) output.line(`  ${line}`);
    const guest = report.guest === 0 ? "" : `, ${report.guest} words are the guest's own`;
    const { agreed, total } = report.replayed;
    const played = `${basename(report.trace)}: ${agreed}/${total} records agree up to here`;
    output.line(`${basename(file)}: ${report.agreed}/${report.total} on ${report.kernel}${guest} (${played})`);
  }
  const agreed = reports.reduce((n, r) => n + r.agreed, 0);
  const total = reports.reduce((n, r) => n + r.total, 0);
  output.line(`total: ${agreed}/${total} words equal`);
  output.document({ agreed, total, files: reports });
  return agreed === total ? HOLDS : FALLS_SHORT;
}

async function rebuildFile(file: string, kernels: Kernels, flags: RebuildFlags, output: Output): Promise<FileReport> {
  const text = await readInput(file);
  try {
    const value = parseJson(file, text);
    const { scenario, machine } = dumpOrigin(file, value);
    const trace = flags.trace ?? (await traceOf(file, scenario, machine));
    const lines = await readInput(trace);
    const head = headOf(trace, firstLine(lines));
    if (!head.arm) throw new Wrong(`${trace}: not a trace of an Arm machine`);
    const profile = kernelOf(trace, kernels, flags.kernel, head.kernel, output);
    const dumps = new Map<string, unknown>();
    for (const name of dumpsNamed(linesOf(lines))) {
      const dump = (await findDump(trace, name, dirname(file))) ?? (await findDump(trace, name, undefined));
      if (dump !== undefined) dumps.set(name, dump);
    }
    const on =
      flags.machine === undefined
        ? await findTraceMachine(trace, head.machine ?? machine ?? ARM_TRACE_MACHINE)
        : findMachine(flags.machine);
    const report = rebuildDump(basename(file), value, linesOf(lines), { profile, machine: on, dumps });
    return { file, trace, kernel: profile.profile.id, ...report };
  } catch (e) {
    throw e instanceof BadInput ? new Wrong(e.message) : e;
  }
}

async function traceOf(file: string, scenario: string | undefined, machine: string | undefined): Promise<string> {
  if (scenario === undefined || machine === undefined)
    throw new Wrong(`${file}: the dump does not say its scenario and machine; type: --trace FILE`);
  const found = await findTrace(file, scenario, async (path) => {
    const line = firstLine(await readInput(path));
    if (!line.startsWith('{"t":"header"') && !line.includes('"header"')) return false;
    const head = headOf(path, line);
    return head.scenario === scenario && head.machine === machine;
  });
  if (found !== undefined) return found;
  throw new Wrong(
    `${file}: no trace of scenario "${scenario}" on machine "${machine}" beside it or in ../../traces/arm; type: --trace FILE`,
  );
}
