/** Changes the open scenario and its branches, by asking the engine; a refusal changes nothing and says why. */
import type { Answer, BranchInfo, Change, Edited, Problem } from "../../engine/protocol.ts";
import type { NextStep, Ref } from "../../engine/views/types.ts";
import type { Session } from "./session.ts";
import type { LabState } from "./state.ts";
import { cutAfter, movedStep } from "./step_text.ts";
import { type Moment, Undo } from "./undo.ts";

type Text = Pick<BranchInfo, "id" | "name" | "text">;

export class Editing {
  private readonly session: Session;
  private readonly undo: Undo;
  /** Changes follow one another: who presses keys fast means every one of them. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(session: Session) {
    this.session = session;
    this.undo = new Undo(session.store);
    session.store.subscribe((now, old) => {
      if (now.branches !== old.branches || now.branch !== old.branch || now.kernel !== old.kernel) void this.lanes();
    });
  }

  /** Null: done. Else what is wrong; with `tell` it stands in the notice too. */
  change(change: Change, tell = true, more: Partial<LabState> = {}): Promise<Problem | null> {
    return this.inTurn(() => this.changeNow(change, tell, more));
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.last.then(work);
    this.last = turn.catch(() => undefined);
    return turn;
  }

  private async changeNow(change: Change, tell: boolean, more: Partial<LabState>): Promise<Problem | null> {
    const { opened, kernel, compare } = this.session.store.getState();
    if (opened === null) return { message: "No scenario is open." };
    const answer = await this.session.ask(async (api) => {
      const said = await api.edit(change, kernelsOf(kernel, compare));
      if (!said.ok) return said.problem;
      const { value } = said;
      const step = change.kind === "note" ? this.session.heading.step : value.at;
      await this.arrive(value, { step, breakpoints: this.breakpoints(change, value, opened.steps), ...more });
      return null;
    });
    const problem = answer === undefined ? { message: "The simulator is not running." } : answer;
    if (problem !== null && tell) this.session.refuse(problem);
    return problem;
  }

  /** Puts a step in after the current one and goes there. Refused by the kernel: it stays, and can be dropped again. */
  async put(line: string): Promise<void> {
    const after = this.session.heading.step;
    const problem = await this.change({ kind: "insert", after, text: line });
    const { frame } = this.session.store.getState();
    const made = frame?.steps[after];
    if (problem === null && frame?.step === after + 1 && made?.outcome === "errno")
      this.session.store.setState({ refused: after + 1 });
  }

  /** What can be done with a thing now. */
  async actions(ref: Ref): Promise<NextStep[]> {
    const { kernel, step } = this.session.store.getState();
    const answer = await this.session.ask((api) => api.actions(kernel, step, ref));
    return answer?.ok === true ? answer.value : [];
  }

  /** Attaches a device to a page table or an IOAS: a drop, or its menu. */
  async attach(device: Ref, onto: Ref): Promise<void> {
    await this.only(device, { onto }, `${device} cannot be attached to ${onto}.`);
  }

  async map(ioas: Ref, range: { start: bigint; last: bigint }): Promise<void> {
    await this.only(ioas, { range }, `Nothing can be mapped in ${ioas}.`);
  }

  async unmap(area: Ref): Promise<void> {
    const found = (await this.actions(area)).find((a) => a.line.includes("UNMAP"));
    if (found !== undefined) await this.put(found.line);
  }

  private async only(ref: Ref, asked: Parameters<Api["actions"]>[3], none: string): Promise<void> {
    const { kernel, step } = this.session.store.getState();
    const answer = await this.session.ask((api) => api.actions(kernel, step, ref, asked));
    if (answer === undefined) return;
    const line = answer.ok ? answer.value[0]?.line : undefined;
    if (line !== undefined) await this.put(line);
    else this.session.refuse(answer.ok ? { message: none } : answer.problem);
  }

  /** The future of the current step becomes a branch that waits; the new one ends here, or goes on as a copy. */
  async branchHere(copy: boolean): Promise<void> {
    const { opened, step } = this.session.store.getState();
    if (opened === null) return;
    if (step === 0) {
      this.session.refuse({ message: "A branch begins after a step: step on first." });
      return;
    }
    const all = this.texts();
    const id = free(all.map((b) => b.id));
    const text = copy ? opened.text : cutAfter(opened.text, step);
    await this.set([...all, { id, name: `branch ${id.slice(1)}`, text }], id, { step });
  }

