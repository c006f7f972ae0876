/** One PCI function: its configuration space and what firmware and kernel say of it. */
import { hex } from "../../../hw/base/bits.ts";
import { get, nameOf } from "../../../hw/base/fields.ts";
import type { FunctionDesc, PciFunction } from "../../../hw/pci/function.ts";
import { CAP, EXP_TYPE, EXT, PCI } from "../../../hw/pci/regs.ts";
import { bridgeWindows } from "../../../hw/pci/windows.ts";
import { STE } from "../../../hw/smmuv3/ste.ts";
import type { ResvType } from "../../kernel/iommu/types.ts";
import { ACS, pci_acs_enabled, REQ_ACS_FLAGS } from "../../kernel/pci/acs.ts";
import { pci_dma_aliases } from "../../kernel/pci/search.ts";
import { devRef } from "../../sim/refs.ts";
import type { World } from "../../sim/world.ts";
import { wordsAt } from "../grid.ts";
import { steAddress } from "../inspect/hardware.ts";
import type { IntervalKind } from "../types.ts";
import { translationText, vtdOf } from "../vtd.ts";
import type { AcsBit, MachineFunction, PciRange } from "./types.ts";

const ACS_TITLES: readonly [keyof typeof ACS, string][] = [
  ["SV", "Source Validation"],
  ["TB", "Translation Blocking"],
  ["RR", "P2P Request Redirect"],
  ["CR", "P2P Completion Redirect"],
  ["UF", "Upstream Forwarding"],
  ["EC", "P2P Egress Control"],
  ["DT", "Direct Translated P2P"],
];

const RESV: Readonly<Record<ResvType, IntervalKind>> = Object.freeze({
  direct: "direct",
  "direct-relaxable": "direct-relaxable",
  cautious: "reserved",
  "pci-window": "reserved",
  reserved: "reserved",
  msi: "hw_msi",
  "sw-msi": "sw_msi",
});

/** ACS as the registers have it; null without the capability. */
export function acsBits(f: PciFunction): AcsBit[] | null {
  const at = f.config.findExtended(EXT.ACS);
  if (at === 0) return null;
  const can = f.config.read(at + 4, 2);
  const on = f.config.read(at + 6, 2);
  return ACS_TITLES.map(([name, title]) => ({
    name,
    title,
    can: (can & ACS[name]) !== 0,
    on: (on & ACS[name]) !== 0,
    needed: (REQ_ACS_FLAGS & ACS[name]) !== 0,
  }));
}

export function machineFunction(world: World, f: PciFunction): MachineFunction {
  const { kernel, machine } = world;
  const pdev = kernel.platform?.pci.get(f.bdf) ?? null;
  const dev = pdev?.dev ?? null;
  const group = dev?.iommu_group ?? null;
  const named = [...world.devices.values()].find((d) => d.bdf === f.bdf);
  const { desc, config } = f;
  const sid = hex(desc.streamId);
  const message = f.message(0);
  const reserved = dev === null || dev.iommu_ops === null ? [] : kernel.ops.iommu_get_resv_regions(kernel, dev);
  const bridge = f.isBridge;
  const unit = vtdOf(world, f.bdf);
  return {
    bdf: f.bdf,
    ref: named === undefined ? `pci:${f.bdf}` : devRef(world, f.bdf),
    refs: [
      ...(named === undefined ? [] : [devRef(world, f.bdf)]),
      `pci:${f.bdf}`,
      ...(desc.smmu === null ? [] : [`ste:${sid}`]),
    ],
    alias: named?.name ?? "",
    name: desc.name,
    type: typeOf(f),
    bridge,
    parent: desc.parent,
    depth: depthOf(world, f),
    multifunction: pdev?.multifunction ?? config.multifunction,
    present: true,
    id: [PCI.VENDOR, PCI.DEVICE].map((at) => config.read(at, 2).toString(16).padStart(4, "0")).join(":"),
    class: config
      .read(PCI.CLASS + 2, 2)
      .toString(16)
      .padStart(4, "0"),
    driver: kernel.platform?.vfio.has(f.bdf) === true ? "vfio-pci" : (pdev?.driver ?? ""),
    memory: f.memoryEnabled,
    busMaster: f.busMaster,
    buses: bridge
      ? { secondary: config.read(PCI.SECONDARY_BUS, 1), subordinate: config.read(PCI.SUBORDINATE_BUS, 1) }
      : null,
    acs: acsBits(f),
    isolates: pdev !== null && pci_acs_enabled(pdev, REQ_ACS_FLAGS),
    ranges: rangesOf(f),
    rid: f.rid,
    aliases: (pdev === null ? [] : pci_dma_aliases(pdev)).map((a) => ({ rid: a.rid, by: a.pdev.bdf })),
    requesterId: machine.pci.requesterId(f),
    iommu: unit?.name ?? desc.smmu,
    streamId: unit === null ? desc.streamId : machine.pci.requesterId(f),
    sids: [...desc.sids],
    stream: unit === null ? streamOf(world, desc) : translationText(unit, machine.pci.requesterId(f)),
    msiDeviceId: desc.msiDeviceId,
    vectors: (pdev?.msi?.irqs ?? []).map((d) => ({ index: d.index, intid: d.intid })),
    msi: typeof message === "string" ? message : hex(message.hi * 2 ** 32 + message.lo),
    caps: capsOf(f),
    group: group?.id ?? -1,
    reserved: reserved.map((r) => ({
      start: r.start,
      last: r.start + r.length - 1n,
      kind: RESV[r.type],
      label: r.type,
    })),
    changes: [],
  };
}

