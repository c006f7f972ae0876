/** Plays the steps one after the other; stops at the end, at a breakpoint and when asked. */
import type { LabStore } from "./state.ts";

const PACE_MS = 900;

export class Runner {
  private timer: ReturnType<typeof setTimeout> | null = null;
  private readonly store: LabStore;
  private readonly seek: (step: number) => void;

  constructor(store: LabStore, seek: (step: number) => void) {
    this.store = store;
    this.seek = seek;
  }

  toggle(): void {
    if (this.store.getState().running) this.pause();
    else this.run();
  }

  /** From the start again when the end was reached. */
  run(): void {
    const { opened, step } = this.store.getState();
    if (opened === null || opened.steps === 0) return;
    this.store.setState({ running: true });
    if (step >= opened.steps) this.seek(0);
    else this.seek(step + 1);
    this.wait();
  }

  pause(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (this.store.getState().running) this.store.setState({ running: false });
  }

  private wait(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const { opened, step, running, breakpoints } = this.store.getState();
      if (!running || opened === null) return;
      if (step >= opened.steps || breakpoints.includes(step)) {
        this.pause();
        return;
      }
      this.seek(step + 1);
      this.wait();
    }, PACE_MS);
  }
}
