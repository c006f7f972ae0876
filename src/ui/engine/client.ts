/** The worker and the wire to it. The only file of the UI that knows how the engine is reached. */
import { proxy, wrap } from "comlink";
import type { ExploreApi } from "../../engine/explore/protocol.ts";
import type { EngineApi } from "../../engine/protocol.ts";
import { takeWorker } from "./early.ts";

/** The engine as the UI sees it: every answer comes later. */
export type Remote = Later<EngineApi>;

/** Every answer of an interface comes later. */
export type Later<Api extends { [M in keyof Api]: (...args: never[]) => unknown }> = {
  [M in keyof Api]: (...args: Parameters<Api[M]>) => Promise<Awaited<ReturnType<Api[M]>>>;
};

export interface Connection {
  api: Remote;
  close(): void;
}

export type Connect = (onCrash: (why: string) => void) => Connection;

export const connectWorker: Connect = (onCrash) => {
  const worker = takeWorker((event) => {
    event.preventDefault();
    onCrash(event.message === "" || event.message === undefined ? "its program could not be loaded" : event.message);
  });
  worker.addEventListener("messageerror", () => onCrash("an answer could not be read"));
  return { api: wrap<EngineApi>(worker), close: () => worker.terminate() };
};

/** A function of the page that the engine may call while it works. */
export const callback = <F extends (...args: never[]) => void>(told: F): F => proxy(told);

export interface ExploreConnection {
  api: Later<ExploreApi>;
  close(): void;
}

/** A worker of its own for a search: the page's engine stays free, and a search can be ended at any moment. */
export function connectExplorer(onCrash: (why: string) => void): ExploreConnection {
  const worker = new Worker(new URL("../../engine/library/explore_worker.ts", import.meta.url), { type: "module" });
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    onCrash(event.message === "" || event.message === undefined ? "its program could not be loaded" : event.message);
  });
  return { api: wrap<ExploreApi>(worker), close: () => worker.terminate() };
}
