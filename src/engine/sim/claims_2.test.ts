/**
 * The claims of the discussion on host bridge windows (2018), each as a test of its own: what was said, played.
 */
import { describe, expect, it } from "vitest";
import { parsed, scenario, start } from "../testing/scenarios.ts";
import { seenText } from "./run.ts";

const GENERIC = "pci-windows-generic";
const LIST = "pci-windows-iova-list";
const RELAXABLE = "pci-windows-relaxable";
const ACS_ONLY = "pci-windows-acs-only";
const DMA_ONLY = "pci-windows-dma-only";
const DMA_ONLY_54 = "pci-windows-dma-only-5.4";
const CAUTIOUS = "pci-windows-cautious";
const FIRMWARE = "pci-windows-firmware";
const TAGGED = "pci-windows-tagged";
const PRECISE = "pci-windows-precise";
const MSI_BASE = "pci-windows-msi-base";
const USER_MSI = "pci-windows-user-msi";
const ALL = [
  GENERIC,
  LIST,
  RELAXABLE,
  ACS_ONLY,
  DMA_ONLY,
  DMA_ONLY_54,
  CAUTIOUS,
  FIRMWARE,
  TAGGED,
  PRECISE,
  MSI_BASE,
  USER_MSI,
];

/** A container with one group, what sysfs and the list say, then one map and one access at 0x40700000 or elsewhere. */
function probe(
  machine: string,
  kernel: string,
  iova = 0x40600000n,
): Record<"kinds" | "ranges" | "map" | "peer", string> {
  const text = [
    "title: probe",
    `machine: ${machine}`,
    `kernels: ${kernel}`,
    "device: D1 0000:04:00.0",
    "device: D2 0000:05:00.0",
    "memory: RAM len=2M pages=huge",
    "",
    "admin RESERVED_REGIONS D1",
    "vmm C = OPEN_CONTAINER",
    "vmm G = OPEN_GROUP D1",
    "vmm VFIO_GROUP_SET_CONTAINER group=G container=C",
    "vmm VFIO_SET_IOMMU container=C",
    "vmm VFIO_IOMMU_GET_INFO container=C",
    `vmm VFIO_IOMMU_MAP_DMA container=C iova=0x${iova.toString(16)} len=2M va=RAM`,
    "vmm VFIO_GROUP_GET_DEVICE_FD group=G D1",
    "device D1 DMA write iova=0x40700000",
    "",
  ].join("\n");
  const { results } = start(parsed(text), kernel);
  const seen = (step: number, key: string): string => seenText(results[step]?.seen[key]);
  return { kinds: seen(0, "kinds"), ranges: seen(5, "ranges"), map: seen(6, "errno"), peer: seen(8, "peer") };
}

/** What a scenario's steps with this operation saw under a key, in order. */
function told(id: string, kernel: string, op: string, key: string): string[] {
  const s = scenario(id);
  const { results } = start(s, kernel);
  return s.steps.flatMap((step, i) => (step.op === op ? [seenText(results[i]?.seen[key])] : []));
}

const maps = (machine: string, iova?: bigint): Record<string, string> =>
  Object.fromEntries(ALL.map((kernel) => [kernel, probe(machine, kernel, iova).map]));

describe("windows reserved for all break hardware with ACS", () => {
  it("behind ACS the list with windows refuses what the device could do, and every other proposal lets it", () => {
    const refused = Object.entries(maps("windows-acs")).filter(([, errno]) => errno !== "ok");
    expect(refused).toEqual([
      [LIST, "EINVAL"],
      [RELAXABLE, "EINVAL"],
    ]);
    for (const kernel of [GENERIC, DMA_ONLY_54]) expect(probe("windows-acs", kernel).peer).toBe("none");
  });

  it("the list without the windows keeps what it is for: the MSI window", () => {
    const answers = maps("windows-acs", 0x8000000n);
    expect([GENERIC, DMA_ONLY, USER_MSI].map((k) => answers[k])).toEqual(["ok", "ok", "ok"]);
    expect([LIST, ACS_ONLY, DMA_ONLY_54, CAUTIOUS, PRECISE].map((k) => answers[k])).toEqual(Array(5).fill("EINVAL"));
  });
});

describe("the ACS-only rule", () => {
  it("refuses the map behind a switch without ACS, and only there", () => {
    expect(probe("windows-acs", ACS_ONLY)).toMatchObject({ map: "ok", kinds: "msi", peer: "none" });
    expect(probe("windows-noacs", ACS_ONLY)).toMatchObject({ map: "EINVAL", kinds: "msi.reserved.reserved" });
  });

  it("is right to: whoever accepts that address there loses the write to the neighbour", () => {
    for (const kernel of [GENERIC, DMA_ONLY_54, CAUTIOUS, TAGGED])
      expect(probe("windows-noacs", kernel)).toMatchObject({ map: "ok", peer: "D2" });
  });

  it("refuses too much: the rest of the window works, as the precise list knows", () => {
    const far = 0x50000000n;
    expect(probe("windows-noacs", ACS_ONLY, far).map).toBe("EINVAL");
    expect(probe("windows-noacs", PRECISE, far).map).toBe("ok");
    expect(probe("windows-noacs", PRECISE).map).toBe("EINVAL");
  });
});

