/** The machines that scenarios can run on: presets of recorded machines, and variations of them. */
import { freezeDeep } from "../../hw/base/freeze.ts";
import type { MachineDesc } from "../../hw/machine.ts";
import type { FirmwareRegion } from "../../hw/pci/function.ts";
import { PLAIN } from "../presets/plain.ts";

/** The same machine with a region that firmware reserves for one function (device tree `iommu-addresses`). */
function withRegion(base: MachineDesc, id: string, title: string, bdf: string, region: FirmwareRegion): MachineDesc {
  const functions = base.functions.map((f) =>
    f.bdf === bdf ? Object.assign({}, f, { regions: [...f.regions, region] }) : f,
  );
  return freezeDeep({ ...base, id, title, functions });
}

const presets: readonly MachineDesc[] = Object.freeze([
  PLAIN,
  withRegion(PLAIN, "plain-resv", "Arm virt, 00:03.0 with a reserved region", "0000:00:03.0", {
    kind: "reserved",
    start: 0x40000000,
    last: 0x400fffff,
  }),
]);

/** All of them are frozen. */
export function machines(): readonly MachineDesc[] {
  return presets;
}

export function machineById(id: string): MachineDesc | undefined {
  return presets.find((m) => m.id === id);
}