  async switchTo(id: string): Promise<void> {
    const { branch, branches, step } = this.session.store.getState();
    const to = branches.find((b) => b.id === id);
    if (to !== undefined && id !== branch) await this.set(this.texts(), id, { step: Math.min(step, to.steps) });
  }

  async nextBranch(by: 1 | -1): Promise<void> {
    const { branch, branches } = this.session.store.getState();
    const at = branches.findIndex((b) => b.id === branch);
    const to = branches[(at + by + branches.length) % Math.max(1, branches.length)];
    if (to !== undefined) await this.switchTo(to.id);
  }

  async rename(id: string, name: string): Promise<void> {
    const clean = name.trim().replaceAll(/\s+/g, " ");
    if (clean !== "")
      await this.set(
        this.texts().map((b) => (b.id === id ? { id, name: clean, text: b.text } : b)),
        this.session.store.getState().branch,
      );
  }

  /** The open one gives way to the first of the others. */
  async close(id: string): Promise<void> {
    const { branch, step, branches } = this.session.store.getState();
    const rest = this.texts().filter((b) => b.id !== id);
    const next = branch === id ? rest[0]?.id : branch;
    if (next === undefined) return;
    const steps = branches.find((b) => b.id === next)?.steps ?? step;
    await this.set(rest, next, { step: Math.min(step, steps) });
  }

  /** Run stops there, or no more. */
  breakpoint(step: number): void {
    this.session.store.setState(({ breakpoints }) => ({
      breakpoints: breakpoints.includes(step) ? breakpoints.filter((b) => b !== step) : [...breakpoints, step],
    }));
  }

  /** The open branch beside another one, in Compare, on the kernel that is shown. */
  compare(id: string): void {
    const { kernel } = this.session.store.getState();
    this.session.store.setState({ columns: [kernel, `${kernel}@${id}`], maximised: "compare" });
  }

  back(): Promise<boolean> {
    return this.inTurn(() => this.undo.move("back", (to) => this.restore(to)));
  }

  again(): Promise<boolean> {
    return this.inTurn(() => this.undo.move("again", (to) => this.restore(to)));
  }

  /** Takes the refused step out again. */
  async drop(): Promise<void> {
    const { refused } = this.session.store.getState();
    this.session.store.setState({ refused: null });
    if (refused !== null) await this.change({ kind: "delete", step: refused });
  }

  /** After a fresh worker: the branches beside the open one. */
  async beside(list: readonly Text[], open: string): Promise<void> {
    if (list.length > 1) await this.set(list, open);
  }

  private async restore(to: Moment): Promise<boolean> {
    const { store } = this.session;
    const now = store.getState();
    const view = {
      breakpoints: to.breakpoints,
      stage: to.stage,
      maximised: to.maximised,
      columns: to.columns,
      hidden: to.hidden,
      pinned: to.pinned,
    };
    if (to.opened === null) return false;
    const same = to.opened.text === now.opened?.text && sameBranches(to, now);
    if (same && (to.opened.text !== "" || to.opened === now.opened)) {
      await this.session.look(
        { kernel: to.kernel, step: Math.min(now.step, to.opened.steps), compare: to.compare },
        view,
      );
      return true;
    }
    if (to.opened.text === "") {
      this.undo.clear();
      this.session.refuse({ message: "What was open before was a recording: drop its files again to open it" });
      return false;
    }
    const list = to.branches.length > 0 ? to.branches : [{ id: "main", name: "main", text: to.opened.text }];
    const origin = to.origin === "" ? to.opened.scenario.id : to.origin;
    const more = { ...view, kernel: to.kernel, compare: to.compare, step: to.step, origin };
    return this.setNow(list, to.branch, more);
  }

  private set(list: readonly Text[], open: string, more: Partial<LabState> = {}): Promise<boolean> {
    return this.inTurn(() => this.setNow(list, open, more));
  }

