/** Any view of a run as a page of plain text: what a person pastes into a mail. */
import type { Playable } from "../../sim/playable.ts";
import { compareSpaces } from "../compare/spaces.ts";
import { compareTraces } from "../compare/traces.ts";
import { compareView, type Started } from "../compare/rows.ts";
import { contextAt, frameOf, pastOf, stepViews } from "../frame.ts";
import { lanesOf } from "../lanes.ts";
import { inspect } from "../inspect/view.ts";
import { peerView } from "../machine/peer.ts";
import { machineView } from "../machine/view.ts";
import { stepView } from "../steps.ts";
import type { AsciiRequest, Frame, StepView } from "../types.ts";
import { inspectSlot, tablesView } from "../tables/view.ts";
import { walkView } from "../walk/view.ts";
import { attachmentsPage } from "./attachments.ts";
import { comparePage, spacesLines, tracesLines } from "./compare.ts";
import { inspectorPage } from "./inspect.ts";
import { machinePage, peerLines } from "./machine.ts";
import { heading, page, wrap } from "./page.ts";
import { spacePage } from "./space.ts";
import { type Scene, stepLines, storyboardLines, timelinePage } from "./steps.ts";
import { tablesPage } from "./tables.ts";
import { whyPage } from "./trace.ts";
import { walkPage } from "./walk.ts";

/** Longer storyboards are no mail. */
const SCENES = 400;

export interface AsciiSubject {
  run: Playable;
  /** 0 = before the first step. */
  step: number;
  /** For comparisons: every kernel asked for, the first one first. */
  started: readonly Started[];
}

/** The page, or a sentence that says why there is none. */
export function asciiOf(subject: AsciiSubject, what: AsciiRequest): { text: string } | string {
  const lines = linesOf(subject, what);
  return typeof lines === "string" ? lines : { text: page([...headOf(subject, what), "", ...lines]) };
}

function headOf({ run, step }: AsciiSubject, what: AsciiRequest): string[] {
  if (what.view === "words") return [...wrap(what.title), ...what.about.flatMap((line) => ["", ...wrap(line)])];
  const { scenario, kernel } = run;
  const whole = what.view === "storyboard" || what.view === "compare";
  const at = whole ? `${scenario.steps.length} steps` : `after step ${step} of ${scenario.steps.length}`;
  const on = what.view === "compare" ? "" : `${kernel}, `;
  const said = what.view === "step" || whole || what.view === "timeline" ? [] : currentStep(run, step);
  return [...wrap(scenario.title), ...wrap(`${on}machine ${scenario.machine}, ${at}`), ...said];
}

/** The step that has just run. */
function calledAt({ scenario, results }: Playable, step: number): StepView | undefined {
  const [called, result] = [scenario.steps[step - 1], results[step - 1]];
  return called === undefined || result === undefined ? undefined : stepView(step, called, result);
}

function currentStep(run: Playable, step: number): string[] {
  const view = calledAt(run, step);
  return view === undefined ? [] : stepLines(view, true);
}

function linesOf(subject: AsciiSubject, what: AsciiRequest): string[] | string {
  const { run, step, started } = subject;
  switch (what.view) {
    case "space":
      return spacePage(frameOf(run, step, true).addressSpace);
    case "attachments":
      return attachmentsPage(frameOf(run, step, true).attachments);
    case "why":
      return whyPage(frameOf(run, step, true).why, step, opOf(run, step));
    case "machine": {
      const { world, before } = contextAt(run, step);
      const peer = what.peers === undefined ? null : peerView(run.world(step), what.peers.from, what.peers.to);
      if (typeof peer === "string") return peer;
      return [...machinePage(machineView(world, before)), ...(peer === null ? [] : ["", ...peerLines(peer)])];
    }
    case "walk": {
      const view = walkView(run.world(step), what.device, BigInt.asUintN(64, what.iova), what.write, what.more);
      return view === null ? `No device "${what.device}" stands behind an IOMMU here` : walkPage(view);
    }
    case "tables": {
      const view = tablesView(contextAt(run, step), what.asked);
      return typeof view === "string" ? view : tablesPage(view);
    }
    case "inspector": {
      const { world, before } = contextAt(run, step);
      const view = what.ref.startsWith("slot:")
        ? inspectSlot({ world, before }, what.ref)
        : inspect(world, before, pastOf(run, step), what.ref);
      return view === null ? `There is no ${what.ref.replace(":", " ")} after step ${step}` : inspectorPage(view);
    }
    case "timeline": {
      const runs = started.flatMap((s) => ("run" in s ? [s.run] : []));
      return timelinePage(stepViews(run), step, lanesOf(runs));
    }
    case "compare":
      return compared(subject);
    case "words":
      return what.parts.flatMap((p) => [
        ...heading(p.head, p.right),
        ...p.lines.flatMap(({ lead, text }) => wrap(text, lead, " ".repeat(lead.length))),
        "",
      ]);
    case "step":
      return sheet(run, step);
    case "storyboard":
      return storyboard(run);
  }
}

