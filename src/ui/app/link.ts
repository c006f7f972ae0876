/** What the address bar keeps of the view, besides scenario, kernel and step: `x.z` window, `x.c` compared kernel, ... */
import type { LinkState } from "../../engine/protocol.ts";
import { hex } from "../draw/format.ts";
import { TOP } from "../views/space/axis.ts";
import { readStage, STAGE } from "./stage.ts";
import { readTourState, writeTourState } from "./tours.ts";
import { type LabState, PANES, type PaneId, type Target } from "./state.ts";

/** The part of the state that a link carries in `view`. */
export type LinkedView = Pick<
  LabState,
  | "compare"
  | "window"
  | "trueScale"
  | "selected"
  | "picked"
  | "target"
  | "asNow"
  | "entry"
  | "peers"
  | "columns"
  | "stage"
  | "maximised"
  | "tables"
  | "hidden"
  | "pinned"
  | "tour"
>;

export function linkOf(state: LabState): LinkState | null {
  const { opened, catalogue } = state;
  if (opened === null || catalogue === null || opened.text === "") return null;
  const known = catalogue.scenarios.some((s) => s.id === opened.scenario.id);
  return {
    scenario: known ? { id: opened.scenario.id } : { text: opened.text },
    kernel: state.kernel,
    step: state.step,
    ...(state.branches.length > 1
      ? { branch: state.branch, branches: state.branches.map(({ id, name, text }) => ({ id, name, text })) }
      : {}),
    view: writeView(state),
  };
}

export function writeView(v: LinkedView): Record<string, string> {
  const out: Record<string, string> = { c: v.compare === null || v.compare.includes("@") ? "none" : v.compare };
  if (v.window !== null) out["z"] = `${hex(v.window.lo)}-${hex(v.window.hi - 1n)}`;
  if (v.hidden.length > 0) out["hide"] = v.hidden.join(",");
  if (v.pinned.length > 0) out["pin"] = v.pinned.join(",");
  if (v.trueScale) out["t"] = "1";
  if (v.selected !== null) out["sel"] = v.selected;
  if (v.picked !== null) out["p"] = `${v.picked.track},${hex(v.picked.start)},${hex(v.picked.last)}`;
  if (v.target !== null)
    out["w"] =
      `${v.target.device},${hex(v.target.iova)},${v.target.write ? "w" : "r"}${v.target.pasid === undefined ? "" : `,${v.target.pasid}`}`;
  if (v.asNow) out["now"] = "1";
  if (v.entry !== null) out["tb"] = `${v.entry.root}@${v.entry.path.join(".")}`;
  if (v.peers !== null) out["p2p"] = `${v.peers.from},${v.peers.to}`;
  if (v.columns !== null && !v.columns.some((c) => c.includes("@"))) out["cols"] = v.columns.join(",");
  if (v.stage.join() !== STAGE.join()) out["st"] = v.stage.join(",");
  if (v.maximised !== null) out["max"] = v.maximised;
  if (v.tables.length > 0) out["tab"] = v.tables.join(",");
  if (v.tour !== null) out["tour"] = writeTourState(v.tour);
  return out;
}

/** The view of a link, or one sentence about what is wrong with it. Names that this version does not know are ignored. */
export function readView(record: Record<string, string>, kernels: readonly string[]): LinkedView | string {
  const view: LinkedView = {
    compare: null,
    window: null,
    trueScale: record["t"] === "1",
    selected: record["sel"] ?? null,
    picked: null,
    target: null,
    asNow: record["now"] === "1",
    entry: readEntry(record["tb"] ?? ""),
    peers: null,
    columns: null,
    stage: STAGE,
    maximised: null,
    tables: [],
    hidden: listOf(record["hide"]),
    pinned: listOf(record["pin"]),
    tour: readTourState(record["tour"]),
  };
  const compare = record["c"];
  if (compare !== undefined && compare !== "none") {
    if (!kernels.includes(compare)) return `The link compares with the kernel "${compare}", which is not known here.`;
    view.compare = compare;
  }
  const z = record["z"];
  if (z !== undefined) {
    const match = /^(0x[0-9a-f]{1,16})-(0x[0-9a-f]{1,16})$/.exec(z);
    const lo = BigInt(match?.[1] ?? "0");
    const hi = BigInt(match?.[2] ?? "0") + 1n;
    if (match === null || hi - lo < 4096n || hi > TOP)
      return `The link's address window "${z}" is no range of at least one page.`;
    view.window = { lo, hi };
  }
  const p = /^(.+),(0x[0-9a-f]{1,16}),(0x[0-9a-f]{1,16})$/.exec(record["p"] ?? "");
  if (p !== null) view.picked = { track: p[1] ?? "", start: BigInt(p[2] ?? "0"), last: BigInt(p[3] ?? "0") };
  const w = record["w"];
  if (w !== undefined) {
    const target = readTarget(w);
    if (target === null) return `The link's walk "${w}" names no device, address and direction.`;
    view.target = target;
  }
  const peers = /^([0-9a-f:.]+),([0-9a-f:.]+)$/.exec(record["p2p"] ?? "");
  if (peers !== null) view.peers = { from: peers[1] ?? "", to: peers[2] ?? "" };
  const columns = record["cols"]?.split(",");
  if (columns !== undefined) {
    const missing = columns.find((id) => !kernels.includes(id));
    if (missing !== undefined) return `The link compares with the kernel "${missing}", which is not known here.`;
    view.columns = columns;
  }
  const st = record["st"];
  if (st !== undefined) {
    const stage = readStage(st);
    if (stage === null) return `The link's stage "${st}" names no one to three views.`;
    view.stage = stage;
  }
  const max = record["max"];
  if (max !== undefined) {
    if (!isPane(max)) return `The link maximises "${max}", which is no pane.`;
    view.maximised = max;
  }
  view.tables = (record["tab"] ?? "").split(",").filter(isPane);
  return view;
}

const listOf = (text = ""): string[] => text.split(",").filter((x) => x !== "");

function readTarget(text: string): Target | null {
  const match = /^([^,]+),(0x[0-9a-f]{1,16}),([rw])(?:,(\d{1,7}))?$/.exec(text);
  if (match === null) return null;
  const pasid = match[4] === undefined ? {} : { pasid: Number(match[4]) };
  return { device: match[1] ?? "", iova: BigInt(match[2] ?? "0"), write: match[3] === "w", ...pasid };
}

/** `hwpt:3@0.1.64`: a root of Tables and the entries below it. */
function readEntry(text: string): LabState["entry"] {
  const match = /^([^@]+)@((?:\d{1,7}(?:\.\d{1,7})*)?)$/.exec(text);
  if (match === null) return null;
  return {
    root: match[1] ?? "",
    path: (match[2] ?? "")
      .split(".")
      .filter((p) => p !== "")
      .map(Number),
  };
}

function isPane(text: string): text is PaneId {
  return PANES.some((p) => p === text);
}
