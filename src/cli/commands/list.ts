/** `lab list`: kernels, machines, scenarios, ioctls; one a line: id, tab, title. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Coverage } from "../../engine/exchange/coverage.ts";
import { releaseNumber } from "../../engine/kernel/profile.ts";
import { INVARIANTS } from "../../engine/explore/invariants/all.ts";
import { machines } from "../../engine/sim/machines.ts";
import { ALL_IOCTLS } from "../../engine/uapi/table.ts";
import { loadKernels, loadScenarios, root } from "../engine.ts";
import { readInput } from "../files.ts";
import { linesOf } from "../lines.ts";
import { readScenario } from "../load.ts";
import { HOLDS, type Output, Wrong } from "../output.ts";

interface Item {
  id: string;
  title: string;
}

interface IoctlItem extends Item {
  cmd: string;
  /** Release that brought it. */
  since: string;
  /** Records of the recordings that call it. */
  recorded: number;
  /** By result: `0`, or the name of the errno. */
  results: Record<string, number>;
}

const LATER: ReadonlySet<string> = new Set(["labs"]);

export async function listCommand(what: string, output: Output): Promise<number> {
  const items = await list(what);
  for (const item of items) output.line(`${item.id}\t${item.title}`);
  output.document(items);
  return HOLDS;
}

async function list(what: string): Promise<Item[]> {
  switch (what) {
    case "kernels": {
      const kernels = await loadKernels();
      return kernels.profiles.map((p) => {
        const unknown = p.unknown === undefined || p.unknown.length === 0 ? "" : ` (not known: ${p.unknown.join(" ")})`;
        const also = p.aliases === undefined ? "" : ` (also called ${p.aliases.join(", ")})`;
        return { id: p.id, title: `${p.title}: ${p.changes}${also}${unknown}` };
      });
    }
    case "machines":
      return machines().map((m) => ({ id: m.id, title: m.title }));
    case "scenarios":
      return loadScenarios().map(({ id, text }) => ({ id, title: readScenario(text, `scenarios/${id}.lab`).title }));
    case "invariants":
      return INVARIANTS.map(({ id, title, says }) => ({ id, title: `${title}: ${says}` }));
    case "ioctls":
      return listIoctls();
    default:
      if (LATER.has(what)) throw new Wrong(`list ${what}: they are not there yet`);
      throw new Wrong(
        `nothing to list is called "${what}"; type: lab list kernels|machines|scenarios|invariants|ioctls`,
      );
  }
}

/** Each ioctl with its release and the recorded calls that cover it. */
async function listIoctls(): Promise<IoctlItem[]> {
  const coverage = new Coverage();
  for (const path of recordedTraces()) for (const line of linesOf(await readInput(path))) coverage.add(line);
  const kernels = await loadKernels();
  const releases = kernels.profiles.flatMap((p) => {
    const features = p.id.startsWith("linux-") ? kernels.resolve(p.id, false)?.features : undefined;
    return features === undefined ? [] : [{ id: p.id, release: features.uapi_release }];
  });
  return ALL_IOCTLS.map((def) => {
    const having = releases.findLast((r) => r.release >= releaseNumber(def.since));
    const kernel = having === undefined ? "in no release" : `in ${having.id} and newer`;
    const results = coverage.of(def);
    const recorded = [...results.values()].reduce((a, b) => a + b, 0);
    const cmd = `0x${def.cmd.toString(16)}`;
    const by = [...results].map(([name, n]) => `${name}: ${n}`).join(", ");
    return {
      id: def.name,
      title: `${cmd}, since ${def.since}, ${kernel}, recorded ${recorded}${by === "" ? "" : ` (${by})`}`,
      cmd,
      since: def.since,
      recorded,
      results: Object.fromEntries(results),
    };
  });
}

/** Trace files of the project's fixtures. */
function recordedTraces(): string[] {
  const dir = join(root, "fixtures", "traces");
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.jsonl(\.br|\.gz)?$/.test(file))
    .sort()
    .map((file) => join(dir, file));
}
