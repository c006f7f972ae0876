/** Why a step ended as it did: its trace, opened at what decided, and the earlier steps that it follows from. */
import type { TraceEntry } from "../kernel/trace.ts";
import type { StepResult } from "../sim/result.ts";
import type { Step } from "../sim/scenario/types.ts";
import { failingCheck } from "./steps.ts";
import type { WhyView } from "./types.ts";

/** A step that was run, 1-based. */
export interface Past {
  index: number;
  step: Step;
  result: StepResult;
}

type Cause = WhyView["causes"][number];

/** `past`: the steps up to and with the current one. */
export function why(past: readonly Past[]): WhyView {
  const current = past.at(-1);
  if (current === undefined) return { headline: "before the first step", entries: [], opened: -1, causes: [] };
  const { result, step } = current;
  return {
    headline: headline(step, result),
    entries: result.trace,
    opened: result.outcome === "ok" ? -1 : decisive(result),
    causes: result.outcome === "ok" ? [] : causesOf(past, current),
  };
}

function headline(step: Step, result: StepResult): string {
  if (result.outcome === "ok" && step.op === "MSI") return "the interrupt arrived";
  if (result.outcome === "ok") return step.actor === "device" ? "the access arrived" : "the call succeeded";
  if (step.op === "MSI") return "the interrupt was lost";
  if (step.actor === "device") return "the access was stopped";
  if (step.op.includes("MAP")) return "the map was refused";
  if (step.op.includes("ATTACH")) return "the attach was refused";
  return "the call was refused";
}

/** The entry that decided: a failed check of the kernel, else the read that ended a walk, else the event. */
function decisive(result: StepResult): number {
  const { trace } = result;
  if (result.outcome === "fault") {
    const event = trace.findIndex((e) => e.t === "event");
    const end = event < 0 ? trace.length : event;
    for (let i = end - 1; i >= 0; i--) {
      const e = trace[i];
      if (e?.t === "mem" && !e.write) return i;
    }
    return event < 0 ? trace.findLastIndex((e) => e.t === "msi") : event;
  }
  const check = failingCheck(trace);
  return check === undefined ? trace.findLastIndex((e) => e.t === "leave" && e.failed) : trace.indexOf(check);
}

function causesOf(past: readonly Past[], current: Past): Cause[] {
  const earlier = past.slice(0, -1).toReversed();
  return current.step.actor === "device" ? accessCauses(earlier, current) : clashCauses(earlier, current);
}

/** A stopped access: how its address came to be programmed, and what the attach did and left undone. */
function accessCauses(earlier: readonly Past[], current: Past): Cause[] {
  const device = current.step.args["dev"];
  const causes: Cause[] = [];
  const mine = earlier.filter((p) => p.result.outcome === "ok" && same(p.step.args["dev"], device));
  const irqs = current.step.op === "MSI" ? mine.find((p) => p.step.op === "VFIO_DEVICE_SET_IRQS") : undefined;
  if (irqs !== undefined) {
    const entries = within(irqs.result.trace, "iommu_dma_prepare_msi");
    const address = irqs.result.seen["msi"];
    const text =
      typeof address === "bigint"
        ? `the device was given the address 0x${address.toString(16)}`
        : "the interrupt was enabled";
    causes.push({ step: irqs.index, text, entries, opened: firstDecision(entries) });
  }
  const attach = mine.find((p) => p.step.op === "VFIO_DEVICE_ATTACH_IOMMUFD_PT");
  if (attach !== undefined) {
    const entries = within(attach.result.trace, "iommufd_hw_pagetable_attach", "iommufd_device_do_replace");
    const note = entries.find((e) => e.t === "note");
    const text = note?.t === "note" ? note.what : "the attach chose the tables that were walked";
    causes.push({ step: attach.index, text, entries, opened: firstDecision(entries) });
  }
  return causes;
}

function same(a: Step["args"][string] | undefined, b: Step["args"][string] | undefined): boolean {
  return a?.k === "name" && b?.k === "name" && a.v === b.v;
}

/** A refused range: the step that put there what it met. */
function clashCauses(earlier: readonly Past[], current: Past): Cause[] {
  const check = failingCheck(current.result.trace);
  const causes: Cause[] = [];
  for (const hit of check?.detail?.hits ?? []) {
    const maker = earlier.find((p) => p.result.outcome === "ok" && made(p.result, hit));
    if (maker === undefined || causes.some((c) => c.step === maker.index)) continue;
    const entries = maker.result.trace.filter((e) => e.t !== "mem" && e.t !== "cmd");
    const text = `${hit.label} has been there since step ${maker.index}`;
    causes.push({ step: maker.index, text, entries, opened: firstMention(entries, hit) });
  }
  return causes;
}

/** A mapping comes from a MAP that asked for it, a reservation from where it was made. */
function made(result: StepResult, hit: { start: bigint; last: bigint; label: string }): boolean {
  const { asked } = result;
  if (hit.label.startsWith("area "))
    return asked !== undefined && asked.ref.startsWith("ioas:") && asked.start === hit.start;
  return firstMention(result.trace, hit) >= 0;
}

/** Index of the call that reserved exactly this interval, or of the check that let it through; -1 when none did. */
function firstMention(entries: readonly TraceEntry[], hit: { start: bigint; last: bigint }): number {
  const words = [`0x${hit.start.toString(16)}`, `0x${hit.last.toString(16)}`];
  return entries.findIndex(
    (e) =>
      (e.t === "enter" && e.fn === "iopt_reserve_iova" && words.every((w) => e.args.includes(w))) ||
      (e.t === "check" && e.ok && e.detail?.range?.start === hit.start && e.detail.range.last === hit.last),
  );
}

/** The entries from entering one of these functions to leaving it; the whole trace when it was not called. */
function within(trace: readonly TraceEntry[], ...functions: string[]): TraceEntry[] {
  const start = trace.findIndex((e) => e.t === "enter" && functions.includes(e.fn));
  const enter = trace[start];
  if (enter === undefined) return trace.filter((e) => e.t !== "mem");
  const end = trace.findIndex((e, i) => i > start && e.t === "leave" && e.depth === enter.depth);
  return trace.slice(start, end < 0 ? undefined : end + 1).filter((e) => e.t !== "mem");
}

/** What the kernel decided there: a check that did not hold, else what it said it would not do, else the first check. */
function firstDecision(entries: readonly TraceEntry[]): number {
  const failed = entries.findIndex((e) => e.t === "check" && !e.ok);
  if (failed >= 0) return failed;
  const note = entries.findIndex((e) => e.t === "note");
  return note >= 0 ? note : entries.findIndex((e) => e.t === "check");
}
