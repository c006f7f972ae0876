import { describe, expect, it } from "vitest";
import { scenario, start } from "../../testing/scenarios.ts";
import { frameOf } from "../frame.ts";

function guestTrack(id: string, kernel: string, step: number) {
  const tracks = frameOf(start(scenario(id), kernel), step).addressSpace.bands.flatMap((b) => b.tracks);
  return tracks.find((t) => t.id === "guest:memory");
}

const said = (track: ReturnType<typeof guestTrack>) =>
  (track?.intervals ?? []).map((i) => [i.label, i.start, i.change ?? ""]);

describe("the guest's memory", () => {
  it("stands where the VMM put it, and moves with what the VMM lays out", () => {
    expect(said(guestTrack("vmm-layout", "linux-7.2", 1))).toEqual([
      ["LOW 64K", 0n, ""],
      ["RAM 2M", 0x40000000n, ""],
      ["HIGH 4M", 0x100000000n, ""],
    ]);
    const moved = said(guestTrack("vmm-layout", "linux-7.2", 9));
    expect(moved).toContainEqual(["RAM 2M", 0x40000000n, "removed"]);
    expect(moved).toContainEqual(["LOW 64K", 0x8100000n, "added"]);
  });

  it("has the window that the guest maps one to one, from the bits of its tables", () => {
    expect(said(guestTrack("sw-msi-nested", "linux-7.2", 11)).map(([label]) => label)).not.toContain("RMR 1M");
    expect(said(guestTrack("sw-msi-nested", "linux-7.2", 12))).toContainEqual(["RMR 1M", 0x8000000n, "added"]);
  });

  it("is not there without a guest", () => {
    expect(guestTrack("resv-relaxable", "linux-7.2", 5)).toBeUndefined();
  });
});
