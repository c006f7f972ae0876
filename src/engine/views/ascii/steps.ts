/** The steps as a list with the results of other kernels, and the storyboard: every step with what it changed. */
import type { AddressSpaceView, Lane, StepView, WhyView } from "../types.ts";
import { changeLines, stripLines } from "./space.ts";
import { heading, sides, WIDTH, wrap } from "./page.ts";
import { decidedLines } from "./trace.ts";

/** `> 9 device  MSI write D1` and the result at the right edge. */
export function stepLines(s: StepView, current: boolean): string[] {
  const head = `${current ? ">" : " "}${String(s.index).padStart(3)} ${s.actor.padEnd(6)} ${s.prefix}${s.op}`;
  const bad = s.outcome === "errno" || s.outcome === "fault" ? "! " : "";
  const args = s.args.replaceAll(/\s+/g, " ");
  const whole = args === "" ? head : `${head} ${args}`;
  const right = `${bad}${s.result}`;
  if (whole.length + 2 + right.length <= WIDTH) return sides(whole, right);
  return [...sides(head, right), ...wrap(args, " ".repeat(12), " ".repeat(12))];
}

export function timelineLines(steps: readonly StepView[], step: number, lanes: readonly Lane[]): string[] {
  const others = lanes.slice(1);
  return [
    ...steps.flatMap((s) => [
      ...stepLines(s, s.index === step),
      ...others.flatMap((lane) => {
        const cell = lane.cells[s.index - 1];
        return cell?.differs === true
          ? wrap(`${lane.kernel}: ${cell.text}`, " ".repeat(14) + "* ", " ".repeat(18))
          : [];
      }),
    ]),
    ...(others.length === 0 ? [] : [""]),
    ...others.flatMap((lane) =>
      wrap(
        lane.firstDifference === 0
          ? lane.resultsOnly === true
            ? "same results"
            : "no difference"
          : `differs from step ${lane.firstDifference}`,
        `${lane.kernel}: `,
      ),
    ),
  ];
}

export function timelinePage(steps: readonly StepView[], step: number, lanes: readonly Lane[]): string[] {
  return [...heading("Steps"), ...timelineLines(steps, step, lanes)];
}

export interface Scene {
  step: StepView;
  space: AddressSpaceView;
  why: WhyView;
}

/** One step of the storyboard: the call, what it changed in the address space, and the check that refused it. */
export function sceneLines({ step, space, why }: Scene): string[] {
  const failed = step.outcome === "errno" || step.outcome === "fault";
  return [
    ...stepLines(step, false),
    ...(failed ? decidedLines(why, "    ") : []),
    ...changeLines(space, "    "),
    ...(step.note === undefined ? [] : wrap(step.note, "    # ", "    # ")),
  ];
}

/** All steps as one strip, closed by the address space as the last one left it. */
export function storyboardLines(scenes: readonly Scene[], last: AddressSpaceView): string[] {
  return [...scenes.flatMap((s) => [...sceneLines(s), ""]), "After the last step:", ...stripLines(last)];
}
