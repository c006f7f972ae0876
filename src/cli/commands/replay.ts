/** `lab replay`: every recorded call of a trace is made again, and every answer compared. */
import { basename } from "node:path";
import { BadInput } from "../../engine/exchange/parse.ts";
import { dumpsNamed, replayArm } from "../../engine/exchange/replay_arm.ts";
import { replayX86 } from "../../engine/exchange/replay_x86.ts";
import { ARM_TRACE_MACHINE, type TraceHead, traceHead } from "../../engine/exchange/trace_head.ts";
import type { ReplayReport } from "../../engine/exchange/report.ts";
import { NotModelled } from "../../engine/kernel/not_modelled.ts";
import type { ResolvedProfile } from "../../engine/kernel/profile.ts";
import type { Kernels } from "../../engine/sim/kernels.ts";
import { meant } from "../../engine/sim/scenario/tokens.ts";
import { findDump, findTraceMachine } from "../beside.ts";
import { findX86Machine, findX86MachineById } from "../beside_x86.ts";
import { loadKernels } from "../engine.ts";
import { readInput } from "../files.ts";
import { firstLine, linesOf } from "../lines.ts";
import { findMachine, meantRelease } from "../load.ts";
import type { Common } from "../main.ts";
import { FALLS_SHORT, HOLDS, type Output, Wrong } from "../output.ts";

export interface ReplayFlags extends Common {
  /** Folder of table dumps. */
  tables?: string;
}

interface FileReport {
  file: string;
  kernel: string;
  agreed: number;
  total: number;
  given: number;
  skipped: Record<string, number>;
  first: string[];
}

export async function replayCommand(files: readonly string[], flags: ReplayFlags, output: Output): Promise<number> {
  const kernels = await loadKernels();
  const reports: FileReport[] = [];
  for (const file of files) {
    const report = await replayFile(file, kernels, flags, output);
    reports.push(report);
    output.line(`${basename(file)}: ${report.agreed}/${report.total} on ${report.kernel}`);
    for (const text of report.first.slice(0, 1)) output.line(text.replace(/^/gm, "  "));
  }
  const sum = (of: (r: FileReport) => number): number => reports.reduce((n, r) => n + of(r), 0);
  const skipped = sum((r) => Object.values(r.skipped).reduce((a, b) => a + b, 0));
  const given = sum((r) => r.given);
  const agreed = sum((r) => r.agreed);
  const total = sum((r) => r.total);
  if (skipped > 0) output.line(`skipped by rule: ${skipped}`);
  if (given > 0) output.line(`given: ${given}`);
  output.line(`total: ${agreed}/${total} records agree`);
  output.document({ agreed, total, skipped, given, files: reports });
  return agreed === total ? HOLDS : FALLS_SHORT;
}

async function replayFile(file: string, kernels: Kernels, flags: ReplayFlags, output: Output): Promise<FileReport> {
  const text = await readInput(file);
  const head = headOf(file, firstLine(text));
  const profile = kernelOf(file, kernels, flags.kernel, head.kernel, output);
  try {
    const report = head.arm ? await arm(file, text, head, profile, flags) : await x86(file, text, profile, flags);
    return {
      file,
      kernel: profile.profile.id,
      agreed: report.agreed,
      total: report.total,
      given: report.given,
      skipped: Object.fromEntries(report.skipped),
      first: report.first,
    };
  } catch (e) {
    if (e instanceof BadInput || e instanceof NotModelled || (e instanceof Error && e.message.startsWith("record ")))
      throw new Wrong(`${file}: ${e.message}`);
    throw e;
  }
}

/** A machine only where the trace opens devices of one. */
async function x86(file: string, text: string, profile: ResolvedProfile, flags: ReplayFlags): Promise<ReplayReport> {
  const machine = flags.machine === undefined ? await findX86Machine(file, text) : findX86MachineById(flags.machine);
  return replayX86(linesOf(text), { profile, machine });
}

async function arm(
  file: string,
  text: string,
  head: TraceHead,
  profile: ResolvedProfile,
  flags: ReplayFlags,
): Promise<ReplayReport> {
  const machine =
    flags.machine === undefined
      ? await findTraceMachine(file, head.machine ?? ARM_TRACE_MACHINE)
      : findMachine(flags.machine);
  const dumps = new Map<string, unknown>();
  for (const name of dumpsNamed(linesOf(text))) {
    const dump = await findDump(file, name, flags.tables);
    if (dump !== undefined) dumps.set(name, dump);
  }
  return replayArm(linesOf(text), { profile, machine, dumps });
}

/** The head of a trace; Wrong when it is none. */
export function headOf(file: string, line: string): TraceHead {
  try {
    return traceHead(file, line);
  } catch (e) {
    throw e instanceof BadInput ? new Wrong(e.message) : e;
  }
}

/** The kernel that was asked for, else the trace's own, else the newest release; as it was released. */
export function kernelOf(
  file: string,
  kernels: Kernels,
  asked: string | undefined,
  own: string | null,
  output: Output,
): ResolvedProfile {
  const id = meantRelease(kernels, asked ?? own ?? kernels.newest, output);
  const profile = kernels.resolve(id, false);
  if (profile !== undefined) return profile;
  if (asked !== undefined) throw new Wrong(`no kernel "${id}"${meant(id, kernels.ids)}; type: lab list kernels`);
  throw new Wrong(`${file}: made on ${id}, which is not modelled; type --kernel ID to compare with another`);
}
