/**
 * The JSON form of a scenario, version 1: the same words as the text form, in fields.
 * `{"scenario": 1, "title", "source", "question", "machine", "kernels": [], "devices": [{"name", "bdf"}],
 *   "memory": [{"name", "len", "ipa"?, "pages"?}], "given": [step], "steps": [step]}`, a step being
 * `{"actor", "label"?, "op", "args": {"iova": "0x1000"}, "note"?, "expect": ["linux-7.2: EINVAL"]}`.
 */
import { array, int, literal, object, optional, record, regex, safeParse, string, type ZodMiniString } from "zod/mini";
import type { Answer } from "../../protocol.ts";
import { findOp } from "./ops.ts";
import { parseScenario } from "./parse.ts";
import { checkText } from "./print.ts";
import type { Scenario, Step } from "./types.ts";
import { hexText, printValue } from "./values.ts";

/** One line of text: the values are read by the text form's reader. */
const line = (): ZodMiniString => string().check(regex(/^[^\r\n]*$/));
const word = (): ZodMiniString => string().check(regex(/^[^\s=:#]+$/));

const stepShape = object({
  actor: word(),
  label: optional(word()),
  op: word(),
  args: optional(record(word(), line())),
  note: optional(line()),
  expect: optional(array(line())),
});
const shape = object({
  scenario: int(),
  title: line(),
  source: optional(line()),
  question: optional(line()),
  machine: word(),
  kernels: array(word()),
  devices: optional(array(object({ name: word(), bdf: string().check(regex(/^[0-9a-f:.]+$/)) }))),
  memory: optional(array(object({ name: word(), len: word(), ipa: optional(word()), pages: optional(word()) }))),
  given: optional(array(stepShape)),
  steps: array(stepShape),
});
const versionShape = object({ scenario: literal(1) });

export function scenarioToJson(s: Scenario): string {
  const plain = {
    scenario: 1,
    title: s.title,
    source: s.source,
    question: s.question,
    machine: s.machine,
    kernels: s.kernels,
    devices: s.devices,
    memory: s.memory.map((m) => ({
      name: m.name,
      len: hexText(m.length),
      ...(m.ipa === undefined ? {} : { ipa: hexText(m.ipa) }),
      pages: m.pages,
    })),
    given: s.given.map(plainStep),
    steps: s.steps.map(plainStep),
  };
  return `${JSON.stringify(plain, null, 2)}\n`;
}

function plainStep(step: Step): object {
  const op = findOp(step.actor, step.op);
  const args: Record<string, string> = {};
  for (const [name, value] of Object.entries(step.args))
    args[name] = printValue(
      op?.params.find((p) => p.name === name),
      value,
    );
  return {
    actor: step.actor,
    ...(step.label === undefined ? {} : { label: step.label }),
    op: step.op,
    args,
    ...(step.note === undefined ? {} : { note: step.note }),
    expect: step.checks.map((c) => (c.kernels.length === 0 ? "" : `${c.kernels.join(", ")}: `) + checkText(c)),
  };
}

/** A problem names the field (`steps.3.args.iova`) or says what the text form's reader says. */
export function scenarioFromJson(text: string): Answer<Scenario> {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (e) {
    return refuse(`this is no JSON: ${e instanceof Error ? e.message : String(e)}`);
  }
  if (!safeParse(versionShape, raw).success) return refuse('this JSON is no scenario of version 1 ("scenario": 1)');
  const checked = safeParse(shape, raw);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    return refuse(`${(issue?.path ?? []).map(String).join(".")}: ${issue?.message ?? "not understood"}`);
  }
  const s = checked.data;
  const lines = [`title: ${s.title}`, `source: ${s.source ?? ""}`, `question: ${s.question ?? ""}`];
  lines.push(`machine: ${s.machine}`, `kernels: ${s.kernels.join(", ")}`);
  for (const d of s.devices ?? []) lines.push(`device: ${d.name} ${d.bdf}`);
  for (const m of s.memory ?? [])
    lines.push(
      `memory: ${m.name} len=${m.len}${m.ipa === undefined ? "" : ` ipa=${m.ipa}`} pages=${m.pages ?? "scattered"}`,
    );
  for (const [early, list] of [["given ", s.given ?? []] as const, ["", s.steps] as const])
    for (const step of list) {
      const { dev, ...args } = step.args ?? {};
      const subject = step.actor === "device" ? [dev ?? ""] : [];
      const label = step.label === undefined ? [] : [step.label, "="];
      const rest = Object.entries(step.actor === "device" || dev === undefined ? args : { dev, ...args });
      lines.push(early + [step.actor, ...label, ...subject, step.op, ...rest.map(([k, v]) => `${k}=${v}`)].join(" "));
      if (step.note !== undefined && step.note.trim() !== "") lines.push(`  note ${step.note}`);
      for (const e of step.expect ?? []) lines.push(`  expect ${e}`);
    }
  const parsed = parseScenario(lines.join("\n"));
  if (parsed.ok) return { ok: true, value: parsed.value.scenario };
  const place = lines[(parsed.problem.line ?? 1) - 1] ?? "";
  return refuse(`"${place.trim()}": ${parsed.problem.message.replace(/^line \d+, column \d+: /, "")}`);
}

function refuse(message: string): { ok: false; problem: { message: string } } {
  return { ok: false, problem: { message } };
}
