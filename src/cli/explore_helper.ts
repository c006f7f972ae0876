/** A thread that expands states for `lab explore`. */
import { parentPort } from "node:worker_threads";
import { server } from "../engine/explore/serve.ts";
import type { ToHelper } from "../engine/explore/team.ts";
import { loadKernels } from "./engine.ts";

const port = parentPort;
if (port === null) throw new Error("this is a thread of lab explore");
const kernels = loadKernels();
const take = server(
  async (id) => (await kernels).resolve(id, true),
  (message) => port.postMessage(message),
);
port.on("message", (message: ToHelper) => take(message));
