/** The whole machine after a step, with what the step changed. */
import { hex } from "../../../hw/base/bits.ts";
import { GITS } from "../../../hw/irq/its.ts";
import type { FunctionDesc } from "../../../hw/pci/function.ts";
import type { SmmuDesc } from "../../../hw/smmuv3/smmu.ts";
import type { World } from "../../sim/world.ts";
import type { VtdUnit } from "../../../hw/vtd/unit.ts";
import { isScalable, vtdUnits } from "../vtd.ts";
import { absentFunction, machineFunction } from "./functions.ts";
import type { MachineFunction, MachineGroup, MachineIommu, MachineMsi, MachineView } from "./types.ts";

/** Where x86 processors take interrupt messages. */
const INTERRUPT_RANGE = 0xfee0_0000;
/** Offset of MSI_SETSPI_NS in a GICv2m frame. */
const SETSPI = 0x40;
/** IDR5.OAS. */
const OUTPUT_BITS: readonly number[] = Object.freeze([32, 36, 40, 42, 44, 48, 52]);

/** `before`: the world before the step, null before the first. */
export function machineView(world: World, before: World | null): MachineView {
  const { machine } = world;
  const { desc } = machine;
  const functions = inTree(allFunctions(world));
  if (before !== null) {
    const old = new Map(allFunctions(before).map((f) => [f.bdf, f]));
    for (const f of functions) mark(f, old.get(f.bdf), before, world);
  }
  return {
    title: desc.title,
    functions,
    groups: groupsOf(world),
    iommus: [
      ...desc.smmus.map((d) => iommuOf(d, machine.smmu(d.name)?.twoLevel === true)),
      ...vtdUnits(world).map(unitOf),
    ],
    msis: msisOf(world),
    windows: desc.windows.flatMap((w) =>
      w.kind === "io" ? [] : [{ name: `PCIe ${w.kind} window`, start: w.start, last: w.last }],
    ),
    notes: machine.quirks.noPeerToPeer
      ? [
          "QEMU sends every request of a device up to the IOMMU: what is drawn between peers is what these bits mean on hardware.",
        ]
      : [],
  };
}

/** What is plugged in, what lies in the drawer, and what the machine was built with and has been pulled. */
function allFunctions(world: World): MachineFunction[] {
  const { machine } = world;
  const here = machine.pci.functions.map((f) => machineFunction(world, f));
  const known = new Set(here.map((f) => f.bdf));
  const others: FunctionDesc[] = [];
  for (const d of [...machine.desc.functions, ...(machine.desc.spares ?? [])]) {
    if (known.has(d.bdf)) continue;
    known.add(d.bdf);
    others.push(d);
  }
  return [...here, ...others.map((d) => absentFunction(world, d))];
}

/** Parents first, siblings by address: the order depends on nothing else, so a card keeps its place. */
function inTree(functions: readonly MachineFunction[]): MachineFunction[] {
  const below = (parent: string | null): MachineFunction[] =>
    functions
      .filter((f) => f.parent === parent)
      .toSorted((a, b) => (a.bdf < b.bdf ? -1 : 1))
      .flatMap((f) => [f, ...below(f.bdf)]);
  return below(null);
}

