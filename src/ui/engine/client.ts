/** The worker and the wire to it. The only file of the UI that knows how the engine is reached. */
import { wrap } from "comlink";
import type { EngineApi } from "../../engine/protocol.ts";

/** The engine as the UI sees it: every answer comes later. */
export type Remote = {
  [M in keyof EngineApi]: (...args: Parameters<EngineApi[M]>) => Promise<Awaited<ReturnType<EngineApi[M]>>>;
};

export interface Connection {
  api: Remote;
  close(): void;
}

export type Connect = (onCrash: (why: string) => void) => Connection;

export const connectWorker: Connect = (onCrash) => {
  const worker = new Worker(new URL("../../engine/worker.ts", import.meta.url), { type: "module" });
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    onCrash(event.message === "" || event.message === undefined ? "its program could not be loaded" : event.message);
  });
  worker.addEventListener("messageerror", () => onCrash("an answer could not be read"));
  return { api: wrap<EngineApi>(worker), close: () => worker.terminate() };
};
