import { test } from "vitest";
import { loadKernels } from "../../cli/engine.ts";
import { PLAIN } from "../presets/plain.ts";
import { Explorer } from "./explorer.ts";
import { DEFAULT_UNIVERSE } from "./universe.ts";
import { printStep } from "../sim/scenario/print.ts";
import { INVARIANTS } from "./invariants/all.ts";
test("try", async () => {
  const ks = await loadKernels();
  const go = (ids: string[], inv: string | null, depth: number, secs: number, u = DEFAULT_UNIVERSE) => {
    const e = Explorer.start({
      universe: u,
      machine: PLAIN,
      kernels: ids.map((i) => ks.resolve(i, true)!),
      invariants: INVARIANTS.filter((i) => i.id === inv),
      depth,
    });
    if (typeof e === "string") {
      console.log(ids, e);
      return;
    }
    const t = performance.now();
    let lv = 0;
    while (e.run(20)) {
      if (performance.now() - t > secs * 1000) break;
      if (e.progress.depth !== lv) {
        lv = e.progress.depth;
        console.log("  depth", lv, e.progress.states, e.progress.edges, ((performance.now() - t) / 1000).toFixed(1));
      }
    }
    const p = e.progress;
    const s = (performance.now() - t) / 1000;
    console.log(
      ids.join(","),
      inv,
      JSON.stringify(p),
      s.toFixed(1) + "s",
      (p.edges / s).toFixed(0) + " edges/s",
      (p.expanded / s).toFixed(0) + " states/s",
      (p.bytes / p.states).toFixed(0) + " B/state",
      [...e.refused],
    );
    if (e.found)
      console.log(e.found.steps.map((x) => "   " + printStep(x)).join("\n") + "\n" + e.found.says.join("\n"));
    else console.log("complete", e.complete, e.exhausted);
  };
  for (const spec of (process.env["GO"] ?? "").split(";")) {
    const [k = "", inv = "", d = "6", s = "20"] = spec.split("/");
    go(k.split(","), inv === "" ? null : inv, Number(d), Number(s));
  }
}, 1000000);
