import { describe, expect, it } from "vitest";
import { compressor } from "../../../cli/engine.ts";
import { Engine } from "../../api.ts";
import { MACHINE_SOURCES } from "../../sim/machine_sources.ts";
import { kernels } from "../../testing/scenarios.ts";
import type { Answer } from "../../protocol.ts";

const text = (count: number): string => `title: many
machine: plain
kernels: linux-7.2
device: D1 0000:00:03.0
memory: RAM len=1M

vmm VFIO_DEVICE_BIND_IOMMUFD D1
vmm I = IOMMU_IOAS_ALLOC
vmm P = IOMMU_HWPT_ALLOC dev=D1 pt=I flags=NEST_PARENT
vmm IOMMU_IOAS_MAP ioas=I iova=0x10000000 len=4K va=RAM count=${count} stride=8K
vmm IOMMU_IOAS_UNMAP ioas=I iova=0x10002000 len=4K
vmm IOMMU_IOAS_MAP ioas=I iova=0x10002000 len=4K va=RAM count=10 stride=8K
`;

function value<T>(answer: Answer<T>): T {
  if (!answer.ok) throw new Error(answer.problem.message);
  return answer.value;
}

async function opened(count: number): Promise<Engine> {
  const engine = new Engine({ kernels, machines: MACHINE_SOURCES, scenarios: [], compressor });
  value(await engine.open({ text: text(count) }));
  return engine;
}

describe("a world with very many areas", () => {
  it("has frames without lists, and windows of the IOAS and of the table that say the same", async () => {
    const e = await opened(3000);
    const frame = value(await e.frame("linux-7.2", 4, true));
    const dense = frame.addressSpace.bands.flatMap((b) => b.tracks).filter((t) => t.dense !== undefined);
    expect(dense.map((t) => [t.id, t.dense?.count, t.delta])).toEqual([
      ["ioas:2:mapped", 3000, "+3000"],
      ["hwpt:3:table", 3000, "+3000"],
    ]);
    for (const t of dense) {
      expect(t.intervals.length).toBeLessThanOrEqual(200);
      expect(t.dense?.clusters).toEqual([
        { start: 0x10000000n, last: 0x10000000n + 2999n * 8192n + 4095n, count: 3000 },
      ]);
      const all = value(await e.space("linux-7.2", 4, t.id, 0x10000000n, 0x10000000n + 3000n * 8192n, 750));
      expect([...(all.buckets?.counts ?? [])]).toEqual(Array.from({ length: 750 }, () => 4));
      const near = value(await e.space("linux-7.2", 4, t.id, 0x10000000n, 0x10008000n, 750));
      expect(near.intervals?.map((i) => i.start)).toEqual([0n, 1n, 2n, 3n].map((i) => 0x10000000n + i * 8192n));
      expect(structuredClone(all)).toEqual(all);
    }
  });

  it("marks the one interval that a step took away", async () => {
    const e = await opened(3000);
    const frame = value(await e.frame("linux-7.2", 5, true));
    const mapped = frame.addressSpace.bands.flatMap((b) => b.tracks).find((t) => t.id === "ioas:2:mapped");
    expect([mapped?.delta, mapped?.intervals.map((i) => [i.start, i.change])]).toEqual([
      "−1",
      [[0x10002000n, "removed"]],
    ]);
    const w = value(await e.space("linux-7.2", 5, "ioas:2:mapped", 0x10000000n, 0x10000000n + 3000n * 8192n, 750));
    expect(w.buckets?.change[0]).toBe(2);
    expect(w.buckets?.change.slice(1).every((c) => c === 0)).toBe(true);
  });

  it("is made by real calls: the first that fails ends the step, and what was made stays", async () => {
    const e = await opened(100);
    const [step] = value(await e.steps("linux-7.2")).slice(-1);
    expect([step?.outcome, step?.result]).toEqual(["errno", "EEXIST at 0x10004000"]);
    const frame = value(await e.frame("linux-7.2", 6, true));
    const mapped = frame.addressSpace.bands.flatMap((b) => b.tracks).find((t) => t.id === "ioas:2:mapped");
    expect([mapped?.delta, mapped?.intervals.length]).toEqual(["+1", 100]);
  });

  it("refuses in words a track that has no windows", async () => {
    const e = await opened(100);
    const answer = await e.space("linux-7.2", 4, "ioas:2:mapped", 0n, 1n, 10);
    expect(answer).toMatchObject({ ok: false });
  });

  it("has landmarks that name its stretches and not its intervals", async () => {
    const e = await opened(3000);
    const { addressSpace } = value(await e.landmarks(["linux-7.2"]));
    const mapped = addressSpace.bands.flatMap((b) => b.tracks).find((t) => t.id === "ioas:2:mapped");
    expect(mapped?.intervals.length).toBe(1);
    expect(mapped?.intervals[0]?.start).toBe(0x10000000n);
  });
});
