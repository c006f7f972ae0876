/** The machines that scenarios can run on: presets of recorded machines, and variations of them. */
import { freezeDeep } from "../../hw/base/freeze.ts";
import type { MachineDesc } from "../../hw/machine.ts";
import type { FirmwareRegion } from "../../hw/pci/function.ts";
import { ACPI } from "../presets/acpi.ts";
import { ACPI_RMR } from "../presets/acpi_rmr.ts";
import { GICV2M } from "../presets/gicv2m.ts";
import { GICV2M_UNSAFE } from "../presets/gicv2m_unsafe.ts";
import { MFRP } from "../presets/mfrp.ts";
import { NOACS } from "../presets/noacs.ts";
import { NOMSI } from "../presets/nomsi.ts";
import { PLAIN } from "../presets/plain.ts";
import { RMR } from "../presets/rmr.ts";
import { STAGE1 } from "../presets/stage1.ts";

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
  ACPI,
  ACPI_RMR,
  GICV2M,
  GICV2M_UNSAFE,
  MFRP,
  NOACS,
  NOMSI,
  RMR,
  STAGE1,
  freezeDeep({
    ...PLAIN,
    id: "plain-p2p",
    title: "Arm virt, requests routed peer to peer as hardware does",
    quirks: "none" as const,
  }),
]);

/** All of them are frozen. */
export function machines(): readonly MachineDesc[] {
  return presets;
}

export function machineById(id: string): MachineDesc | undefined {
  return presets.find((m) => m.id === id);
}
