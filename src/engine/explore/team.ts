/**
 * A search with helpers in other workers. It starts alone, since most answers are near and a helper has to boot the
 * worlds first; from HIRE_FROM states on, batches of states are given away and the rest is done here. What comes out does not depend
 * on who did what. Helpers that cannot be had, die or speak another language are done without.
 */
import { Explorer } from "./explorer.ts";
import type { Answer, Batch } from "./helper.ts";
import type { Absorber } from "./absorber.ts";
import type { Question } from "./question.ts";
import { NotAlike } from "./symmetry.ts";
import type { Universe } from "./universe.ts";
import type { MachineDesc } from "../../hw/machine.ts";

/** To a helper: first what the search is, then states. Plain data. */
export type ToHelper = { kind: "start"; setup: Setup } | { kind: "work"; batch: Batch };
/** From a helper: that it is there, with the objects of its worlds; what follows the states of the oldest batch; why it is of no use. */
export type FromHelper =
  | { kind: "started"; objects: number[] }
  | { kind: "answer"; answer: Answer }
  | { kind: "failed"; why: string };

/** A question by names. */
export interface Setup {
  universe: Universe;
  machine: MachineDesc;
  kernels: string[];
  invariants: string[];
  depth: number;
  symmetry: boolean;
}

/** A worker that was just made. */
export interface Link {
  send(message: ToHelper): void;
  close(): void;
}

/** Makes a worker; it says what it has to say through `hear`, null when it is dead. Null where there are none. */
export type Hire = (hear: (message: FromHelper | null) => void) => Link | null;

/**
 * Expanded states from which on help is wanted. Measured on two kernels to depth 7 (603 states expanded), by processor time
 * of this worker: alone 10.4 s, with one helper from 400 on 9.9 s, from 150 on 8.1 s. A search that ends after 93 takes 2.2 s
 * alone and 3.4 s with a helper from 50 on, whose worlds are booted for nothing.
 */
const HIRE_FROM = 150;
/** States given away at a time: every hand-over costs the way to another branch of the tree, on both sides. */
const BATCH = 48;
/** Batches that a helper has before it, so that it never waits. */
const OPEN = 2;
/** Most workers, with this one. */
export const MOST_WORKERS = 4;

export interface TeamOptions {
  hire: Hire;
  /** Workers that expand states, with this one. */
  workers: number;
  /** Expanded states from which on help is wanted. */
  from?: number;
  /** States given away at a time. */
  batch?: number;
}

interface Member {
  link: Link;
  started: boolean;
  batches: Batch[];
  absorber: Absorber;
}

export class Team {
  explorer: Explorer;
  private readonly question: Question;
  private readonly hire: Hire;
  private readonly from: number;
  private readonly batch: number;
  private wanted: number;
  private members: Member[] = [];
  /** Something of a helper was used. */
  private helped = false;

  private constructor(
    question: Question,
    explorer: Explorer,
    { hire, workers, from = HIRE_FROM, batch = BATCH }: TeamOptions,
  ) {
    this.question = question;
    this.explorer = explorer;
    this.hire = hire;
    this.from = from;
    this.batch = batch;
    this.wanted = workers - 1;
  }

  /** A sentence where the world cannot start on a kernel. */
  static start(question: Question, options: TeamOptions): Team | string {
    const explorer = Explorer.start(question);
    return typeof explorer === "string" ? explorer : new Team(question, explorer, options);
  }

  /** Helpers that work. */
  get helpers(): number {
    return this.members.filter((m) => m.started).length;
  }

  /** Goes on for about so many states; false when it is over. Between two calls the caller lets messages in. */
  advance(states: number): boolean {
    try {
      const more = this.go(states);
      if (!more) this.close();
      return more;
    } catch (e) {
      if (!(e instanceof NotAlike)) throw e;
      this.over({ ...this.question, symmetry: false });
      return true;
    }
  }

  /** Ends the helpers. */
  close(): void {
    for (const member of [...this.members]) this.dismiss(member);
    this.wanted = 0;
  }

  private go(states: number): boolean {
    const { explorer } = this;
    if (explorer.ambiguous && this.wanted > 0) {
      this.close();
      if (this.helped) this.over(this.question);
      return true;
    }
    if (this.members.length < this.wanted && explorer.progress.expanded >= this.from) this.engage();
    this.feed();
    const before = explorer.progress.expanded;
    if (!explorer.run(states)) return false;
    let left = states - (explorer.progress.expanded - before);
    while (left > 0 && explorer.ahead()) left--;
    this.feed();
    // All that is left is with helpers: rather than wait for one that may be slow, its next state is done here too.
    return left < states || explorer.alone();
  }

  /** From the start again, alone. */
  private over(question: Question): void {
    this.close();
    const explorer = Explorer.start(question);
    if (typeof explorer === "string") throw new Error(explorer);
    this.explorer = explorer;
  }

  private engage(): void {
    const { universe, machine, kernels, invariants, depth, symmetry = true } = this.question;
    while (this.members.length < this.wanted) {
      const link = this.hire((message) => this.hear(member, message));
      if (link === null) {
        this.wanted = this.members.length;
        return;
      }
      const member: Member = { link, started: false, batches: [], absorber: this.explorer.absorber() };
      this.members.push(member);
      const setup: Setup = {
        universe,
        machine,
        kernels: kernels.map((k) => k.profile.id),
        invariants: invariants.map((i) => i.id),
        depth,
        symmetry,
      };
      link.send({ kind: "start", setup });
    }
  }

  private hear(member: Member, message: FromHelper | null): void {
    if (!this.members.includes(member)) return;
    if (message === null || message.kind === "failed") this.dismiss(member);
    else if (message.kind === "started") {
      member.started = message.objects.join() === this.explorer.objects.join();
      if (!member.started) this.dismiss(member);
    } else {
      const batch = member.batches.shift();
      if (batch?.first === message.answer.first && this.explorer.give(message.answer, member.absorber))
        this.helped = true;
      else {
        if (batch !== undefined) this.explorer.lose(batch);
        this.dismiss(member);
      }
    }
  }

  /** No others are hired in its place. */
  private dismiss(member: Member): void {
    this.members = this.members.filter((m) => m !== member);
    this.wanted--;
    for (const batch of member.batches) this.explorer.lose(batch);
    member.link.close();
  }

  private feed(): void {
    for (const member of this.members)
      while (member.started && member.batches.length < OPEN) {
        const batch = this.explorer.take(this.batch);
        if (batch === null) return;
        member.batches.push(batch);
        member.link.send({ kind: "work", batch });
      }
  }
}
