/** What the engine said of the open scenario: frames as they are asked for, the step lists, the landmarks. */
import type { Frame, Landmarks, StepView } from "../../engine/views/types.ts";
import type { Remote } from "../engine/client.ts";

/** Frames that are kept; the one that was not used for longest goes first. */
const MOST = 300;

export class FrameCache {
  private readonly api: Remote;
  private readonly frames = new Map<string, Frame>();
  private readonly lists = new Map<string, StepView[]>();
  private readonly parts = new Map<string, Landmarks & { kernel: string }>();

  constructor(api: Remote) {
    this.api = api;
  }

  /** Forgets the scenario that was open. */
  reset(): void {
    this.frames.clear();
    this.lists.clear();
    this.parts.clear();
  }

  /** What ever appears on these kernels, in their order; each is played when it has not been yet. */
  async landmarks(
    kernels: readonly string[],
    progress: (done: number, total: number) => void,
  ): Promise<(Landmarks & { kernel: string })[]> {
    let done = 0;
    const missing = kernels.filter((k) => !this.parts.has(k));
    await Promise.all(
      missing.map(async (kernel) => {
        const answer = await this.api.landmarks([kernel]);
        if (!answer.ok) throw new Error(answer.problem.message);
        this.parts.set(kernel, { ...answer.value, kernel });
        progress(++done, missing.length);
      }),
    );
    return kernels.flatMap((k) => this.parts.get(k) ?? []);
  }

  /** The steps with their results on a kernel. */
  async steps(kernel: string): Promise<StepView[]> {
    const kept = this.lists.get(kernel);
    if (kept !== undefined) return kept;
    const answer = await this.api.steps(kernel);
    if (!answer.ok) throw new Error(answer.problem.message);
    this.lists.set(kernel, answer.value);
    return answer.value;
  }

  /** The step that a scenario opens at: the first that failed, else the first that the other kernel answers otherwise, else the last. */
  async telling(kernel: string, other: string | null): Promise<number> {
    const steps = await this.steps(kernel);
    const failed = steps.find((s) => s.outcome === "fault" || s.outcome === "errno");
    if (failed !== undefined) return failed.index;
    const others = other === null ? [] : await this.steps(other);
    const differs = steps.find((s, i) => others[i] !== undefined && others[i].result !== s.result);
    return differs?.index ?? steps.length;
  }

  /** A frame, or one sentence why there is none. */
  async get(kernel: string, step: number): Promise<Frame | string> {
    const key = `${kernel} ${step}`;
    const kept = this.frames.get(key);
    if (kept !== undefined) {
      this.frames.delete(key);
      this.frames.set(key, kept);
      return kept;
    }
    const [answer, steps] = await Promise.all([this.api.frame(kernel, step, true), this.steps(kernel)]);
    if (!answer.ok) return answer.problem.message;
    const frame: Frame = { ...answer.value, steps };
    this.frames.set(key, frame);
    const oldest = this.frames.keys().next();
    if (this.frames.size > MOST && oldest.done !== true) this.frames.delete(oldest.value);
    return frame;
  }

  /** Fetches the frames around a step, nearest first, one after the other, unless they are large; stops when `wanted` no longer says so. */
  async ahead(kernel: string, step: number, steps: number, wanted: () => boolean): Promise<void> {
    const here = await this.get(kernel, step);
    if (typeof here === "string" || here.addressSpace.bands.some((b) => b.tracks.some((t) => t.dense !== undefined)))
      return;
    for (let away = 1; away <= NEAR; away++)
      for (const n of [step + away, step - away]) if (n >= 0 && n <= steps && wanted()) await this.get(kernel, n);
  }
}

/** Steps fetched ahead on both sides. */
const NEAR = 24;
