/** The inspector's page of a PCI function, an IOMMU or an interrupt controller. */
import { hex } from "../../../hw/base/bits.ts";
import type { BitTable } from "../../../hw/base/fields.ts";
import type { PciFunction } from "../../../hw/pci/function.ts";
import { ACS_CAP, CAP, EXT, MSI_CAP, MSIX_CAP } from "../../../hw/pci/regs.ts";
import { shortBdf } from "../context.ts";
import { bitGrid } from "../grid.ts";
import type { BitGrid, InspectorView } from "../types.ts";
import type { World } from "../../sim/world.ts";
import { machineFunction } from "./functions.ts";
import { machineView } from "./view.ts";

const NAMES: Readonly<Record<number, string>> = Object.freeze({
  [CAP.MSI]: "MSI",
  [CAP.MSIX]: "MSI-X",
});

/** `pci:0000:00:05.0`, `iommu:smmu3...`, `irq:its`; null for anything else, or what is not there now. */
export function inspectMachine(world: World, before: World | null, ref: string): InspectorView | null {
  if (ref.startsWith("pci:")) return inspectFunction(world, before, ref.slice("pci:".length));
  const view = machineView(world, null);
  const iommu = view.iommus.find((i) => i.ref === ref);
  if (iommu !== undefined) {
    const streams = view.functions.filter((f) => f.iommu === iommu.name);
    return page(ref, iommu.kind, iommu.name, [
      ...iommu.facts.map((value) => ({ name: "", value })),
      ...streams.map((f) => ({
        name: `${iommu.kind === "VT-d" ? "source" : "stream"} ${hex(f.streamId)}`,
        value: `${f.alias === "" ? shortBdf(f.bdf) : f.alias} ${f.stream}`,
        ref: iommu.kind === "VT-d" ? f.ref : `ste:${hex(f.streamId)}`,
      })),
    ]);
  }
  const msi = view.msis.find((m) => m.ref === ref);
  if (msi === undefined) return null;
  const users = view.functions.filter((f) => f.vectors.length > 0);
  return page(ref, msi.kind, `at ${hex(msi.base)}`, [
    ...msi.facts.map((value) => ({ name: "", value })),
    ...users.flatMap((f) =>
      f.vectors.map((v) => ({
        name: `interrupt ${v.intid}`,
        value: `${f.alias === "" ? shortBdf(f.bdf) : f.alias} vector ${v.index}`,
        ref: f.ref,
      })),
    ),
  ]);
}

function page(ref: string, title: string, subtitle: string, fields: InspectorView["fields"]): InspectorView {
  return { ref, title, subtitle, fields, grids: [], structs: [] };
}

function inspectFunction(world: World, before: World | null, bdf: string): InspectorView | null {
  const f = world.machine.pci.byBdf.get(bdf);
  if (f === undefined) return null;
  const m = machineFunction(world, f);
  const group = world.kernel.iommu.groups.get(m.group);
  const fields: InspectorView["fields"] = [
    { name: "ids", value: `${m.id} class ${m.class}` },
    { name: "type", value: m.type },
    { name: "driver", value: m.driver === "" ? "none" : m.driver },
    {
      name: "requester IDs",
      value: m.aliases.map((a) => (a.by === bdf ? hex(a.rid) : `${hex(a.rid)} of ${shortBdf(a.by)}`)).join(", "),
    },
  ];
  if (world.machine.unitOf(bdf) !== null)
    fields.push({ name: m.iommu ?? "", value: `source ${hex(m.streamId)} ${m.stream}`, ref: `iommu:${m.iommu}` });
  else if (m.iommu !== null)
    fields.push({ name: "StreamID", value: `${hex(m.streamId)} ${m.stream}`, ref: `ste:${hex(m.streamId)}` });
  if (m.msiDeviceId >= 0) fields.push({ name: "DeviceID", value: hex(m.msiDeviceId) });
  if (group !== undefined) {
    fields.push({ name: "group", value: String(group.id), ref: `group:${group.id}` });
    fields.push({ name: "because", value: group.reasons.get(bdf) ?? "" });
  }
  fields.push({ name: "memory, master", value: `${m.memory ? "on" : "off"}, ${m.busMaster ? "on" : "off"}` });
  if (m.buses !== null) fields.push({ name: "buses below", value: `${m.buses.secondary} to ${m.buses.subordinate}` });
  for (const r of m.ranges) fields.push({ name: r.name, value: `${hex(r.start)}-${hex(r.last)}${r.on ? "" : " off"}` });
  for (const r of m.reserved)
    fields.push({ name: r.label, value: `0x${r.start.toString(16)}-0x${r.last.toString(16)}` });
  if (m.msi !== "") fields.push({ name: "vector 0", value: m.msi });
  const old = before?.machine.pci.byBdf.get(bdf) ?? null;
  return { ...page(`pci:${bdf}`, shortBdf(bdf), m.name, fields), grids: gridsOf(f, old) };
}

function gridsOf(f: PciFunction, old: PciFunction | null): BitGrid[] {
  const grid = (table: BitTable, at: number, title: string): BitGrid[] =>
    at === 0
      ? []
      : [
          bitGrid(table, wordsOf(f, at, table.words), {
            title: `${title} at ${hex(at)}`,
            before: old === null ? null : wordsOf(old, at, table.words),
          }),
        ];
  const { config } = f;
  return [
    ...grid(ACS_CAP, config.findExtended(EXT.ACS), "ACS"),
    ...grid(MSI_CAP, config.find(CAP.MSI), NAMES[CAP.MSI] ?? ""),
    ...grid(MSIX_CAP, config.find(CAP.MSIX), NAMES[CAP.MSIX] ?? ""),
  ];
}

function wordsOf({ config }: PciFunction, at: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => config.read(at + 4 * i, 4));
}
