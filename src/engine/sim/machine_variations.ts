/** Recorded machines with one thing changed. Frozen. */
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

export const plainResv: MachineDesc = withRegion(
  PLAIN,
  "plain-resv",
  "Arm virt, 00:03.0 with a reserved region",
  "0000:00:03.0",
  { kind: "reserved", start: 0x40000000, last: 0x400fffff },
);

export const plainP2p: MachineDesc = freezeDeep({
  ...PLAIN,
  id: "plain-p2p",
  title: "Arm virt, requests routed peer to peer as hardware does",
  quirks: "none" as const,
});
