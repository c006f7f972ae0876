/**
 * The JSON form of a scenario, version 1: the same words as the text form, in fields.
 * `{"scenario": 1, "title", "source", "question", "machine", "kernels": [], "devices": [{"name", "bdf"}],
 *   "memory": [{"name", "len", "ipa"?, "pages"?}], "given": [step], "steps": [step]}`, a step being
 * `{"actor", "label"?, "op", "args": {"iova": "0x1000"}, "note"?, "expect": ["linux-7.2: EINVAL"]}`.
 */
import type { Answer } from "../../protocol.ts";
import { findOp } from "./ops.ts";
import { parseScenario } from "./parse.ts";
import { checkText } from "./print.ts";
import type { Scenario, Step } from "./types.ts";
import { hexText, printValue } from "./values.ts";

/** What stands at a path is not what it should be. */
class Misfit extends Error {}

type Fields = Record<string, unknown>;

function fields(value: unknown, path: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Misfit(`${path}: expected an object`);
  return value as Fields;
}

/** One line of text, which the text form's reader then reads; `word`: without blanks and the signs of the language. */
function text(value: unknown, path: string, word = false): string {
  if (typeof value !== "string") throw new Misfit(`${path}: expected a text`);
  if (word ? !/^[^\s=:#]+$/.test(value) : /[\r\n]/.test(value))
    throw new Misfit(`${path}: "${value}" is no ${word ? "word" : "single line"}`);
  return value;
}

const orEmpty = (value: unknown, path: string): string => (value === undefined ? "" : text(value, path));

function list<T>(value: unknown, path: string, read: (item: unknown, path: string) => T): T[] {
  if (!Array.isArray(value)) throw new Misfit(`${path}: expected a list`);
  return value.map((item: unknown, i) => read(item, `${path}.${i}`));
}

/** The lines of one step. */
function stepLines(early: string, value: unknown, path: string): string[] {
  const step = fields(value, path);
  const actor = text(step["actor"], `${path}.actor`, true);
  const args = Object.entries(fields(step["args"] ?? {}, `${path}.args`)).map(
    ([k, v]) => [text(k, `${path}.args`, true), text(v, `${path}.args.${k}`)] as const,
  );
  const dev = args.find(([k]) => k === "dev")?.[1] ?? "";
  const label = step["label"] === undefined ? [] : [text(step["label"], `${path}.label`, true), "="];
  const said = args.flatMap(([k, v]) => (k === "dev" && actor === "device" ? [] : [`${k}=${v}`]));
  const subject = actor === "device" ? [dev] : [];
  const lines = [early + [actor, ...label, ...subject, text(step["op"], `${path}.op`, true), ...said].join(" ")];
  const note = orEmpty(step["note"], `${path}.note`).trim();
  if (note !== "") lines.push(`  note ${note}`);
  for (const e of list(step["expect"] ?? [], `${path}.expect`, text)) lines.push(`  expect ${e}`);
  return lines;
}

function textLines(raw: unknown): string[] {
  const s = fields(raw, "the scenario");
  const lines = [`title: ${text(s["title"], "title")}`, `source: ${orEmpty(s["source"], "source")}`];
  lines.push(`question: ${orEmpty(s["question"], "question")}`);
  lines.push(`machine: ${text(s["machine"], "machine", true)}`);
  lines.push(`kernels: ${list(s["kernels"], "kernels", (k, path) => text(k, path, true)).join(", ")}`);
  list(s["devices"] ?? [], "devices", (d, path) => {
    const { name, bdf } = fields(d, path);
    lines.push(`device: ${text(name, `${path}.name`, true)} ${text(bdf, `${path}.bdf`)}`);
  });
  list(s["memory"] ?? [], "memory", (d, path) => {
    const m = fields(d, path);
    const rest = ["len", "ipa", "pages"].flatMap((k) =>
      m[k] === undefined ? [] : [`${k}=${text(m[k], `${path}.${k}`, true)}`],
    );
    lines.push(`memory: ${text(m["name"], `${path}.name`, true)} ${rest.join(" ")}`);
  });
  lines.push(...list(s["given"] ?? [], "given", (v, path) => stepLines("given ", v, path)).flat());
  lines.push(...list(s["steps"], "steps", (v, path) => stepLines("", v, path)).flat());
  return lines;
}

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
export function scenarioFromJson(json: string): Answer<Scenario> {
  let raw: unknown;
  try {
    raw = JSON.parse(json);
  } catch (e) {
    return refuse(`this is no JSON: ${e instanceof Error ? e.message : String(e)}`);
  }
  if (typeof raw !== "object" || raw === null || !("scenario" in raw) || raw.scenario !== 1)
    return refuse('this JSON is no scenario of version 1 ("scenario": 1)');
  let lines: string[];
  try {
    lines = textLines(raw);
  } catch (e) {
    if (e instanceof Misfit) return refuse(e.message);
    throw e;
  }
  const parsed = parseScenario(lines.join("\n"));
  if (parsed.ok) return { ok: true, value: parsed.value.scenario };
  const place = lines[(parsed.problem.line ?? 1) - 1] ?? "";
  return refuse(`"${place.trim()}": ${parsed.problem.message.replace(/^line \d+, column \d+: /, "")}`);
}

function refuse(message: string): { ok: false; problem: { message: string } } {
  return { ok: false, problem: { message } };
}
