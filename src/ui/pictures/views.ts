/** Views as pictures of a given width: the same draw functions as on the page, with a margin and without the page. */
import type {
  CompareSpaces,
  Frame,
  InspectorView,
  Lane,
  MachineView,
  PeerView,
  SpaceWindow,
  TablesView,
  WalkView,
} from "../../engine/views/types.ts";
import type { Atlas } from "../app/atlas.ts";
import type { Mark } from "../draw/marks.ts";
import { drawAttachments } from "../views/attachments/draw.ts";
import { layoutAttachments } from "../views/attachments/layout.ts";
import { drawSpaces } from "../views/compare/draw_spaces.ts";
import { drawBits } from "../views/inspector/bits.ts";
import { drawMachine } from "../views/machine/draw.ts";
import { drawPeer } from "../views/machine/draw_peer.ts";
import { layoutMachine } from "../views/machine/layout.ts";
import { TRUE_SCALE } from "../views/space/axis.ts";
import { drawBody, drawHead } from "../views/space/draw.ts";
import { HEAD, layoutSpace, type SpaceLayout } from "../views/space/layout.ts";
import { type Picked, type SpaceModel, spaceModel } from "../views/space/model.ts";
import { Scale, WHOLE, type Window } from "../views/space/scale.ts";
import { drawTables } from "../views/tables/draw.ts";
import { layoutTables } from "../views/tables/layout.ts";
import { drawTimeline, ROWS } from "../views/timeline/model.ts";
import { asksOf, denseMarks, type WindowAsk } from "./dense.ts";
import { type Part, TEXT } from "./svg.ts";
import { drawWalk } from "./walk.ts";

/** Width of a machine, rem. */
const MACHINE = 124;
/** Least width of a step of the timeline, rem: its answers are not cut; and of all of it. */
const STEP = { least: 7.6, most: 600 };
/** Width of address spaces below a page of text, rem. */
const BELOW = 64;

/** Least height of tables, rem: room for the neighbours of a chosen entry. */
const TABLES = 24;

/** One view in a picture: parts from its own top left corner. */
export interface Plate {
  width: number;
  height: number;
  parts: readonly Part[];
}

export interface Size {
  width: number;
  /** Pixels of one rem. */
  rem: number;
}

export interface SpaceSight {
  /** What is seen of the space; null: all. */
  window: Window | null;
  trueScale: boolean;
  /** The kernel drawn dashed. */
  ghost: Frame | null;
  ghostName: string;
  picked: Picked | null;
  /** One of many: lower rows and gutters. */
  small: boolean;
}

export const ALL: SpaceSight = Object.freeze({
  window: null,
  trueScale: false,
  ghost: null,
  ghostName: "",
  picked: null,
  small: false,
});

/** Heights in the address space, rem: a row and a gutter; in a strip of many steps. */
const ROW = 1.9;
const GUTTER = 4.2;
const SMALL = { row: 1.62, gutter: 2.3 };

/** The address space; `ask` gets windows of the tracks that a frame does not list. */
export async function spacePlate(
  frame: Frame,
  atlas: Atlas,
  sight: SpaceSight,
  { width, rem }: Size,
  ask: (asks: readonly WindowAsk[]) => Promise<SpaceWindow[]>,
): Promise<Plate> {
  const model = spaceModel(frame, sight.ghost, sight.ghostName, atlas, sight.picked);
  const bands = model.bands.filter((b) => b.rows.length > 0);
  const rows = bands.reduce((sum, b) => sum + b.rows.length, 0);
  const { row, gutter } = sight.small ? SMALL : { row: ROW, gutter: GUTTER };
  const room = (0.8 + rows * row + Math.max(0, bands.length - 1) * gutter) * rem;
  const at = layoutSpace(model.bands, width, room, rem);
  const axis = sight.trueScale ? TRUE_SCALE : atlas.axis;
  const scale = new Scale(axis, sight.window ?? WHOLE, at.right - at.left, 1.75 * rem);
  const asks = asksOf(model, scale);
  const windows = asks.length === 0 ? [] : await ask(asks);
  const head = HEAD.height * rem;
  return {
    width,
    height: head + at.height,
    parts: [
      { x: 0, y: 0, marks: drawHead(model, scale, at, frame.step) },
      { x: 0, y: head, marks: bodyMarks(named(model), scale, at, denseMarks(windows, scale, at)) },
    ],
  };
}

/** Dense stretches are named as on the page from afar. */
function named(model: SpaceModel): SpaceModel {
  const bands = model.bands.map((b) =>
    Object.assign({}, b, { rows: b.rows.map((r) => (r.dense === null ? r : { ...r, clusters: r.dense.clusters })) }),
  );
  return { ...model, bands };
}

