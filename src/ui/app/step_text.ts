/** The lines of a scenario's canonical text, as the list of steps needs them. Reads places only; what they mean is the engine's. */

export interface StepText {
  /** 1-based line in the text. */
  line: number;
  /** The step line. */
  text: string;
  /** Its note, in one line. */
  note: string;
}

/** The steps of a canonical text, in order; given ones are left out. */
export function stepTexts(text: string): StepText[] {
  const steps: StepText[] = [];
  let given = false;
  text.split("\n").forEach((row, i) => {
    if (/^(vmm|guest|device|admin)\s/.test(row)) {
      given = false;
      steps.push({ line: i + 1, text: row, note: "" });
    } else if (row.startsWith("given ")) given = true;
    const last = steps.at(-1);
    const note = /^\s+note\s+(.*)$/.exec(row)?.[1];
    if (!given && last !== undefined && note !== undefined)
      last.note = last.note === "" ? note : `${last.note} ${note}`;
  });
  return steps;
}

/** The text up to and with step `count`, with its notes and checks. */
export function cutAfter(text: string, count: number): string {
  const next = stepTexts(text)[count];
  if (next === undefined) return text;
  return `${text
    .split("\n")
    .slice(0, next.line - 1)
    .join("\n")
    .trimEnd()}\n`;
}

/** Where each step is after a change; undefined = it is gone. */
export function movedStep(
  change:
    | { kind: "insert"; after: number }
    | { kind: "delete"; step: number; count?: number }
    | { kind: "move"; from: number; to: number },
  added: number,
  step: number,
): number | undefined {
  switch (change.kind) {
    case "insert":
      return step > change.after ? step + added : step;
    case "delete": {
      const count = change.count ?? 1;
      if (step >= change.step && step < change.step + count) return undefined;
      return step >= change.step + count ? step - count : step;
    }
    case "move": {
      const { from, to } = change;
      if (step === from) return to;
      if (from < to && step > from && step <= to) return step - 1;
      if (from > to && step >= to && step < from) return step + 1;
      return step;
    }
  }
}
