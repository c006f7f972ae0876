/** Exports of what is no view of one step: the step list, a search, a tour. */
import type { WordsPart } from "../../engine/views/types.ts";
import type { Session } from "../app/session.ts";
import type { LabState } from "../app/state.ts";
import type { Remote } from "../engine/client.ts";
import * as pictures from "../pictures/index.ts";
import { loadTour, TOURS } from "../tours/list.ts";
import type { Stop } from "../tours/types.ts";
import { explorationOf } from "../views/explore/running.ts";
import { STOP_KINDS } from "../views/tour/kinds.ts";
import type { ViewForm } from "./forms.ts";
import { copied, got, named, None, saved, savedPicture, savedRows } from "./put.ts";

const { SHEET } = pictures;

/** What the last search came to so far. */
export async function explored(session: Session, form: ViewForm): Promise<string> {
  const report = await explorationOf(session).report();
  if (report === null) throw new None("Nothing was searched yet: there is nothing to export.");
  const { title, where, text, table, spaces, kernels } = report;
  const name = (ending: string): string => named(["explore", ...kernels], ending);
  switch (form) {
    case "copy":
      return copied(text);
    case "text":
      return saved(name("txt"), text);
    case "csv":
      return savedRows(name("csv"), table);
    default: {
      const words = pictures.textPlate(text, SHEET.rem);
      const plates = spaces === null ? [words] : [words, pictures.comparedSpacesPlate(spaces, ["A", "B"], SHEET)];
      const plate = pictures.stacked(plates, 2 * SHEET.rem);
      return savedPicture(name, pictures.sheet({ title, view: "Explore", where }, plate), form);
    }
  }
}

/** Every step with its result on the chosen kernel, and on the others. */
export async function listed(api: Remote, state: LabState, others: string[], form: ViewForm): Promise<string> {
  const { kernel, step, frame, lanes, opened } = state;
  if (frame === null) throw new None("No scenario is open.");
  const id = opened?.scenario.id ?? "";
  const name = (ending: string): string => named([id === "" ? "scenario" : id, kernel, "steps"], ending);
  if (form === "csv") {
    const beside = lanes.filter((l) => l.kernel !== kernel);
    const rows = frame.steps.map((s) => [
      String(s.index),
      s.actor,
      `${s.prefix}${s.op} ${s.args}`.replaceAll(/\s+/g, " ").trim(),
      s.result,
      ...beside.map((l) => l.cells[s.index - 1]?.text ?? ""),
    ]);
    return savedRows(name("csv"), [["Step", "Who", "Call", kernel, ...beside.map((l) => l.kernel)], ...rows]);
  }
  const text = got(await api.ascii(kernel, step, { view: "timeline", kernels: others }));
  return form === "copy" ? copied(text) : saved(name("txt"), text);
}

/** The tour as a text that can be read without the simulator. */
export async function toured(api: Remote, state: LabState, form: ViewForm): Promise<string> {
  const entry = TOURS.find((t) => t.id === state.tour?.id);
  if (entry === undefined) throw new None("No tour is open.");
  const { stops } = await loadTour(entry.id);
  const about = [entry.question, `A tour of ${stops.length} stops, ${entry.year}. Nothing in it is a quotation.`];
  const parts = stops.map((stop, i) => partOf(stop, i, state));
  const text = got(await api.ascii(state.kernel, state.step, { view: "words", title: entry.title, about, parts }));
  return form === "copy" ? copied(text) : saved(named(["tour", entry.id], "txt"), text);
}

function partOf(stop: Stop, index: number, state: LabState): WordsPart {
  const { scenario, kernel, step } = stop.at;
  const at = step === 0 ? "before its first step" : `after step ${step}`;
  const lines: WordsPart["lines"] = [];
  if (stop.objection !== undefined) lines.push(...objection(stop.objection, state), GAP);
  for (const text of stop.text) lines.push({ lead: "", text }, GAP);
  lines.push({ lead: "  ", text: `Scenario ${scenario} on ${kernel}, ${at}.` });
  for (const f of stop.facts) lines.push({ lead: "  * ", text: `${f.kernel}, step ${f.step}: ${f.check}. ${f.says}` });
  if (stop.at.columns !== undefined) lines.push({ lead: "  ", text: `Side by side: ${stop.at.columns.join(", ")}.` });
  return { head: `${index + 1}. ${stop.title}`, right: STOP_KINDS[stop.kind].name.toLowerCase(), lines };
}

const GAP = Object.freeze({ lead: "", text: "" });

function objection({ kernel, who }: NonNullable<Stop["objection"]>, state: LabState): WordsPart["lines"] {
  const info = state.catalogue?.kernels.find((k) => k.id === kernel);
  const found = info?.objections.find((o) => o.who.startsWith(who));
  if (info === undefined || found === undefined) return [];
  const ref = found.ref === undefined ? "" : ` Reference: ${found.ref}.`;
  return [
    { lead: "", text: `${found.who}, on ${info.title} (${info.date}), in our words:` },
    { lead: "  | ", text: `${found.what}${ref}` },
  ];
}