function bodyMarks(model: SpaceModel, scale: Scale, at: SpaceLayout, dense: readonly Mark[]): Mark[] {
  const body = drawBody(model, scale, at);
  // On the page dense tracks lie under the drawing; its columns of cut gaps would cover them here.
  const grounds = body.findIndex((m) => m.k !== "rect" || m.fill !== "well");
  const after = grounds < 0 ? body.length : grounds;
  return [...body.slice(0, after), ...dense, ...body.slice(after)];
}

export function attachmentsPlate(frame: Frame, atlas: Atlas, { width, rem }: Size): Plate {
  const active = new Set(frame.addressSpace.accesses.map((a) => a.ref));
  const { marks, height } = drawAttachments(frame.attachments, layoutAttachments(atlas), active, width, 0, rem);
  return { width, height, parts: [{ x: 0, y: 0, marks }] };
}

/** Wider than other views: no reason for a group is cut, since a file has no tips to read the rest in. */
export function machinePlate(view: MachineView, peer: PeerView | null, { rem }: Size): Plate {
  const at = layoutMachine(view, MACHINE * rem, rem);
  const way = peer === null ? [] : drawPeer(peer, view, at);
  return { width: at.width, height: at.height, parts: [{ x: 0, y: 0, marks: [...drawMachine(view, at), ...way] }] };
}

export function walkPlate(view: WalkView, { width, rem }: Size): Plate {
  const { marks, height } = drawWalk(view, width, rem);
  return { width, height, parts: [{ x: 0, y: 0, marks }] };
}

/** The page at the end of the path is wide; the others show what is around their chosen entry. */
export function tablesPlate(view: TablesView, { width, rem }: Size): Plate {
  const last = Math.max(0, Math.min(view.path.length, view.pages.length) - 1);
  const at = layoutTables(view, last, width, TABLES * rem, rem);
  const marks = drawTables(view, at, null);
  const end: Mark = { k: "text", x: 0, y: at.height + rem, text: view.end, size: 0.96, font: "mono", color: "ink" };
  return { width: at.width, height: at.height + 2 * rem, parts: [{ x: 0, y: 0, marks: [...marks, end] }] };
}

export function timelinePlate(frame: Frame, lanes: readonly Lane[], size: Size): Plate {
  const { rem } = size;
  const others = lanes.slice(1).map((lane) => ({ lane, title: lane.kernel }));
  const left = 18 * rem;
  const { steps, step, kernel } = frame;
  const width = Math.max(size.width, left + Math.min(STEP.most, steps.length * STEP.least) * rem);
  const name = (text: string, y: number): Mark => ({
    k: "text",
    x: 0,
    y: y * rem,
    text,
    size: 0.96,
    font: "sans",
    weight: 500,
    color: "ink",
  });
  return {
    width,
    height: (ROWS.first + Math.max(1, others.length) * ROWS.pitch) * rem,
    parts: [
      {
        x: 0,
        y: 0,
        marks: drawTimeline({ steps, step, kernel, lanes: others, breakpoints: [] }, { width, rem, left }),
      },
      {
        x: 0,
        y: 0,
        marks: [
          name(kernel, ROWS.line + 0.3),
          ...others.map(({ title }, i) => name(title, ROWS.first + 0.3 + i * ROWS.pitch)),
        ],
      },
    ],
  };
}

/** The structures of an object, bit by bit. */
export function bitsPlate(view: InspectorView, { width, rem }: Size): Plate {
  return stacked(
    view.grids.map((g) => {
      const { marks, height } = drawBits(g, width, rem);
      return { width, height, parts: [{ x: 0, y: 0, marks }] };
    }),
    rem,
  );
}

/** `names`: the letters that the text above gives the two kernels. */
export function comparedSpacesPlate(spaces: CompareSpaces, names: readonly [string, string], { rem }: Size): Plate {
  const width = BELOW * rem;
  const { marks, height } = drawSpaces(spaces, names, WHOLE, width, rem);
  return { width, height, parts: [{ x: 0, y: 0, marks }] };
}

/** A page of plain text, as the mail has it, from its first heading on: the picture has a head of its own. */
export function textPlate(text: string, rem: number): Plate {
  const all = text.replace(/\n$/, "").split("\n");
  const lines = all.slice(Math.max(0, all.findIndex((l) => /^-{20,}$/.test(l)) - 1));
  const longest = Math.max(...lines.map((l) => l.length));
  return {
    width: longest * TEXT.letter * TEXT.size * rem,
    height: lines.length * TEXT.line * rem + 0.5 * rem,
    parts: [{ x: 0, y: 0, lines }],
  };
}

/** Plates below each other. */
export function stacked(plates: readonly Plate[], gap: number): Plate {
  let y = 0;
  const parts = plates.flatMap((p) => {
    const top = y;
    y += p.height + gap;
    return p.parts.map((part) => ({ ...part, y: part.y + top }));
  });
  return { width: Math.max(0, ...plates.map((p) => p.width)), height: Math.max(0, y - gap), parts };
}
