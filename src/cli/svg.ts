/** SVG files for `lab export`: the draw functions of the page, in the light theme. */
import { asciiOf } from "../engine/views/ascii/export.ts";
import { DenseCache } from "../engine/views/address/windows.ts";
import { compareSpaces } from "../engine/views/compare/spaces.ts";
import { contextAt, frameOf, pastOf, stepViews } from "../engine/views/frame.ts";
import { lanesOf } from "../engine/views/lanes.ts";
import { inspect } from "../engine/views/inspect/view.ts";
import { machineView } from "../engine/views/machine/view.ts";
import { tablesView } from "../engine/views/tables/view.ts";
import { walkView } from "../engine/views/walk/view.ts";
import type { AsciiRequest, Frame } from "../engine/views/types.ts";
import * as pictures from "../ui/pictures/index.ts";
import type { ExportSubject } from "./commands/export.ts";

const { SHEET } = pictures;

const TITLES: Record<AsciiRequest["view"], string> = {
  words: "Text",
  step: "One step",
  storyboard: "Storyboard",
  space: "Address space",
  attachments: "Attachments",
  walk: "Walk",
  tables: "Tables",
  machine: "Machine",
  compare: "Compare",
  timeline: "Timeline",
  inspector: "Inspector",
  why: "Why",
};

/** The file, or a sentence that says why there is none. */
export async function svgExport(subject: ExportSubject): Promise<{ svg: string } | string> {
  const { run, step, what } = subject;
  const plate = await plateOf(subject);
  if (typeof plate === "string") return plate;
  const views = stepViews(run);
  const one = what.view !== "storyboard";
  const picture = pictures.sheet(
    {
      title: run.scenario.title,
      view: TITLES[what.view],
      where: `${run.kernel}, ${one ? `after step ${step} of ` : ""}${views.length} steps`,
      now: one ? views[step - 1] : undefined,
    },
    plate,
  );
  return { svg: pictures.svgOf(picture, pictures.LIGHT, SHEET.rem) };
}

async function plateOf(subject: ExportSubject): Promise<pictures.Plate | string> {
  const { run, step, what, started } = subject;
  switch (what.view) {
    case "space":
      return space(subject, frameOf(run, step));
    case "attachments":
      return pictures.attachmentsPlate(frameOf(run, step, true), atlasOf(subject), SHEET);
    case "machine": {
      const { world, before } = contextAt(run, step);
      return pictures.machinePlate(machineView(world, before), null, SHEET);
    }
    case "timeline": {
      const runs = started.flatMap((s) => ("run" in s ? [s.run] : []));
      return pictures.timelinePlate(frameOf(run, step), lanesOf(runs), SHEET);
    }
    case "inspector": {
      const { world, before } = contextAt(run, step);
      const view = inspect(world, before, pastOf(run, step), what.ref);
      const text = textOf(subject);
      if (view === null || typeof text === "string") return text;
      return pictures.stacked([text, pictures.bitsPlate(view, SHEET)], SHEET.rem);
    }
    case "compare": {
      const text = textOf(subject);
      const at = started.findIndex((s, i) => i > 0 && "run" in s);
      const other = started[at];
      if (typeof text === "string" || other === undefined || !("run" in other)) return text;
      const spaces = compareSpaces(run, other.run, step);
      if (typeof spaces === "string") return text;
      return pictures.stacked(
        [text, pictures.comparedSpacesPlate(spaces, ["A", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[at] ?? other.kernel], SHEET)],
        SHEET.rem,
      );
    }
    case "walk": {
      const view = walkView(run.world(step), what.device, what.iova, what.write, what.more);
      return view === null ? textOf(subject) : pictures.walkPlate(view, SHEET);
    }
    case "tables": {
      const view = tablesView(contextAt(run, step), what.asked);
      return typeof view === "string" ? view : pictures.tablesPlate(view, SHEET);
    }
    case "why":
    case "words":
      return textOf(subject);
    case "step": {
      const frame = frameOf(run, step);
      const atlas = atlasOf(subject);
      return pictures.stacked(
        [
          pictures.titled("Address space", await space(subject, frame)),
          pictures.titled("Attachments", pictures.attachmentsPlate(frame, atlas, SHEET)),
        ],
        2 * SHEET.rem,
      );
    }
    case "storyboard":
      return storyboard(subject);
  }
}

function atlasOf({ book }: ExportSubject): ReturnType<typeof pictures.buildAtlas> {
  return pictures.buildAtlas([book.landmarks()]);
}

function textOf(subject: ExportSubject): pictures.Plate | string {
  const page = asciiOf(subject, subject.what);
  return typeof page === "string" ? page : pictures.textPlate(page.text, SHEET.rem);
}

async function space(subject: ExportSubject, frame: Frame, small = false): Promise<pictures.Plate> {
  const dense = new DenseCache();
  return pictures.spacePlate(frame, atlasOf(subject), { ...pictures.ALL, small }, SHEET, (asks) =>
    Promise.resolve(
      asks.flatMap((a) => {
        const window = dense.window(subject.run, frame.step, a.track, a.from, a.to, a.buckets);
        return typeof window === "string" ? [] : [window];
      }),
    ),
  );
}

async function storyboard(subject: ExportSubject): Promise<pictures.Plate | string> {
  const { steps } = subject.run.scenario;
  if (steps.length > pictures.SCENES) return `a storyboard has at most ${pictures.SCENES} pictures; type: --step N`;
  const scenes: pictures.Plate[] = [];
  for (const step of stepViews(subject.run))
    scenes.push(pictures.scene(step, await space(subject, frameOf(subject.run, step.index, true), true)));
  return pictures.stacked(scenes, 1.5 * SHEET.rem);
}
