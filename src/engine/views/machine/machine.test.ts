import { describe, expect, it } from "vitest";
import { CMD_MASTER, CMD_MEMORY, PCI } from "../../../hw/pci/regs.ts";
import { scenario, start } from "../../testing/scenarios.ts";
import { contextAt } from "../frame.ts";
import { inspect } from "../inspect/view.ts";
import { peerView } from "./peer.ts";
import type { MachineView } from "./types.ts";
import { machineView } from "./view.ts";

const main = scenario("sw-msi-nested");
const run = start(main, "linux-7.2");
const at = (step: number): MachineView => {
  const { world, before } = contextAt(run, step);
  return machineView(world, before);
};
const one = (view: MachineView, bdf: string) => {
  const f = view.functions.find((x) => x.bdf === bdf);
  if (f === undefined) throw new Error(bdf);
  return f;
};

describe("the machine", () => {
  const view = at(0);

  it("stands as a tree: what hangs below a bridge follows it", () => {
    const order = view.functions.map((f) => f.bdf.slice(5));
    expect(order.slice(order.indexOf("00:06.0"), order.indexOf("00:07.0") + 4)).toEqual([
      "00:06.0",
      "02:00.0",
      "03:00.0",
      "04:00.0",
      "03:01.0",
      "05:00.0",
      "00:07.0",
      "06:01.0",
      "06:02.0",
      "06:03.0",
    ]);
    expect(one(view, "0000:05:00.0").depth).toBe(3);
  });

  it("keeps the kernel's reason for every member of a group", () => {
    const group = view.groups.find((g) => g.members.some((m) => m.bdf === "0000:06:01.0"));
    expect(group?.members.map((m) => m.bdf)).toContain("0000:00:07.0");
    for (const m of group?.members ?? []) expect(m.reason).not.toBe("");
    for (const f of view.functions)
      expect(view.groups.filter((g) => g.members.some((m) => m.bdf === f.bdf)).map((g) => g.id)).toEqual(
        f.group < 0 ? [] : [f.group],
      );
  });

  it("reads ACS, windows and BARs from configuration space", () => {
    const port = one(view, "0000:00:05.0");
    expect(port.type).toBe("root port");
    expect(port.acs?.filter((b) => b.needed && b.on).map((b) => b.name)).toEqual(["SV", "RR", "CR", "UF"]);
    const disk = one(view, "0000:01:00.0");
    const window = port.ranges.find((r) => r.name === "window" && r.start <= (disk.ranges[0]?.start ?? 0));
    expect(disk.ranges[0]?.last).toBeLessThanOrEqual(window?.last ?? 0);
    expect(one(view, "0000:00:03.0").acs).toBeNull();
  });

  it("knows the aliases behind a conventional bridge", () => {
    const edu = one(view, "0000:06:03.0");
    expect(edu.aliases.map((a) => a.rid)).toEqual([0x618, 0x600]);
    expect(edu.requesterId).toBe(0x600);
    expect(edu.streamId).toBe(0x600);
  });

  it("marks what a step did to the device, and nothing else", () => {
    const irqs = main.steps.findIndex((s) => s.op === "VFIO_DEVICE_SET_IRQS") + 1;
    const changed = at(irqs).functions.filter((f) => f.change !== undefined);
    expect(changed.map((f) => f.alias)).toEqual(["D1"]);
    expect(changed[0]?.changes.join()).toContain("MSI at 0x8000040");
  });
});

describe("peer to peer", () => {
  const { world } = contextAt(run, 0);
  /** Memory decoding on everywhere, as when every device is in use. */
  const busy = run.live(0);
  for (const f of busy.machine.pci.functions) f.config.write(PCI.COMMAND, 2, CMD_MEMORY | CMD_MASTER);
  const way = (from: string, to: string, on = busy) => {
    const answer = peerView(on, `0000:${from}`, `0000:${to}`);
    if (typeof answer === "string") throw new Error(answer);
    return { ...answer, path: answer.path.map((b) => b.replace("0000:", "")) };
  };

  it("on a conventional bus goes straight across", () => {
    expect(way("06:01.0", "06:03.0")).toMatchObject({ end: "direct", path: ["06:01.0", "06:03.0"] });
  });

  it("below a switch without ACS never reaches the IOMMU", () => {
    expect(way("04:00.0", "05:00.0")).toMatchObject({
      end: "direct",
      path: ["04:00.0", "03:00.0", "03:01.0", "05:00.0"],
    });
  });

  it("between root ports with Request Redirect goes up, through the IOMMU", () => {
    const p = way("01:00.0", "05:00.0");
    expect(p).toMatchObject({ end: "redirected", path: ["01:00.0", "00:05.0", "root"] });
    expect(p.why).toContain("Request Redirect");
    expect(p.after).toContain("stream 0x100");
  });

  it("ends where nobody decodes the address", () => {
    const p = way("04:00.0", "05:00.0", world);
    expect(p.end).toBe("blocked");
    expect(p.path.at(-1)).toBe("03:01.0");
    expect(p.why).toContain("memory decoding of 0000:05:00.0 is off");
  });

  it("is refused in words where there is nothing to reach", () => {
    expect(peerView(world, "0000:00:03.0", "0000:00:03.0")).toContain("itself");
    expect(peerView(world, "0000:00:03.0", "0000:7f:00.0")).toContain("no 0000:7f:00.0");
  });
});

it("every function, IOMMU and controller can be inspected", () => {
  const { world, before } = contextAt(run, 3);
  const view = at(3);
  for (const ref of [
    ...view.functions.flatMap((f) => f.refs),
    ...view.iommus.map((i) => i.ref),
    ...view.msis.map((m) => m.ref),
  ])
    expect(inspect(world, before, [], ref), ref).not.toBeNull();
  expect(inspect(world, before, [], "pci:0000:00:05.0")?.grids[0]?.title).toMatch(/^ACS at/);
});