function mark(f: MachineFunction, old: MachineFunction | undefined, before: World, world: World): void {
  if (old === undefined || old.present !== f.present) {
    f.change = f.present ? "added" : "removed";
    f.changes.push(f.present ? "plugged in" : "pulled");
    return;
  }
  const say = (changed: boolean, text: string): void => {
    if (changed) f.changes.push(text);
  };
  say(old.driver !== f.driver, `driver ${f.driver === "" ? "gone" : f.driver}`);
  say(old.busMaster !== f.busMaster, `bus master ${f.busMaster ? "on" : "off"}`);
  say(old.memory !== f.memory, `memory ${f.memory ? "on" : "off"}`);
  say(JSON.stringify(old.acs) !== JSON.stringify(f.acs), "ACS control");
  say(JSON.stringify(old.ranges) !== JSON.stringify(f.ranges) && old.memory === f.memory, "BARs or windows");
  say(old.stream !== f.stream, `stream ${old.stream} to ${f.stream}`);
  say(old.msi !== f.msi, `MSI ${f.msi.startsWith("0x") ? `at ${f.msi}` : f.msi}`);
  say(old.caps.join() !== f.caps.join(), f.caps.filter((c) => !old.caps.includes(c)).join(", "));
  say(old.group !== f.group, `group ${f.group}`);
  const domain = (w: World): string => w.kernel.iommu.groups.get(f.group)?.domain?.type ?? "none";
  say(old.group === f.group && domain(before) !== domain(world), `domain ${domain(before)} to ${domain(world)}`);
  f.changes = f.changes.filter((c) => c !== "");
  if (f.changes.length > 0) f.change = "changed";
}

function groupsOf(world: World): MachineGroup[] {
  return [...world.kernel.iommu.groups.values()]
    .toSorted((a, b) => a.id - b.id)
    .map((g) => ({
      id: g.id,
      ref: `group:${g.id}`,
      members: g.devices.map((d) => ({ bdf: d.name, reason: g.reasons.get(d.name) ?? "" })),
      domain: g.domain?.type ?? "none",
      owned: g.owner !== null,
    }));
}

function iommuOf(desc: SmmuDesc, twoLevel: boolean): MachineIommu {
  const stages = [(desc.idr0 & 2) !== 0 ? "S1" : "", (desc.idr0 & 1) !== 0 ? "S2" : ""].filter((s) => s !== "");
  return {
    ref: `iommu:${desc.name}`,
    name: desc.name,
    kind: "SMMUv3",
    base: desc.base,
    facts: [
      stages.join(" and "),
      `${OUTPUT_BITS[desc.idr5 & 7] ?? "?"} bits out`,
      twoLevel ? "two-level stream table" : "linear stream table",
      `at ${hex(desc.base)}`,
    ],
  };
}

function unitOf(unit: VtdUnit): MachineIommu {
  const { caps } = unit;
  const stages = [caps.firstStage ? "first stage" : "", caps.secondStage ? "second stage" : ""].filter((s) => s !== "");
  return {
    ref: `iommu:${unit.name}`,
    name: unit.name,
    kind: "VT-d",
    base: unit.base,
    facts: [
      isScalable(unit) ? "scalable mode" : "legacy mode",
      stages.join(" and "),
      unit.remapping ? "remaps interrupts" : "remaps no interrupts",
      `at ${hex(unit.base)}`,
    ],
  };
}

function msisOf({ machine, kernel }: World): MachineMsi[] {
  const out: MachineMsi[] = [];
  const { its, v2m } = machine;
  if (its !== null) {
    const devices = kernel.platform?.irq.its?.devices.size ?? 0;
    const doorbell = its.desc.base + GITS.TRANSLATER;
    out.push({
      ref: "irq:its",
      kind: "ITS",
      base: its.desc.base,
      doorbell,
      facts: [`${devices} device tables`, `doorbell ${hex(doorbell)}`],
    });
  }
  if (v2m !== null) {
    const { base, spiBase, spiCount } = v2m.desc;
    out.push({
      ref: "irq:v2m",
      kind: "GICv2m",
      base,
      doorbell: base + SETSPI,
      facts: [`SPIs ${spiBase} to ${spiBase + spiCount - 1}`, `doorbell ${hex(base + SETSPI)}`],
    });
  }
  if (machine.interruptRange)
    out.push({
      ref: "irq:x86",
      kind: "local APIC",
      base: INTERRUPT_RANGE,
      doorbell: INTERRUPT_RANGE,
      facts: [`messages to ${hex(INTERRUPT_RANGE)}-${hex(INTERRUPT_RANGE + 0xfffff)}`, "never translated"],
    });
  return out;
}
