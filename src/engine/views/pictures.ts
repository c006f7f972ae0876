/** What the first picture needs. The worker fetches it beside the kernel model; `more_pictures.ts` has the others. */
export { DenseCache } from "./address/windows.ts";
export { contextAt, frameOf, nextOf, pastOf, stepViews } from "./frame.ts";
export { inspect } from "./inspect/view.ts";
export { LandmarkBook, together, watching } from "./landmarks.ts";
export { walkView } from "./walk/view.ts";
