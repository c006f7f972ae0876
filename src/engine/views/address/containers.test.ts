import { describe, expect, it } from "vitest";
import { library, scenario, start } from "../../testing/scenarios.ts";
import { frameOf } from "../frame.ts";
import type { Track } from "../types.ts";

/** The frame after the last step with this operation. */
function after(id: string, kernel: string, op: string): ReturnType<typeof frameOf> {
  const s = scenario(id);
  return frameOf(start(s, kernel), s.steps.findLastIndex((step) => step.op === op) + 1);
}

function tracks(frame: ReturnType<typeof frameOf>): Track[] {
  return frame.addressSpace.bands.flatMap((b) => b.tracks).filter((t) => t.ref.startsWith("container:"));
}

describe("a container in the address space", () => {
  it("has what is mapped, the valid IOVAs and its table", () => {
    const frame = after("pci-windows-vm-acs", "pci-windows-dma-only-5.4", "DMA");
    expect(tracks(frame).map((t) => [t.id.replace(/\d+/, "N"), t.intervals.length])).toEqual([
      ["container:N:mapped", 1],
      ["container:N:ranges", 2],
      ["container:N:table", 1],
    ]);
    const [access] = frame.addressSpace.accesses;
    expect(access?.path.map((p) => p.band)).toEqual(["giova", "ipa", "pa"]);
  });

  it("has no list where the kernel keeps none", () => {
    const frame = after("pci-windows-vm-acs", "pci-windows-generic", "VFIO_GROUP_GET_DEVICE_FD");
    expect(tracks(frame).map((t) => t.id.replace(/.*:/, ""))).toEqual(["mapped", "table"]);
  });

  it("shows what was asked and refused", () => {
    const s = scenario("pci-windows-vm-acs");
    const at = s.steps.findIndex((step) => step.op === "VFIO_IOMMU_MAP_DMA") + 1;
    const asked = (kernel: string) => frameOf(start(s, kernel), at).addressSpace.asked[0];
    expect(asked("pci-windows-iova-list")).toMatchObject({ start: 0x40000000n, ok: false, label: "2M refused" });
    expect(asked("pci-windows-cautious")).toMatchObject({ start: 0x40000000n, ok: true });
  });
});

describe("the scenarios on the PCI bus", () => {
  it.each(library.filter((s) => /^(pci-windows|alias)-/.test(s.id)))("$id can be drawn after every step", ({ id }) => {
    const s = scenario(id);
    for (const kernel of [s.kernels[0], s.kernels.at(-1)]) {
      const run = start(s, kernel ?? "");
      for (let step = 0; step <= s.steps.length; step++) {
        expect(
          frameOf(run, step)
            .steps.map((one) => one.spoken)
            .every((text) => text !== ""),
        ).toBe(true);
      }
    }
  });
});
