/** The engine in a Web Worker: the only file that knows where it runs. Kernels and scenarios come from the bundler, as they are needed. */
import { expose } from "comlink";
import { Engine } from "./api.ts";
import { lazyScenarios, LazyKernels, scenarioInfos } from "./library/shelf.ts";
import type { Compressor } from "./sim/link.ts";
import { MACHINE_SOURCES } from "./sim/machine_sources.ts";

const compressor: Compressor = {
  deflate: (bytes) => through(bytes, new CompressionStream("deflate-raw"), Number.POSITIVE_INFINITY),
  inflate: (bytes, limit) => through(bytes, new DecompressionStream("deflate-raw"), limit),
};

async function through(
  bytes: Uint8Array,
  stream: CompressionStream | DecompressionStream,
  limit: number,
): Promise<Uint8Array> {
  const reader = new Blob([bytes.slice()]).stream().pipeThrough(stream).getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    size += part.value.length;
    if (size > limit) throw new Error("too long");
    parts.push(part.value);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Messages that arrived before this one is sent are answered before it comes back. */
function breathe(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((done) => {
    port1.onmessage = () => {
      port1.close();
      done();
    };
    port2.postMessage(null);
  });
}

expose(
  new Engine({
    kernels: new LazyKernels(),
    machines: MACHINE_SOURCES,
    scenarios: lazyScenarios,
    scenarioInfos,
    compressor,
    breathe,
  }),
);