describe("hotplug and BAR reprogramming make a list stale", () => {
  it("a card in a free slot does not change any list", () => {
    for (const kernel of [LIST, ACS_ONLY, DMA_ONLY_54, PRECISE]) {
      const [before, after] = told("pci-windows-hotplug", kernel, "VFIO_IOMMU_GET_INFO", "ranges");
      expect(after).toBe(before);
    }
    expect(told("pci-windows-hotplug", PRECISE, "DMA", "peer")).toEqual(["D2"]);
  });

  it("a BAR that moves turns a good mapping into a write to a neighbour and back", () => {
    for (const kernel of [DMA_ONLY_54, PRECISE])
      expect(told("pci-windows-bar-move", kernel, "DMA", "peer")).toEqual(["none", "D2", "none", "none"]);
    expect(told("pci-windows-bar-move", PRECISE, "DMA", "event")).toEqual(["none", "none", "silent", "none"]);
  });

  it("so does ACS that is switched off: neither list nor groups follow", () => {
    expect(told("pci-windows-acs-off", ACS_ONLY, "DMA", "peer")).toEqual(["none", "D2"]);
    expect(told("pci-windows-acs-off", ACS_ONLY, "IOMMU_GROUP", "members")).toEqual(["1"]);
  });
});

describe("the hidden type that VFIO ignores", () => {
  it("cannot be told from no windows at all by a user", () => {
    for (const machine of ["windows-acs", "windows-noacs"])
      expect(probe(machine, CAUTIOUS)).toEqual(probe(machine, DMA_ONLY_54));
  });

  it("differs from the tagged one in sysfs alone", () => {
    const hidden = probe("windows-acs", CAUTIOUS);
    const tagged = probe("windows-acs", TAGGED);
    expect(tagged.kinds).toBe("msi.pci_window.pci_window");
    expect({ ...tagged, kinds: hidden.kinds }).toEqual(hidden);
  });

  it("is obeyed by the DMA API, as the windows are on every kernel", () => {
    for (const kernel of [GENERIC, DMA_ONLY, CAUTIOUS, TAGGED, "linux-7.2"]) {
      const { kernel: k } = start(scenario("pci-windows-vm-acs"), kernel).world(0);
      const dev = k.platform?.pci.get("0000:04:00.0")?.dev;
      const kept = dev === undefined ? [] : k.ops.iova_reserve_iommu_regions(k, dev);
      expect(kept).toContainEqual({ start: 0x40000000n, last: 0x7fffffffn });
    }
  });
});

describe("groups drawn wrongly against aliasing inside a group", () => {
  it("two groups below a switch without ACS harm each other on every release", () => {
    for (const kernel of ["linux-6.12", "linux-7.2"]) {
      expect(told("alias-egress-groups", kernel, "VFIO_DEVICE_BIND_IOMMUFD", "errno")).toEqual(["ok", "ok"]);
      expect(told("alias-egress-groups", kernel, "DMA", "peer")).toEqual(["D2"]);
    }
  });

  it("drawn by who can reach in, they are one group with one owner", () => {
    const kernel = "pci-egress-groups-2025";
    expect(told("alias-egress-groups", kernel, "VFIO_DEVICE_BIND_IOMMUFD", "errno")).toEqual(["ok", "EPERM"]);
    expect(told("alias-egress-groups", kernel, "IOMMU_GROUP", "members")).toEqual(["4"]);
  });

  it("inside a group the same aliasing hits the user's own device", () => {
    expect(told("alias-multifunction", "linux-7.2", "VFIO_DEVICE_BIND_IOMMUFD", "errno")).toEqual([
      "ok",
      "EPERM",
      "ok",
    ]);
    expect(told("alias-multifunction", "linux-7.2", "DMA", "peer")).toEqual(["D2", "none"]);
  });
});

describe("the regions that are real", () => {
  it("without the relaxable type the list would have broken assignment of USB controllers", () => {
    const map = (kernel: string) => told("pci-windows-rmrr", kernel, "VFIO_IOMMU_MAP_DMA", "errno");
    expect([GENERIC, LIST, RELAXABLE, DMA_ONLY_54].map((k) => map(k)[0])).toEqual(["ok", "EINVAL", "ok", "ok"]);
  });

  it("a root complex that keeps its window is known by firmware alone: ACS tells nothing", () => {
    const map = (kernel: string) => told("pci-windows-limit", kernel, "VFIO_IOMMU_MAP_DMA", "errno")[0];
    expect([ACS_ONLY, PRECISE, FIRMWARE].map(map)).toEqual(["ok", "ok", "EINVAL"]);
    expect(told("pci-windows-limit", PRECISE, "DMA", "event")).toEqual(["silent"]);
    expect(maps("windows-acs")[FIRMWARE]).toBe("ok");
  });

  it("doorbells go where the boot parameter, or the user, says", () => {
    expect(told("pci-windows-msi-base", MSI_BASE, "VFIO_DEVICE_SET_IRQS", "msi")).toEqual(["0xa0000040"]);
    expect(told("pci-windows-user-msi", USER_MSI, "VFIO_DEVICE_SET_IRQS", "msi")).toEqual(["0x70000040", "0x8090040"]);
    expect(told("pci-windows-user-msi", USER_MSI, "MSI", "delivered")).toEqual(["1", "0"]);
  });
});
