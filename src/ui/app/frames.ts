/** Frames already computed for the open scenario, so that scrubbing costs nothing. */
import type { Frame } from "../../engine/views/types.ts";
import type { Remote } from "../engine/client.ts";

/** More frames than this are not fetched ahead; then only every n-th is, for the layout. */
const AHEAD = 400;
/** Calls under way at once. */
const BATCH = 8;

export class FrameCache {
  private readonly api: Remote;
  private frames = new Map<string, Frame>();

  constructor(api: Remote) {
    this.api = api;
  }

  /** Forgets the old scenario and fetches the frames of the new one that was just opened. */
  async load(
    kernels: readonly string[],
    steps: number,
    progress: (done: number, total: number) => void,
  ): Promise<Frame[]> {
    this.frames = await this.fetch(kernels, steps, progress, new Map());
    return [...this.frames.values()];
  }

  /** Fetches what is still missing of more kernels; returns all. */
  async more(kernels: readonly string[], steps: number): Promise<Frame[]> {
    const { frames } = this;
    await this.fetch(kernels, steps, () => undefined, frames);
    return [...frames.values()];
  }

  private async fetch(
    kernels: readonly string[],
    steps: number,
    progress: (done: number, total: number) => void,
    frames: Map<string, Frame>,
  ): Promise<Map<string, Frame>> {
    const stride = Math.max(1, Math.ceil((kernels.length * (steps + 1)) / AHEAD));
    const wanted: [string, number][] = [];
    for (const kernel of kernels) {
      for (let step = 0; step < steps; step += stride) wanted.push([kernel, step]);
      wanted.push([kernel, steps]);
    }
    const missing = wanted.filter(([kernel, step]) => !frames.has(key(kernel, step)));
    for (let i = 0; i < missing.length; i += BATCH) {
      progress(i, missing.length);
      const batch = missing.slice(i, i + BATCH);
      const answers = await Promise.all(batch.map(([kernel, step]) => this.api.frame(kernel, step)));
      for (const answer of answers)
        if (answer.ok) frames.set(key(answer.value.kernel, answer.value.step), answer.value);
    }
    progress(missing.length, missing.length);
    return frames;
  }

  /** A frame, or one sentence why there is none. */
  async get(kernel: string, step: number): Promise<Frame | string> {
    const kept = this.frames.get(key(kernel, step));
    if (kept !== undefined) return kept;
    const answer = await this.api.frame(kernel, step);
    if (!answer.ok) return answer.problem.message;
    this.frames.set(key(kernel, step), answer.value);
    return answer.value;
  }
}

function key(kernel: string, step: number): string {
  return `${kernel} ${step}`;
}