  private async setNow(list: readonly Text[], open: string, more: Partial<LabState>): Promise<boolean> {
    const state = this.session.store.getState();
    const kernels = kernelsOf(more.kernel ?? state.kernel, more.compare ?? state.compare);
    const origin = more.origin ?? this.origin();
    const plain = list.map(({ id, name, text }) => ({ id, name, text }));
    const done = await this.session.ask(async (api) => {
      const answer: Answer<Edited> = await api.setBranches(plain, open, kernels, origin);
      if (!answer.ok) return answer.problem;
      await this.arrive(answer.value, more);
      return null;
    });
    if (done !== null && done !== undefined) this.session.refuse(done);
    return done === null;
  }

  /** On screen, with everything kept that is not about the steps. */
  private async arrive(value: Edited, more: Partial<LabState>): Promise<void> {
    const { branches, branch, same: _same, at: _at, ...opened } = value;
    const s = this.session.store.getState();
    const step = Math.min(more.step ?? s.step, opened.steps);
    const compare = more.compare === undefined ? s.compare : more.compare;
    const gone = compare?.includes("@") === true && !branches.some((b) => compare.endsWith(`@${b.id}`));
    const columns = (more.columns === undefined ? s.columns : more.columns)?.filter(
      (c) => !c.includes("@") || branches.some((b) => b.id !== branch && c.endsWith(`@${b.id}`)),
    );
    await this.session.change(opened, {
      kernel: s.kernel,
      selected: s.selected,
      picked: s.picked,
      target: s.target,
      asNow: s.asNow,
      entry: s.entry,
      peers: s.peers,
      window: s.window,
      trueScale: s.trueScale,
      maximised: s.maximised,
      tables: s.tables,
      hidden: s.hidden,
      pinned: s.pinned,
      breakpoints: s.breakpoints.filter((b) => b <= opened.steps),
      lanes: s.lanes,
      origin: this.origin(),
      ...more,
      compare: gone ? null : compare,
      columns: columns === undefined || columns.length < 2 ? null : columns,
      step,
      branches: branches.length > 1 ? branches : [],
      branch,
      refused: null,
      writing: null,
      menu: null,
    });
  }

  private origin(): string {
    const { origin, opened } = this.session.store.getState();
    return origin === "" ? (opened?.scenario.id ?? "") : origin;
  }

  private texts(): readonly Text[] {
    const { branches, opened } = this.session.store.getState();
    return branches.length > 0 ? branches : [{ id: "main", name: "main", text: opened?.text ?? "" }];
  }

  private breakpoints(change: Change, value: Edited, before: number): number[] {
    const { breakpoints } = this.session.store.getState();
    if (change.kind === "note" || change.kind === "replace") return [...breakpoints];
    if (change.kind === "text") return breakpoints.filter((b) => b <= value.same);
    return breakpoints.flatMap((b) => movedStep(change, value.steps - before, b) ?? []);
  }

  /** The other branches, for the timeline. */
  private async lanes(): Promise<void> {
    const { branches, branch, kernel, branchLanes } = this.session.store.getState();
    const others = branches.filter((b) => b.id !== branch);
    if (others.length === 0) {
      if (branchLanes.length > 0) this.session.store.setState({ branchLanes: [] });
      return;
    }
    const answer = await this.session.ask((api) => api.lanes([kernel, ...others.map((b) => `${kernel}@${b.id}`)]));
    const now = this.session.store.getState();
    if (answer?.ok !== true || now.branches !== branches || now.kernel !== kernel) return;
    const lanes = others.flatMap((info, i) => {
      const lane = answer.value[i + 1];
      return lane === undefined ? [] : [{ branch: info, lane }];
    });
    this.session.store.setState({ branchLanes: lanes });
  }
}

type Api = Parameters<Parameters<Session["ask"]>[0]>[0];

function kernelsOf(kernel: string, compare: string | null): string[] {
  return compare === null || compare.includes("@") ? [kernel] : [kernel, compare];
}

function free(ids: readonly string[]): string {
  for (let n = 1; ; n++) if (!ids.includes(`b${n}`)) return `b${n}`;
}

function sameBranches(a: Pick<LabState, "branches" | "branch">, b: Pick<LabState, "branches" | "branch">): boolean {
  const key = (s: Pick<LabState, "branches" | "branch">): string =>
    JSON.stringify([s.branch, s.branches.map(({ id, name, text }) => [id, name, text])]);
  return key(a) === key(b);
}
