/** A search in a worker of its own: it shares nothing with the worker of the page and can be ended at any moment. */
import { expose } from "comlink";
import { ExploreService } from "../explore/service.ts";
import { MACHINE_SOURCES } from "../sim/machine_sources.ts";
import { provideAllSteps } from "../sim/steps/all.ts";
import { LazyKernels } from "./shelf.ts";

provideAllSteps();

expose(new ExploreService({ kernels: new LazyKernels(), machines: MACHINE_SOURCES }));
