/** The kinds of stops: a letter and a word for each, since colour alone says nothing. */
import type { StopKind } from "../../tours/types.ts";

export const STOP_KINDS: Readonly<Record<StopKind, { letter: string; name: string }>> = Object.freeze({
  question: { letter: "?", name: "The question" },
  world: { letter: "W", name: "The world" },
  alternative: { letter: "A", name: "An alternative" },
  objection: { letter: "O", name: "An objection" },
  consequence: { letter: "C", name: "What follows" },
  merged: { letter: "M", name: "What was merged" },
  decide: { letter: "!", name: "Decide yourself" },
});
