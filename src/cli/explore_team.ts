/** Threads for `lab explore`: as many as the machine has processors, at most four. */
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { type FromHelper, type Hire, MOST_WORKERS, type TeamOptions } from "../engine/explore/team.ts";

const own = import.meta.url;

const hire: Hire = (hear) => {
  // Threads read JavaScript: sources that a test loads have none beside them.
  if (!own.endsWith(".js")) return null;
  const worker = new Worker(fileURLToPath(new URL("./explore_helper.js", own)));
  worker.unref();
  worker.on("message", (message: FromHelper) => hear(message));
  worker.on("error", () => hear(null));
  worker.on("exit", () => hear(null));
  return { send: (message) => worker.postMessage(message, []), close: () => void worker.terminate() };
};

export const teamOptions = (): TeamOptions => ({ hire, workers: Math.min(MOST_WORKERS, availableParallelism()) });
