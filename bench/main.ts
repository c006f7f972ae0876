/** `npm run --silent bench [-- NAME...] [--json]`: every benchmark whose name begins with one of the names, or all. */
import { areaBenches } from "./areas.ts";
import type { Bench } from "./bench.ts";
import { exploreBenches } from "./explore.ts";
import { replayBenches } from "./replay.ts";
import { scaleBenches } from "./scale.ts";
import { stepBenches } from "./steps.ts";
import { uiBenches } from "./ui/benches.ts";
import { closeSite } from "./ui/site.ts";
import { walkBenches } from "./walk.ts";

const all: readonly Bench[] = [
  ...walkBenches,
  ...replayBenches,
  ...areaBenches,
  ...exploreBenches,
  ...stepBenches,
  ...scaleBenches,
  ...uiBenches,
];

interface Outcome {
  name: string;
  ours: number;
  /** null = missing. */
  peer: number | null;
  unit: string;
  /** ours / peer. */
  ratio: number | null;
  higher_is_better: boolean;
  /** Why there is no peer. */
  missing?: string;
}

const round = (x: number): number => Number(x.toPrecision(3));

async function measure(bench: Bench): Promise<Outcome> {
  const { name, unit, higher_is_better } = bench;
  const ours = round(await bench.ours());
  const peer = await bench.peer();
  if (typeof peer === "string") return { name, ours, peer: null, unit, ratio: null, higher_is_better, missing: peer };
  return { name, ours, peer: round(peer), unit, ratio: round(ours / peer), higher_is_better };
}

function line({ name, ours, peer, unit, ratio, missing }: Outcome): string {
  if (peer === null || ratio === null) return `${name}: ${ours} ${unit}, peer missing: ${missing ?? ""}`;
  return `${name}: ${ours} ${unit}, peer ${peer} ${unit}, ratio ${ratio}`;
}

/** Exit status: 2 for an unknown name. */
export async function main(args: readonly string[]): Promise<number> {
  const json = args.includes("--json");
  const names = args.filter((a) => a !== "--json");
  const unknown = names.find((n) => !all.some((b) => b.name.startsWith(n)));
  if (unknown !== undefined) {
    console.error(`no benchmark ${unknown}; there are ${all.map((b) => b.name).join(", ")}`);
    return 2;
  }
  const chosen = all.filter((b) => names.length === 0 || names.some((n) => b.name.startsWith(n)));
  const outcomes: Outcome[] = [];
  for (const bench of chosen) {
    outcomes.push(await measure(bench));
    const last = outcomes.at(-1);
    if (!json && last !== undefined) console.log(line(last));
  }
  await closeSite();
  if (json) console.log(JSON.stringify(outcomes, null, 2));
  return 0;
}
