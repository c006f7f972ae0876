/** The part of a long timeline that is seen. Numbers of steps, with fractions: a wheel moves by less than one. */

/** `first` stands at the left edge, `first + span` at the right one. */
export interface StepWindow {
  first: number;
  span: number;
}

/** Steps that are always seen, if there are as many. */
const LEAST = 8;

/** The whole line. */
export function whole(count: number): StepWindow {
  return { first: 1, span: Math.max(count, 1) };
}

/** Nearer by `factor` (> 1) with step `held` where it stands; null: all is seen. */
export function zoomed(window: StepWindow | null, count: number, held: number, factor: number): StepWindow | null {
  const { first, span } = window ?? whole(count);
  const next = Math.max(Math.min(span / factor, count), Math.min(LEAST, count));
  if (next >= count) return null;
  return within({ first: held - ((held - first) * next) / span, span: next }, count);
}

/** Moved by so many steps. */
export function panned(window: StepWindow | null, count: number, by: number): StepWindow | null {
  return window === null ? null : within({ first: window.first + by, span: window.span }, count);
}

/** The same, or moved as little as needed for a step to be seen. */
export function following(window: StepWindow | null, count: number, step: number): StepWindow | null {
  if (window === null || window.span >= count) return null;
  const { first, span } = window;
  if (step >= first && step <= first + span) return window;
  return within({ first: step < first ? step - span * 0.1 : step - span * 0.9, span }, count);
}

function within({ first, span }: StepWindow, count: number): StepWindow {
  return { first: Math.max(1, Math.min(first, 1 + count - span)), span };
}
