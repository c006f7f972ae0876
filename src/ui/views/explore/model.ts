/** What the Explore view says, without drawing. */
import type { ExploreFound, ExplorePlan, ExploreProgress, ExploreWorld } from "../../../engine/explore/protocol.ts";

const grouped = (n: number): string => Math.round(n).toLocaleString("en");

/** `depth 6: 1,203 states, 2,407 steps tried, 610 states/s, 2 MiB`. */
export function progressText(p: ExploreProgress, perSecond: number): string {
  const mib = Math.max(1, Math.ceil(p.bytes / 2 ** 20));
  const speed = perSecond > 0 ? `, ${grouped(perSecond)} states/s` : "";
  return `depth ${p.depth}: ${grouped(p.states)} states, ${grouped(p.edges)} steps tried${speed}, ${mib} MiB`;
}

/** `shortest difference: 6 steps`. */
export function foundText(found: ExploreFound): string {
  const n = found.steps.length;
  return `shortest ${found.invariant === null ? "difference" : "violation"}: ${n} ${n === 1 ? "step" : "steps"}`;
}

/** `none within depth 7 (12,345 states)`. */
export function noneText(p: ExploreProgress): string {
  return `none within depth ${p.complete} (${grouped(p.states)} states)`;
}

/** What that means, in a sentence. */
export function noneMeaning(look: ExplorePlan["look"], p: ExploreProgress, stopped: boolean): string {
  const all = p.exhausted && !stopped;
  const what =
    look.kind === "difference"
      ? `On ${look.kernels[0]} and ${look.kernels[1]} no sequence${all ? "" : ` of up to ${p.complete} steps`} in this world gives different results or facts.`
      : `On ${look.kernel} no sequence${all ? "" : ` of up to ${p.complete} steps`} in this world breaks ${look.invariants.length === 1 ? "the invariant" : "the invariants"}.`;
  if (all) return `${what} Every state that the world can reach was tried.`;
  return `${what} ${stopped ? "The search was stopped" : "Longer ones were not tried"}.`;
}

/** The counts by the word that the form has for them. */
export const COUNTS: readonly (readonly [keyof ExploreWorld["counts"], string])[] = [
  ["ioas", "IOASes"],
  ["hwpt", "page tables"],
  ["parent", "nest parents"],
  ["viommu", "vIOMMUs"],
  ["nested", "nested tables"],
  ["vdevice", "vDEVICEs"],
  ["fault", "fault queues"],
];

/** Most objects of a kind that the form offers. */
export const MOST = 3;
/** Longest sequence that the form offers. */
export const DEEPEST = 12;

/** Adds or takes away, keeping the order of `all`. */
export function toggled<T>(all: readonly T[], chosen: readonly T[], one: T): T[] {
  return all.filter((item) => (item === one ? !chosen.includes(item) : chosen.includes(item)));
}
