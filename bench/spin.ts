/**
 * spin as a peer of the search: the model of `slots.ts` as Promela, verified by a compiled pan. Spin counts the edge into
 * the start state too.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface SpinRun {
  states: number;
  transitions: number;
  /** CPU, best of the rounds. */
  seconds: number;
}

/** The toy IOAS with `slots` slots in Promela: one byte a slot that an area starts in, one bit a device. */
export function promela(slots: number): string {
  const lines = ["byte area[" + slots + "];", "bit a, b;", "active proctype ioas() {", "  do"];
  const free = (from: number, to: number): string[] => {
    const conditions: string[] = [];
    for (let slot = from; slot <= to; slot++)
      for (let back = 0; back < 3 && slot - back >= 0; back++)
        conditions.push(back === 0 ? `area[${slot}] == 0` : `area[${slot - back}] <= ${back}`);
    return [...new Set(conditions)];
  };
  for (let slot = 0; slot < slots; slot++) {
    for (let length = 1; length <= 3 && slot + length <= slots; length++) {
      const last = slot + length - 1;
      const guards = free(slot, last);
      if (slot <= 5 && last >= 4) guards.push("!a");
      if (slot <= 8 && last >= 8) guards.push("!b");
      lines.push(`  :: atomic { ${guards.join(" && ")} -> area[${slot}] = ${length} }`);
    }
    lines.push(`  :: atomic { area[${slot}] != 0 -> area[${slot}] = 0 }`);
  }
  lines.push(`  :: atomic { !a && ${free(4, 5).join(" && ")} -> a = 1 }`, "  :: atomic { a -> a = 0 }");
  lines.push(`  :: atomic { !b && ${free(8, 8).join(" && ")} -> b = 1 }`, "  :: atomic { b -> b = 0 }");
  lines.push("  od", "}", "");
  return lines.join("\n");
}

/** Spin's counts and time, or why there are none. */
export function spin(slots: number, rounds = 3): SpinRun | string {
  const folder = join(process.env["LAB_ROOT"] ?? process.cwd(), "dist", "bench", "spin");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "ioas.pml"), promela(slots));
  const options = { cwd: folder, encoding: "utf8" as const };
  const made = spawnSync("spin", ["-a", "ioas.pml"], options);
  if (made.error !== undefined) return "spin is not installed";
  if (made.status !== 0) return `spin refuses the model: ${firstLine(made.stdout)}`;
  const built = spawnSync("gcc", ["-O2", "-w", "-DSAFETY", "-DNOFAIR", "-o", "pan", "pan.c"], options);
  if (built.error !== undefined) return "no C compiler (gcc)";
  if (built.status !== 0) return `pan does not compile: ${firstLine(built.stderr)}`;
  let best: SpinRun | null = null;
  for (let round = 0; round < rounds; round++) {
    const before = children();
    const ran = spawnSync(join(folder, "pan"), ["-m4000000", "-w25"], options);
    const seconds = children() - before;
    const states = /(\d+) states, stored/.exec(ran.stdout)?.[1];
    const transitions = /(\d+) transitions/.exec(ran.stdout)?.[1];
    if (states === undefined || transitions === undefined) return `pan failed: ${firstLine(ran.stdout + ran.stderr)}`;
    if (best === null || seconds < best.seconds)
      best = { states: Number(states), transitions: Number(transitions), seconds };
  }
  return best ?? "pan did not run";
}

/** CPU seconds of the processes that this one has waited for; where /proc does not tell, time on the wall. */
function children(): number {
  if (!existsSync("/proc/self/stat")) return performance.now() / 1000;
  const text = readFileSync("/proc/self/stat", "latin1");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

const firstLine = (output: string): string =>
  output.split("\n").find((line) => line.trim() !== "") ?? "it said nothing";
