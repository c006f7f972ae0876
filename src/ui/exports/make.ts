/**
 * Makes what a menu or the palette asked for. Fetched with the first export: pictures come from the draw functions of the
 * page, texts from the engine.
 */
import type { AsciiRequest, SpaceWindow } from "../../engine/views/types.ts";
import { type Session, targetOf } from "../app/session.ts";
import type { LabState, PaneId } from "../app/state.ts";
import type { Remote } from "../engine/client.ts";
import * as pictures from "../pictures/index.ts";
import { askedOf } from "../views/tables/model.ts";
import { tableIn } from "../widgets/table_text.ts";
import { type Exported, type FormId, isWhole, type ViewForm } from "./forms.ts";
import { explored, listed, toured } from "./others.ts";
import { copied, got, named, None, paletteOf, saved, savedPicture, savedRows } from "./put.ts";

const { SHEET } = pictures;

/** Views of one step: the search is none. */
type Shown = Exclude<PaneId, "explore">;

/** Saves or copies; resolves to what was done, `Copied 64 lines`. Refusals become the page's notice. */
export async function exportAs(session: Session, pane: Exported, title: string, form: FormId): Promise<string> {
  try {
    const said = await session.ask((api) => make(session, api, pane, title, form));
    const done = said ?? "";
    session.store.setState({ spoken: done });
    return done;
  } catch (e) {
    throw e instanceof Error ? e : new Error(String(e));
  }
}

async function make(session: Session, api: Remote, pane: Exported, title: string, form: FormId): Promise<string> {
  try {
    if (isWhole(form)) return await whole(session, api, form);
    const state = session.store.getState();
    switch (pane) {
      case "explore":
        return await explored(session, form);
      case "steps":
        return await listed(api, state, othersOf(state, null), form);
      case "tour":
        return await toured(api, state, form);
      default:
        return await view(session, api, pane, title, form);
    }
  } catch (e) {
    if (!(e instanceof None)) throw e;
    session.store.setState({ notice: e.message });
    return "";
  }
}

/** A kernel, a step and a scenario name the file. */
function fileName(state: LabState, what: string, ending: string, step = true): string {
  const name = state.opened?.scenario.id ?? "";
  const parts = [name === "" ? "scenario" : name, state.kernel, ...(step ? [`step-${state.step}`] : []), what];
  return named(parts, ending);
}

async function view(session: Session, api: Remote, pane: Shown, title: string, form: ViewForm): Promise<string> {
  const state = session.store.getState();
  const name = (ending: string): string => fileName(state, pane, ending);
  const text = async (): Promise<string> => got(await api.ascii(state.kernel, state.step, requestOf(state, pane)));
  switch (form) {
    case "copy":
      return copied(await text());
    case "text":
      return saved(name("txt"), await text());
    case "csv": {
      const section = document.querySelector(`#pane-${pane}`);
      session.late.flush();
      const rows = section === null ? null : await tableIn(section);
      if (rows === null) throw new None(`${title} has no table now.`);
      return savedRows(name("csv"), rows);
    }
    default:
      return savedPicture(name, pictures.sheet(wordsOf(state, title), await plateOf(session, api, pane)), form);
  }
}

/** The text of a pane, as it stands: its target, its selection, its columns. */
function requestOf(state: LabState, pane: Shown): AsciiRequest {
  switch (pane) {
    case "walk": {
      const target = targetOf(state);
      if (target === null) throw new None("No device can reach memory yet: there is no walk.");
      const { device, iova, write, pasid } = target;
      const more = { ...(pasid === undefined ? {} : { pasid }), ...(state.asNow ? { asNow: true } : {}) };
      return { view: "walk", device, iova, write, more };
    }
    case "inspector": {
      const ref = state.inspected.value?.ref;
      if (ref === undefined) throw new None("The inspector is empty.");
      return { view: "inspector", ref };
    }
    case "tables":
      return { view: "tables", asked: askedOf(state.entry, state.picked, targetOf(state)) };
    case "machine":
      return state.peers === null ? { view: "machine" } : { view: "machine", peers: state.peers };
    case "compare":
      return { view: "compare", kernels: othersOf(state, state.columns) };
    case "timeline":
      return { view: "timeline", kernels: othersOf(state, null) };
    case "space":
    case "attachments":
    case "why":
      return { view: pane };
  }
}

function othersOf(state: LabState, chosen: readonly string[] | null): string[] {
  return (chosen ?? state.opened?.scenario.kernels ?? []).filter((k) => k !== state.kernel);
}

