/** `lab export`: a scenario as text or JSON, a step or the whole strip as plain text for a mail or as an SVG picture. */
import type { Kernels } from "../../engine/sim/kernels.ts";
import type { Playable } from "../../engine/sim/playable.ts";
import { Run } from "../../engine/sim/run.ts";
import { scenarioToJson } from "../../engine/sim/scenario/json.ts";
import { printScenario } from "../../engine/sim/scenario/print.ts";
import type { Scenario } from "../../engine/sim/scenario/types.ts";
import { asciiOf, type AsciiSubject } from "../../engine/views/ascii/export.ts";
import type { Started } from "../../engine/views/compare/rows.ts";
import { frameOf } from "../../engine/views/frame.ts";
import { LandmarkBook, watching } from "../../engine/views/landmarks.ts";
import type { AsciiRequest } from "../../engine/views/types.ts";
import { loadKernels } from "../engine.ts";
import { findKernel, findMachine, findScenario } from "../load.ts";
import type { Common } from "../main.ts";
import { HOLDS, type Output, Wrong } from "../output.ts";
import { ownKernel } from "./run.ts";

export interface ExportFlags extends Common {
  as: string;
  step?: string;
  view?: string;
}

const FORMS = ["text", "json", "svg", "ascii"];
const LATER: ReadonlySet<string> = new Set(["c", "kselftest", "syz"]);
export const EXPORT_VIEWS = [
  "step",
  "storyboard",
  "space",
  "attachments",
  "walk",
  "tables",
  "machine",
  "compare",
  "timeline",
  "inspector",
  "why",
] as const;
export type ExportView = (typeof EXPORT_VIEWS)[number];

export async function exportCommand(name: string, flags: ExportFlags, output: Output): Promise<number> {
  const { as } = flags;
  if (LATER.has(as)) throw new Wrong(`export --as ${as} is not there yet; type: --as ${FORMS.join("|")}`);
  if (!FORMS.includes(as)) throw new Wrong(`no form "${as}"; type: --as ${FORMS.join("|")}`);
  const { id, scenario } = findScenario(name);
  const content =
    as === "text"
      ? printScenario(scenario)
      : as === "json"
        ? scenarioToJson(scenario)
        : await drawn(id, scenario, flags, output);
  output.raw(content);
  output.document({ scenario: id, as, content });
  return HOLDS;
}

/** What the pictures are made of. */
export interface ExportSubject extends AsciiSubject {
  what: AsciiRequest;
  book: LandmarkBook;
}

async function drawn(id: string, scenario: Scenario, flags: ExportFlags, output: Output): Promise<string> {
  const subject = await subjectOf(id, scenario, flags, output);
  if (flags.as === "ascii") {
    const page = asciiOf(subject, subject.what);
    if (typeof page === "string") throw new Wrong(`${id}: ${page}`);
    return page.text;
  }
  const { svgExport } = await import("../svg.ts");
  const picture = await svgExport(subject);
  if (typeof picture === "string") throw new Wrong(`${id}: ${picture}`);
  return picture.svg;
}

async function subjectOf(id: string, scenario: Scenario, flags: ExportFlags, output: Output): Promise<ExportSubject> {
  const step = stepOf(flags.step, scenario.steps.length);
  const view = viewOf(flags.view ?? (flags.step === undefined ? "storyboard" : "step"));
  const kernels = await loadKernels();
  const chosen = flags.kernel ?? ownKernel(id, scenario, kernels.newest, output);
  const book = new LandmarkBook();
  const run = start(kernels, chosen, id, scenario, flags, output, book);
  const started: Started[] = [{ kernel: run.kernel, run }];
  if (view === "compare" || view === "timeline")
    for (const kernel of scenario.kernels)
      if (kernel !== run.kernel) started.push({ kernel, run: start(kernels, kernel, id, scenario, flags, output) });
  return { run, step, started, what: requestOf(view, run, step), book };
}

function start(
  kernels: Kernels,
  kernel: string,
  id: string,
  scenario: Scenario,
  flags: ExportFlags,
  output: Output,
  book = new LandmarkBook(),
): Playable {
  const profile = findKernel(kernels, kernel, output);
  const run = Run.start(scenario, profile, findMachine(flags.machine ?? scenario.machine), watching(book, scenario));
  if (typeof run === "string") throw new Wrong(`${id} on ${kernel}: ${run}`);
  return run;
}

function stepOf(text: string | undefined, steps: number): number {
  if (text === undefined) return steps;
  const step = Number(text);
  if (!Number.isInteger(step) || step < 0 || step > steps)
    throw new Wrong(`no step "${text}"; type: --step 0 to ${steps}`);
  return step;
}

function viewOf(text: string): ExportView {
  const found = EXPORT_VIEWS.find((v) => v === text);
  if (found === undefined) throw new Wrong(`no view "${text}"; type: --view ${EXPORT_VIEWS.join("|")}`);
  return found;
}

/** What a view shows unless somebody chooses: the most telling walk, the object that the inspector opens. */
function requestOf(view: ExportView, run: Playable, step: number): AsciiRequest {
  switch (view) {
    case "walk": {
      const { walkTargets, walkDefault } = frameOf(run, step, true);
      const target = walkTargets[walkDefault];
      if (target === undefined) throw new Wrong(`after step ${step} no device can reach memory: there is no walk`);
      const { device, iova, write, pasid } = target;
      return { view, device, iova, write, ...(pasid === undefined ? {} : { more: { pasid } }) };
    }
    case "tables": {
      const { walkTargets, walkDefault } = frameOf(run, step, true);
      const target = walkTargets[walkDefault];
      if (target === undefined) return { view, asked: { root: null, path: [] } };
      return { view, asked: { root: `dev:${target.device}`, path: [], at: target.iova } };
    }
    case "inspector":
      return { view, ref: frameOf(run, step, true).inspectDefault };
    case "compare":
    case "timeline":
      return { view, kernels: [] };
    default:
      return { view };
  }
}
