import { describe, expect, it } from "vitest";
import { scenario, start } from "../../testing/scenarios.ts";
import { frameOf } from "../frame.ts";
import { inspect } from "../inspect/view.ts";

type Frame = ReturnType<typeof frameOf>;

/** The last step of a kind, or the last of all. */
function after(id: string, kernel: string, op?: string) {
  const s = scenario(id);
  const run = start(s, kernel);
  const at = op === undefined ? s.steps.length : s.steps.findLastIndex((one) => one.op === op) + 1;
  return { run, at, frame: frameOf(run, at) };
}

const said = ({ attachments: { nodes } }: Frame, kind: string) =>
  nodes.filter((n) => n.kind === kind).map((n) => [n.title, ...n.lines.map((l) => l.text)].join(", "));
const edges = ({ attachments }: Frame, kind: string) =>
  attachments.edges.filter((e) => e.kind === kind).map((e) => `${e.from} > ${e.to} ${e.label}`.trim());

describe("a VFIO container in the attachments", () => {
  const { run, at, frame } = after("pci-windows-limit", "pci-windows-acs-only", "VFIO_IOMMU_MAP_DMA");

  it("holds the group and the device, by way of a page table", () => {
    expect(said(frame, "container")).toEqual(["4, type1v2, 1 map, 1 group"]);
    expect(said(frame, "domain")[0]).toMatch(/^domain, S\d \d+-bit$/);
    expect(edges(frame, "linked")).toEqual(["container:4:table > container:4"]);
    const [attached = ""] = edges(frame, "attached");
    expect(attached).toMatch(/^group:\d+ > container:4:table$/);
    expect(said(frame, "group").some((text) => text.endsWith(", container 4"))).toBe(true);
    expect(said(frame, "device").some((text) => text.endsWith(", open"))).toBe(true);
  });

  it("can be walked, and has next steps that its kernel knows", () => {
    expect(frame.walkTargets.map((t) => t.label)).toContain("SW_MSI window, D1");
    const next = frame.next.map((n) => n.text);
    expect(next.some((text) => text.startsWith("IOMMU_MAP_DMA"))).toBe(true);
    expect(next.join()).not.toContain("BIND_IOMMUFD");
  });

  it("opens in the inspector", () => {
    const world = run.world(at);
    expect(inspect(world, null, [], "container:4")?.fields.map((f) => f.name)).toContain("iova_list");
    expect(inspect(world, null, [], "container:4:table")?.subtitle).toBe("unmanaged");
    expect(inspect(world, null, [], "container:9")).toBeNull();
  });
});

describe("the interfaces of 2021 in the attachments", () => {
  it("RFC v2: both devices are attached to one space, its table is in the address space", () => {
    const { run, at, frame } = after("ioasid-q12", "dev-iommu-rfc2-2021-07", "SPACE_ATTACH");
    expect(said(frame, "space")).toHaveLength(1);
    const [space = ""] = frame.attachments.nodes.filter((n) => n.kind === "space").map((n) => n.ref);
    expect(edges(frame, "attached")).toHaveLength(2);
    expect(edges(frame, "attached").every((e) => e.endsWith(`> ${space}:table`))).toBe(true);
    expect(said(frame, "device").every((text) => text.endsWith(", bound"))).toBe(true);
    expect(said(frame, "fd")[0]).toContain("/dev/iommu");
    const tracks = frame.addressSpace.bands.flatMap((b) => b.tracks).filter((t) => t.ref === space);
    expect(tracks.map((t) => [t.id, t.intervals.length])).toEqual([
      [`${space}:mapped`, 1],
      [`${space}:table`, 1],
    ]);
    expect(frame.walkTargets.some((t) => t.label.includes("0x1000, D1"))).toBe(true);
    expect(frame.next.map((n) => n.text).join()).not.toContain("BIND_IOMMUFD");
    expect(inspect(run.world(at), null, [], space)?.fields.filter((f) => f.name === "attached")).toHaveLength(2);
  });

  it("a fault is counted at the file, and the access ends in the space's table", () => {
    const { frame } = after("ioasid-q12", "dev-iommu-rfc2-2021-07", "DMA");
    expect(said(frame, "fd")[0]).toContain("1 fault");
    expect(frame.addressSpace.accesses[0]?.ok).toBe(false);
  });
});

describe("PASIDs", () => {
  it("what a PASID is attached to is an edge with its number", () => {
    const { frame } = after("fault-pasid", "linux-7.2", "VFIO_DEVICE_ATTACH_IOMMUFD_PT");
    expect(edges(frame, "attached").filter((e) => / PASID \d+$/.test(e)).length).toBeGreaterThan(0);
  });
});

describe("an access with a PASID", () => {
  it("says so, and its walk goes through the PASID's context descriptor", () => {
    const { frame } = after("fault-pasid-nested", "linux-7.2", "DMA");
    const own = frame.steps.findLast((s) => s.op === "DMA write");
    expect(own?.args).toBe("D1  W4 0x1000 PASID 4");
    expect(frame.walkTargets[frame.walkDefault]).toMatchObject({ device: "D1", iova: 0x1000n, pasid: 4 });
  });
});
