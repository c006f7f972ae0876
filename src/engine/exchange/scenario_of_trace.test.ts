import { describe, expect, it } from "vitest";
import { fixture } from "../testing/fixtures.ts";
import { kernels, parsed, scenario, start } from "../testing/scenarios.ts";
import { printScenario } from "../sim/scenario/print.ts";
import type { Scenario } from "../sim/scenario/types.ts";
import { BadInput } from "./parse.ts";
import { scenarioOfTrace } from "./scenario_of_trace.ts";

const NODES: Readonly<Record<string, string>> = Object.freeze({
  "vfio/devices/vfio0": "0000:00:01.0",
  "vfio/devices/vfio1": "0000:00:02.0",
  "vfio/1 device": "0000:00:01.0",
});

function imported(text: string, kernel = "linux-7.2"): { scenario: Scenario; left: ReadonlyMap<string, number> } {
  return scenarioOfTrace(text.split("\n"), {
    title: "a recording",
    source: "a test",
    machine: "plain",
    kernel,
    bdfOf: (fd) => NODES[fd],
  });
}

describe("a VMM's recording as a scenario", () => {
  it.each([
    ["arm-plain-S", "vmm-qemu-start", "linux-7.2"],
    ["arm-legacy-S", "vmm-qemu-legacy-container", "vfio-type1-container"],
    ["arm-kvm-accel", "vmm-qemu-accelerated", "linux-7.2"],
  ])("%s is %s, call for call, and every recorded answer holds", (trace, id, kernel) => {
    const made = imported(fixture(`traces/vmm/${trace}.jsonl`), kernel).scenario;
    const bare = (s: Scenario) =>
      s.steps.map(({ op, actor, label, args, checks }) => ({ op, actor, label, args, checks }));
    expect(bare(scenario(id))).toEqual(bare(made));
    const checks = start(made, kernel).checks();
    expect(checks.length).toBeGreaterThan(6);
    expect(checks.filter((c) => !c.holds)).toEqual([]);
  });

  it("plays everything that it did not leave out", () => {
    const text = fixture("traces/vmm/arm-kvm-accel.jsonl");
    const { scenario: made, left } = imported(text);
    const skipped = [...left.values()].reduce((a, b) => a + b, 0);
    expect(made.steps.length + skipped).toBe(text.split("\n").filter((l) => l !== "").length);
    expect([...left.keys()].every((name) => name.startsWith("VFIO_DEVICE_"))).toBe(true);
  });

  it("is text that reads back as the same scenario", () => {
    const { scenario: made } = imported(fixture("traces/vmm/arm-kvm-plain.jsonl"));
    expect(parsed(printScenario(made))).toEqual(made);
  });
});

describe("a test program's recording as a scenario", () => {
  it.each(["b", "c-bypass", "d", "p2p", "m-edu", "m-msix", "bad-s1"])("%s: the recorded answers hold", (trace) => {
    const { scenario: made } = imported(fixture(`traces/arm/${trace}.jsonl`));
    const checks = start(made, "linux-7.2").checks();
    expect(checks.length).toBeGreaterThan(7);
    expect(checks.filter((c) => !c.holds)).toEqual([]);
  });
});

describe("what is refused", () => {
  const line = (fd: string, nr: string, bytes: string): string =>
    JSON.stringify({ seq: 0, t: "ioctl", fd, fdnum: 3, nr, in: bytes, out: bytes, ret: 0, errno: 0 });
  it("a device that the machine does not have", () => {
    const bind = line("vfio/devices/vfio9", "0x3b76", "180000000000000003000000000000000000000000000000");
    expect(() => imported(bind)).toThrow(new BadInput("a recording: machine plain has no vfio/devices/vfio9"));
  });
  it("a recording of nothing that a scenario could say", () => {
    const info = line("vfio/devices/vfio0", "0x3b6b", "180000000000000000000000000000000000000000000000");
    expect(() => imported(info)).toThrow("a recording: no call that a scenario could make");
  });
  it("calls whose struct no step makes are counted, not changed", () => {
    const alloc = line("iommu", "0x3b81", "0c0000000000000000000000");
    const odd = line("iommu", "0x3b82", "1000000001000000000000000100000000000000000000");
    const { left } = imported([alloc, odd].join("\n"));
    expect([...left]).toEqual([["IOMMU_IOAS_ALLOW_IOVAS", 1]]);
    expect(kernels.has("linux-7.2")).toBe(true);
  });
});
