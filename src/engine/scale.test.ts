import { describe, expect, it } from "vitest";
import { compressor } from "../cli/engine.ts";
import { Engine } from "./api.ts";
import type { Answer } from "./protocol.ts";
import { MACHINE_SOURCES } from "./sim/machine_sources.ts";
import { kernels } from "./testing/scenarios.ts";
import type { Frame } from "./views/types.ts";

const KERNEL = "linux-7.2";
const HEAD = `title: long
machine: plain
kernels: ${KERNEL}
device: D1 0000:00:03.0
memory: RAM len=64K

vmm I = IOMMU_IOAS_ALLOC
`;

function value<T>(answer: Answer<T>): T {
  if (!answer.ok) throw new Error(answer.problem.message);
  return answer.value;
}

async function opened(text: string): Promise<{ engine: Engine; steps: number }> {
  const engine = new Engine({ kernels, machines: MACHINE_SOURCES, scenarios: [], compressor });
  return { engine, steps: value(await engine.open({ text })).steps };
}

const iovaOf = (i: number): string => `0x${(0x1000_0000 + i * 0x2000).toString(16)}`;

/** What the IOAS maps, as its track says. */
function mapped(frame: Frame): string | undefined {
  return frame.addressSpace.bands.flatMap((b) => b.tracks).find((t) => t.id.endsWith(":mapped"))?.sub;
}

describe("a scenario of 100,000 steps", () => {
  it("opens, and any step can be drawn", { timeout: 300_000 }, async () => {
    const lines = Array.from({ length: 99_999 }, (_, i) =>
      i % 2 === 0
        ? `vmm IOMMU_IOAS_MAP ioas=I iova=${iovaOf(i % 600)} len=4K va=RAM`
        : `vmm IOMMU_IOAS_UNMAP ioas=I iova=${iovaOf((i - 1) % 600)} len=4K`,
    );
    const { engine, steps } = await opened(`${HEAD}${lines.join("\n")}\n`);
    expect(steps).toBe(100_000);
    for (const step of [100_000, 50_001, 77_776, 12_345, 12_344, 2]) {
      const frame = value(await engine.frame(KERNEL, step, true));
      expect([step, mapped(frame)]).toEqual([step, step % 2 === 0 ? "1 area" : "0 areas"]);
    }
    const [lane] = value(await engine.lanes([KERNEL]));
    expect([lane?.cells.length, lane?.cells.every((c) => c.outcome === "ok")]).toEqual([100_000, true]);
  });
});

describe("a long scenario that is being opened", () => {
  it("says how far it is, and is given up when another one is asked for", { timeout: 120_000 }, async () => {
    const breathe = (): Promise<void> => new Promise((done) => setTimeout(done, 0));
    const engine = new Engine({ kernels, machines: MACHINE_SOURCES, scenarios: [], compressor, breathe });
    const steps = (n: number): string => "vmm IOMMU_IOAS_IOVA_RANGES ioas=I\n".repeat(n);
    const told: number[] = [];
    const long = engine.open({ text: HEAD + steps(20_000) }, (done) => {
      told.push(done);
      if (done === 3000) short = engine.open({ text: HEAD + steps(5) });
    });
    let short: ReturnType<typeof engine.open> | undefined;
    expect(await long).toEqual({ ok: false, problem: { message: "Another scenario was opened meanwhile." } });
    expect(told.slice(0, 3)).toEqual([1000, 2000, 3000]);
    expect(told.length).toBeLessThan(8);
    expect((await short)?.ok).toBe(true);
    expect(value(await engine.frame(KERNEL, 6, true)).step).toBe(6);
    expect(value(await engine.open({ text: HEAD + steps(4000) })).steps).toBe(4001);
    expect(value(await engine.frame(KERNEL, 4001, true)).step).toBe(4001);
  });
});

describe("20,000 areas made by as many steps", () => {
  it("can be drawn at any step, with what the step changed", { timeout: 300_000 }, async () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => `vmm IOMMU_IOAS_MAP ioas=I iova=${iovaOf(i)} len=4K va=RAM`);
    const { engine } = await opened(`${HEAD}${lines.join("\n")}\n`);
    for (const step of [20_001, 20_000, 10_003, 10_004, 1_500]) {
      const frame = value(await engine.frame(KERNEL, step, true));
      expect(mapped(frame)).toBe(`${step - 1} areas`);
      const track = frame.addressSpace.bands.flatMap((b) => b.tracks).find((t) => t.id.endsWith(":mapped"));
      const start = 0x1000_0000n + BigInt(step - 2) * 0x2000n;
      expect(track?.intervals.map((i) => [i.start, i.change])).toEqual([[start, "added"]]);
      const window = value(await engine.space(KERNEL, step, track?.id ?? "", start - 0x8000n, start + 0x8000n, 800));
      expect(window.intervals?.map((i) => i.start)).toEqual([4n, 3n, 2n, 1n, 0n].map((n) => start - n * 0x2000n));
    }
  });
});
