/** Turns the numbers of a helper into those of the search. One for each helper. */
import { type Answer, FOUND, type News } from "./helper.ts";
import type { Side } from "./side.ts";
import type { Twins } from "./symmetry.ts";

/** What follows a state: for each step its place among the moves and the state of every kernel; null: something was found. */
export type Outcome = Uint32Array | null;

export class Absorber {
  private readonly sides: readonly Side[];
  private readonly twins: Twins | null;
  /** By kernel: number there -> number here. */
  private readonly texts: number[][];
  private readonly states: number[][];

  constructor(sides: readonly Side[], twins: Twins | null) {
    this.sides = sides;
    this.twins = twins;
    this.texts = sides.map(() => []);
    this.states = sides.map(() => []);
  }

  /** What follows each state of the answer; null where its names do not mean the same here: it is of no use. */
  outcomes(answer: Answer): Outcome[] | null {
    if (answer.ambiguous) return null;
    for (const [i, side] of this.sides.entries())
      for (const [name, description] of answer.news[i]?.shared ?? [])
        if (!side.words.shared.agree(name, description)) return null;
    for (const [i, news] of answer.news.entries()) this.learn(i, news);
    const words = 1 + this.sides.length;
    const out: Outcome[] = [];
    let at = 0;
    for (const count of answer.counts) {
      if (count === FOUND) {
        out.push(null);
        continue;
      }
      const edges = answer.edges.slice(at, at + count * words);
      for (let i = 0; i < edges.length; i++)
        if (i % words !== 0) edges[i] = this.states[(i % words) - 1]?.[edges[i] ?? 0] ?? 0;
      out.push(edges);
      at += edges.length;
    }
    return out;
  }

  private learn(kernel: number, { texts, keys, twins }: News): void {
    const side = this.sides[kernel];
    const mine = this.texts[kernel];
    const states = this.states[kernel];
    if (side === undefined || mine === undefined || states === undefined) throw new Error(`no kernel ${kernel}`);
    for (const text of texts) mine.push(side.words.number(text));
    for (let at = 0; at < keys.length;) {
      const end = at + 1 + (keys[at] ?? 0);
      states.push(side.store.number(keys.subarray(at + 1, end).map((text) => mine[text] ?? 0)));
      at = end;
    }
    for (let i = 0; i < twins.length; i += 2)
      this.twins?.set(kernel, states[twins[i] ?? 0] ?? 0, states[twins[i + 1] ?? 0] ?? 0);
  }
}
