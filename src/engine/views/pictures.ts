/** Every picture that the engine can be asked for. The worker fetches them beside the kernel model. */
export { contextAt, frameOf, lanesOf, nextOf, pastOf, stepViews } from "./frame.ts";
export { inspect } from "./inspect/view.ts";
export { LandmarkBook, together, watching } from "./landmarks.ts";
export { walkView } from "./walk/view.ts";
