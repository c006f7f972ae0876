/** The canonical text of a scenario: parsing it gives the same scenario back. */
import { findOp } from "./ops.ts";
import type { Check, Scenario, Step, Value } from "./types.ts";
import { flagText, hexText, printValue, sizeText } from "./values.ts";

const WIDTH = 110;

export function printScenario(s: Scenario): string {
  const lines = printStart(s);
  for (const step of s.steps) lines.push(...printLines(step, ""));
  return `${lines.join("\n")}\n`;
}

/** All lines before the first step. */
export function printStart(s: Scenario): string[] {
  const lines: string[] = [...wrap("title: ", s.title, "  ")];
  if (s.source !== "") lines.push(...wrap("source: ", s.source, "  "));
  if (s.question !== "") lines.push(...wrap("question: ", s.question, "  "));
  lines.push(`machine: ${s.machine}`, `kernels: ${s.kernels.join(", ")}`);
  lines.push(...printDeclared(s), "");
  for (const step of s.given) lines.push(...printLines(step, "given "));
  if (s.given.length > 0) lines.push("");
  return lines;
}

/** The devices and memories. */
export function printDeclared(s: Scenario): string[] {
  const lines = s.devices.map((d) => `device: ${d.name} ${d.bdf}`);
  for (const m of s.memory) {
    const ipa = m.ipa === undefined ? "" : ` ipa=${hexText(m.ipa)}`;
    const pages = m.pages === "scattered" ? "" : ` pages=${m.pages}`;
    lines.push(`memory: ${m.name} len=${sizeText(m.length)}${ipa}${pages}`);
  }
  return lines;
}

/** The lines of one step: what it does, its notes, its checks. */
export function printLines(step: Step, prefix: string): string[] {
  const lines = [prefix + printStep(step)];
  if (step.note !== undefined) lines.push(...wrap("  note ", step.note, "  note "));
  for (const group of together(step.checks)) lines.push(`  ${printChecks(group)}`);
  return lines;
}

/** The step line alone: `vmm P = IOMMU_HWPT_ALLOC dev=D1 pt=I flags=NEST_PARENT`. */
export function printStep(step: Step): string {
  const subject = step.actor === "device" ? [nameOf(step.args["dev"])] : [];
  const label = step.label === undefined ? [] : [step.label, "="];
  return [step.actor, ...label, ...subject, step.op, ...printArgs(step)].join(" ");
}

const nameOf = (value: Value | undefined): string => (value?.k === "name" ? value.v : "?");

/** The arguments in the order of the operation's table. */
export function printArgs(step: Step): string[] {
  const out: string[] = [];
  for (const p of findOp(step.actor, step.op)?.params ?? []) {
    const value = step.args[p.name];
    if (value === undefined || (step.actor === "device" && p.name === "dev")) continue;
    const text = printValue(p, value);
    const access = value.k === "flags" && value.v.length > 0 && value.v.every((v) => v === "R" || v === "W");
    out.push(p.bare || access ? text : `${p.name}=${text}`);
  }
  return out;
}

/** Neighbours that are about the same kernels share a line. */
function together(checks: readonly Check[]): Check[][] {
  const groups: Check[][] = [];
  for (const check of checks) {
    const last = groups.at(-1);
    if (last?.[0]?.kernels.join() === check.kernels.join() && last !== undefined) last.push(check);
    else groups.push([check]);
  }
  return groups;
}

/** `expect linux-6.11: EINVAL`, `expect event=none delivered=1`. */
function printChecks(checks: readonly Check[]): string {
  const kernels = checks[0]?.kernels ?? [];
  const about = kernels.length === 0 ? "" : `${kernels.join(", ")}: `;
  return `expect ${about}${checks.map(checkText).join(" ")}`;
}

export function checkText(check: Check): string {
  if (check.key === "errno" && check.value.k === "name") return check.value.v;
  const value = check.value;
  const text =
    value.k === "int" ? intText(value.v) : value.k === "flags" ? flagText(value.v) : printValue(undefined, value);
  return `${check.key}=${text}`;
}

const intText = (v: bigint): string => (v < 4096n ? v.toString() : hexText(v));

/** `first` and the words of `text`, broken at blanks; further lines start with `next`. */
function wrap(first: string, text: string, next: string): string[] {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of text.split(" ")) {
    if (!empty && line.length + word.length + 1 > WIDTH) {
      lines.push(line);
      line = next + word;
    } else line = empty ? line + word : `${line} ${word}`;
    empty = false;
  }
  lines.push(line);
  return lines;
}