/** Of a column of the comparison; the first one is A. */
const letterOf = (column: number): string => (column > 0 ? ("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[column] ?? "") : "");

function wordsOf(state: LabState, title: string): pictures.Words {
  const { opened, kernel, step, frame } = state;
  return {
    title: opened?.scenario.title ?? "",
    view: title,
    where: `${kernel}, after step ${step} of ${opened?.steps ?? 0} steps`,
    now: frame?.steps[step - 1],
  };
}

async function plateOf(session: Session, api: Remote, pane: Shown): Promise<pictures.Plate> {
  const state = session.store.getState();
  const { kernel, step, frame, atlas, ghost, window, trueScale, picked } = state;
  if (frame === null || atlas === null) throw new None("No scenario is open.");
  const text = async (): Promise<pictures.Plate> =>
    pictures.textPlate(got(await api.ascii(kernel, step, requestOf(state, pane))), SHEET.rem);
  switch (pane) {
    case "space": {
      const ghostName = state.catalogue?.kernels.find((k) => k.id === state.compare)?.title ?? "";
      const sight = { window, trueScale, ghost, ghostName, picked, small: false };
      return pictures.spacePlate(frame, atlas, sight, SHEET, (asks) => windows(api, kernel, step, asks));
    }
    case "attachments":
      return pictures.attachmentsPlate(frame, atlas, SHEET);
    case "machine": {
      const machine = got(await api.machine(kernel, step));
      const { peers } = state;
      const peer = peers === null ? null : await api.peer(kernel, step, peers.from, peers.to);
      return pictures.machinePlate(machine, peer?.ok === true ? peer.value : null, SHEET);
    }
    case "timeline":
      return pictures.timelinePlate(frame, state.lanes, SHEET);
    case "inspector": {
      const inspected = state.inspected.value;
      const words = await text();
      if (inspected === null || inspected.grids.length === 0) return words;
      return pictures.stacked([words, pictures.bitsPlate(inspected, SHEET)], SHEET.rem);
    }
    case "compare": {
      const words = await text();
      const others = othersOf(state, state.columns);
      const other = state.compare ?? others[0];
      const spaces = other === undefined ? null : await api.compareSpaces(kernel, other, step);
      if (spaces?.ok !== true) return words;
      const names = ["A", letterOf(others.indexOf(spaces.value.b) + 1) || spaces.value.b] as const;
      return pictures.stacked([words, pictures.comparedSpacesPlate(spaces.value, names, SHEET)], SHEET.rem);
    }
    case "walk": {
      const walk = state.walk.value;
      return walk === null ? text() : pictures.walkPlate(walk, SHEET);
    }
    case "tables": {
      const asked = askedOf(state.entry, state.picked, targetOf(state));
      return pictures.tablesPlate(got(await api.tables(kernel, step, asked)), SHEET);
    }
    case "why":
      return text();
  }
}

async function windows(
  api: Remote,
  kernel: string,
  step: number,
  asks: readonly pictures.WindowAsk[],
): Promise<SpaceWindow[]> {
  const answers = await Promise.all(asks.map((a) => api.space(kernel, step, a.track, a.from, a.to, a.buckets)));
  return answers.flatMap((a) => (a.ok ? [a.value] : []));
}

async function whole(session: Session, api: Remote, form: FormId): Promise<string> {
  const state = session.store.getState();
  const { kernel, step, opened } = state;
  if (opened === null) throw new None("No scenario is open.");
  const page = async (view: "step" | "storyboard"): Promise<string> => got(await api.ascii(kernel, step, { view }));
  switch (form) {
    case "step-copy":
      return copied(await page("step"));
    case "step-text":
      return saved(fileName(state, "page", "txt"), await page("step"));
    case "storyboard-copy":
      return copied(await page("storyboard"));
    case "storyboard-text":
      return saved(fileName(state, "storyboard", "txt", false), await page("storyboard"));
    case "storyboard-svg":
      return saved(fileName(state, "storyboard", "svg", false), await storyboard(api, state), "image/svg+xml");
    case "scenario-json":
      return saved(`${scenarioName(state)}.json`, got(await api.scenarioJson()), "application/json");
    default: {
      if (opened.text === "") throw new None("A recording has no scenario text.");
      return saved(`${scenarioName(state)}.lab`, opened.text);
    }
  }
}

function scenarioName(state: LabState): string {
  const id = state.opened?.scenario.id ?? "";
  return id === "" ? "scenario" : id;
}

async function storyboard(api: Remote, state: LabState): Promise<string> {
  const { kernel, atlas, opened, frame } = state;
  if (atlas === null || opened === null || frame === null) throw new None("No scenario is open.");
  if (opened.steps > pictures.SCENES)
    throw new None(`A storyboard has at most ${pictures.SCENES} pictures; this scenario has ${opened.steps} steps.`);
  const scenes: pictures.Plate[] = [];
  for (const s of frame.steps) {
    const then = got(await api.frame(kernel, s.index, true));
    const sight = { ...pictures.ALL, small: true };
    const plate = await pictures.spacePlate(then, atlas, sight, SHEET, (asks) => windows(api, kernel, s.index, asks));
    scenes.push(pictures.scene(s, plate));
  }
  const words = { title: opened.scenario.title, view: "Storyboard", where: `${kernel}, ${opened.steps} steps` };
  const picture = pictures.sheet(words, pictures.stacked(scenes, 1.5 * SHEET.rem));
  return pictures.svgOf(picture, paletteOf(), SHEET.rem);
}
