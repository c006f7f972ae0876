/** Expands states for a search in another worker. */
import { server } from "../explore/serve.ts";
import type { ToHelper } from "../explore/team.ts";
import { provideAllSteps } from "../sim/steps/all.ts";
import { LazyKernels } from "./shelf.ts";

provideAllSteps();

const kernels = new LazyKernels();
const take = server(
  (id) => kernels.resolve(id, true),
  (message) => self.postMessage(message, []),
);
self.addEventListener("message", (event: MessageEvent<ToHelper>) => take(event.data));
