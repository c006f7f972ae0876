/**
 * The stage: which views stand in the middle of the page, one to three of them, the first one large. A new view is an
 * entry here and its component in `stage_views.tsx`; the switcher, the keys, the palette, the help and the link follow.
 */

export interface StageView {
  readonly id: string;
  /** Title of its pane and its name in the switcher. */
  readonly title: string;
  /** One line for the switcher: what it answers. */
  readonly about: string;
  /** Where it goes when it is asked for by name: the large place, or one below. */
  readonly home: "upper" | "lower";
  /** Physical key that shows it, and its label. */
  readonly key: { readonly code: string; readonly label: string };
}

const key = (n: number): StageView["key"] => ({ code: `Digit${n}`, label: String(n) });

export const VIEWS = Object.freeze([
  {
    id: "space",
    title: "Address space",
    about: "what is reserved, mapped and translated where",
    home: "upper",
    key: key(1),
  },
  { id: "attachments", title: "Attachments", about: "objects of iommufd and their links", home: "lower", key: key(2) },
  { id: "walk", title: "Walk", about: "one translation, read by read", home: "lower", key: key(3) },
  { id: "machine", title: "Machine", about: "PCI, IOMMUs, groups, peer to peer", home: "upper", key: key(4) },
  { id: "compare", title: "Compare", about: "several kernels, step by step", home: "upper", key: key(5) },
  { id: "explore", title: "Explore", about: "the shortest sequence that differs", home: "upper", key: key(6) },
  {
    id: "tables",
    title: "Tables",
    about: "tables in memory, entry by entry",
    home: "upper",
    key: key(7),
  },
] as const) satisfies readonly StageView[];

export type ViewId = (typeof VIEWS)[number]["id"];

/** What stands on the stage of a page that nobody has changed. */
export const STAGE: readonly ViewId[] = Object.freeze(["space", "attachments", "walk"] as const);

/** More would leave none of them room. */
export const PLACES = 3;

export function isView(text: string): text is ViewId {
  return VIEWS.some((v) => v.id === text);
}

export function viewOf(id: ViewId): StageView {
  return VIEWS.find((v) => v.id === id) ?? VIEWS[0];
}

/** `id` in place `at`; where it stood before comes what it pushes away. */
export function placed(stage: readonly ViewId[], at: number, id: ViewId): ViewId[] {
  const here = stage[at];
  if (here === undefined) return [...stage];
  return stage.map((v, i) => (i === at ? id : v === id ? here : v));
}

/** Brings a view on stage, to its home; one that stands there already stays where it is. */
export function shown(stage: readonly ViewId[], id: ViewId): readonly ViewId[] {
  if (stage.includes(id)) return stage;
  if (viewOf(id).home === "upper") return placed(stage, 0, id);
  return stage.length < PLACES ? [...stage, id] : placed(stage, stage.length - 1, id);
}

/** One place more, with the first view that has none; the same stage when there is no place or no view left. */
export function widened(stage: readonly ViewId[]): readonly ViewId[] {
  const next = [...STAGE, ...VIEWS.map((v) => v.id)].find((id) => !stage.includes(id));
  return next === undefined || stage.length >= PLACES ? stage : [...stage, next];
}

/** Without a view; the last one stays. */
export function without(stage: readonly ViewId[], id: ViewId): readonly ViewId[] {
  return stage.length > 1 ? stage.filter((v) => v !== id) : stage;
}

/** `machine,walk` as a link says it; null when it names no stage. */
export function readStage(text: string): ViewId[] | null {
  const ids = text.split(",").filter(isView);
  const known = ids.length === text.split(",").length && new Set(ids).size === ids.length;
  return known && ids.length > 0 && ids.length <= PLACES ? ids : null;
}
