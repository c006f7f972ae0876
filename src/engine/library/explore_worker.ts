/** A search in a worker of its own: it shares nothing with the worker of the page and can be ended at any moment. */
import { expose } from "comlink";
import { ExploreService } from "../explore/service.ts";
import { type FromHelper, type Hire, MOST_WORKERS } from "../explore/team.ts";
import { MACHINE_SOURCES } from "../sim/machine_sources.ts";
import { provideAllSteps } from "../sim/steps/all.ts";
import { LazyKernels } from "./shelf.ts";

provideAllSteps();

/** Workers of this one, which end with it. */
const hire: Hire = (hear) => {
  if (typeof Worker === "undefined") return null;
  const worker = new Worker(new URL("./explore_helper.ts", import.meta.url), { type: "module" });
  worker.addEventListener("message", (event: MessageEvent<FromHelper>) => hear(event.data));
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    hear(null);
  });
  return { send: (message) => worker.postMessage(message, []), close: () => worker.terminate() };
};

const workers = Math.min(MOST_WORKERS, navigator.hardwareConcurrency);

expose(new ExploreService({ kernels: new LazyKernels(), machines: MACHINE_SOURCES, team: { hire, workers } }));