function opOf(run: Playable, step: number): string {
  const view = calledAt(run, step);
  return view === undefined ? "" : `${view.prefix}${view.op} ${view.args}`.trim();
}

/** The rows of all kernels; of the first two that differ what the chosen step left, and where their traces part. */
function compared({ run, step, started }: AsciiSubject): string[] | string {
  const view = compareView(started, 0, run.scenario.steps.length);
  const lines = comparePage(
    view,
    started.map((s) => s.kernel),
  );
  const cells = view.rows[step - 1]?.cells;
  const runs = started.flatMap((s, i) => ("run" in s ? [{ run: s.run, differs: cells?.[i]?.differs === true }] : []));
  const [base] = runs;
  const other = runs.slice(1).find((r) => r.differs);
  if (base === undefined || other === undefined || step === 0) return lines;
  const titles = [base.run.kernel, other.run.kernel] as const;
  const traces = compareTraces(base.run, other.run, step);
  const spaces = compareSpaces(base.run, other.run, step);
  if (typeof traces === "string" || typeof spaces === "string") return lines;
  return [...lines, "", ...tracesLines(traces, titles), "", ...spacesLines(spaces, titles)];
}

/** What a mail about one step needs: the call, why it ended so, the address space, the objects, and the walk of an access. */
function sheet(run: Playable, step: number): string[] {
  const frame = frameOf(run, step, true);
  const called = calledAt(run, step);
  const walk = walkOf(run, frame);
  return [
    ...(called === undefined ? ["Before the first step."] : stepLines(called, true)),
    ...(called?.note === undefined ? [] : wrap(called.note, "    # ", "    # ")),
    "",
    ...spacePage(frame.addressSpace),
    "",
    ...attachmentsPage(frame.attachments),
    ...(walk === null ? [] : ["", ...walk]),
    ...(step === 0 ? [] : ["", ...whyPage(frame.why, step, opOf(run, step))]),
  ];
}

/** Only of a step in which a device reached for memory. */
function walkOf(run: Playable, frame: Frame): string[] | null {
  const target = frame.addressSpace.accesses.length === 0 ? undefined : frame.walkTargets[frame.walkDefault];
  if (target === undefined) return null;
  const { device, iova, write, pasid } = target;
  const view = walkView(run.world(frame.step), device, iova, write, pasid === undefined ? {} : { pasid });
  return view === null ? null : walkPage(view);
}

function storyboard(run: Playable): string[] {
  const views = stepViews(run);
  const scenes = views.slice(0, SCENES).map((step): Scene => {
    const { addressSpace, why } = frameOf(run, step.index, true);
    return { step, space: addressSpace, why };
  });
  const rest = views.length - scenes.length;
  return [
    ...wrap(run.scenario.question),
    "",
    ...heading("Storyboard", "+ came with the step, - went, ! failed"),
    ...storyboardLines(scenes, frameOf(run, views.length, true).addressSpace),
    ...(rest > 0 ? ["", `${rest} steps after step ${SCENES} are left out.`] : []),
  ];
}