/** A card that is in the drawer: only its place and its name are known. */
export function absentFunction(world: World, desc: FunctionDesc): MachineFunction {
  const { parent } = desc;
  const above = parent === null ? null : (world.machine.pci.byBdf.get(parent) ?? null);
  return {
    bdf: desc.bdf,
    ref: `pci:${desc.bdf}`,
    refs: [`pci:${desc.bdf}`],
    alias: [...world.devices.values()].find((d) => d.bdf === desc.bdf)?.name ?? "",
    name: desc.name,
    type: "",
    bridge: false,
    parent,
    depth: above === null ? 0 : depthOf(world, above) + 1,
    multifunction: false,
    present: false,
    id: "",
    class: "",
    driver: "",
    memory: false,
    busMaster: false,
    buses: null,
    acs: null,
    isolates: false,
    ranges: [],
    rid: -1,
    aliases: [],
    requesterId: -1,
    iommu: null,
    streamId: -1,
    sids: [],
    stream: "",
    msiDeviceId: -1,
    vectors: [],
    msi: "",
    caps: [],
    group: -1,
    reserved: [],
    changes: [],
  };
}

function typeOf(f: PciFunction): string {
  const type = f.expType;
  if (type < 0) return f.isBridge ? "conventional bridge" : "conventional";
  return (EXP_TYPE as Readonly<Record<number, string>>)[type] ?? `type ${type}`;
}

function depthOf(world: World, f: PciFunction): number {
  let depth = 0;
  for (let at = world.machine.pci.parentOf(f); at !== null; at = world.machine.pci.parentOf(at)) depth++;
  return depth;
}

function rangesOf(f: PciFunction): PciRange[] {
  const windows = f.isBridge
    ? bridgeWindows(f.config).map((w) => ({ name: "window", start: w.start, last: w.last, on: f.memoryEnabled }))
    : [];
  const bars = f.desc.bars.flatMap((bar): PciRange[] => {
    if (bar.kind === "io" || bar.index === 6) return [];
    const start = f.barAddress(bar.index);
    const last = start + (bar.last - bar.start);
    return [{ name: `BAR${bar.index}`, start, last, on: f.memoryEnabled && start > 0 }];
  });
  return [...windows, ...bars];
}

function streamOf(world: World, desc: FunctionDesc): string {
  const smmu = desc.smmu === null ? null : world.machine.smmu(desc.smmu);
  if (smmu === null) return "";
  const at = steAddress(smmu, desc.streamId);
  if (at === null) return "invalid";
  const words = wordsAt(smmu.mem, at, STE.words);
  return get(STE.f.V, words) === 0 ? "invalid" : nameOf(STE.f.Config, get(STE.f.Config, words));
}

function capsOf({ config, msix }: PciFunction): string[] {
  const caps: string[] = [];
  const msi = config.find(CAP.MSI);
  if (msi !== 0) caps.push((config.read(msi + 2, 2) & 1) !== 0 ? "MSI on" : "MSI");
  const x = config.find(CAP.MSIX);
  if (x !== 0) caps.push(`MSI-X ${msix?.place.entries ?? 0}${(config.read(x + 2, 2) & 0x8000) !== 0 ? " on" : ""}`);
  const ats = config.findExtended(EXT.ATS);
  if (ats !== 0) caps.push((config.read(ats + 6, 2) & 0x8000) !== 0 ? "ATS on" : "ATS");
  const pasid = config.findExtended(EXT.PASID);
  if (pasid !== 0) caps.push((config.read(pasid + 6, 2) & 1) !== 0 ? "PASID on" : "PASID");
  const pri = config.findExtended(EXT.PRI);
  if (pri !== 0) caps.push((config.read(pri + 4, 2) & 1) !== 0 ? "PRI on" : "PRI");
  return caps;
}
