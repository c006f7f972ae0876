/** Every picture that the engine can be asked for. The worker fetches them beside the kernel model. */
export { DenseCache } from "./address/windows.ts";
export { contextAt, frameOf, lanesOf, nextOf, pastOf, stepViews } from "./frame.ts";
export { compareView, type Started } from "./compare/rows.ts";
export { compareSpaces } from "./compare/spaces.ts";
export { compareTraces } from "./compare/traces.ts";
export { inspect } from "./inspect/view.ts";
export { LandmarkBook, together, watching } from "./landmarks.ts";
export { walkView } from "./walk/view.ts";
export { peerView } from "./machine/peer.ts";
export { machineView } from "./machine/view.ts";
