/** `lab list`: kernels, machines, scenarios, ioctls; one a line: id, tab, title. */
import { machines } from "../../engine/sim/machines.ts";
import { parseScenario } from "../../engine/sim/scenario/parse.ts";
import { ALL_IOCTLS } from "../../engine/uapi/table.ts";
import { loadKernels, loadScenarios } from "../engine.ts";
import { HOLDS, type Output, Wrong } from "../output.ts";

interface Item {
  id: string;
  title: string;
}

const LATER = ["labs", "invariants"];

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
        return { id: p.id, title: `${p.title}: ${p.changes}${unknown}` };
      });
    }
    case "machines":
      return machines().map((m) => ({ id: m.id, title: m.title }));
    case "scenarios":
      return loadScenarios().map((s) => {
        const parsed = parseScenario(s.text);
        return { id: s.id, title: parsed.ok ? parsed.value.scenario.title : `(broken: ${parsed.problem.message})` };
      });
    case "ioctls":
      return ALL_IOCTLS.map((d) => ({ id: d.name, title: `0x${d.cmd.toString(16)}, since ${d.since}` }));
    default:
      if (LATER.includes(what)) throw new Wrong(`list ${what}: they are not there yet`);
      throw new Wrong(`nothing to list is called "${what}"; type: lab list kernels|machines|scenarios|ioctls`);
  }
}
