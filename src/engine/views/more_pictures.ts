/** Pictures of views that are not on the first screen, and what comparing takes; fetched with the first of them. */
export { compareView, type Started } from "./compare/rows.ts";
export { compareSpaces } from "./compare/spaces.ts";
export { compareTraces } from "./compare/traces.ts";
export { lanesOf } from "./lanes.ts";
export { peerView } from "./machine/peer.ts";
export { machineView } from "./machine/view.ts";
