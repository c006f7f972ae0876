/** Every picture that the engine can be asked for. The worker fetches them beside the kernel model. */
export { contextAt, frameOf, lanesOf, pastOf } from "./frame.ts";
export { inspect } from "./inspect/view.ts";
export { walkView } from "./walk/view.ts";
