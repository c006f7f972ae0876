/** Arm virt with GICv2m, unsafe interrupts allowed: written by the importer from a recorded machine; see README.md. */
import type { MachineDesc } from "../../hw/machine.ts";
import { changed } from "./changed.ts";
import { GICV2M } from "./gicv2m.ts";

export const GICV2M_UNSAFE: MachineDesc = changed(GICV2M, {
  id: "gicv2m-unsafe",
  title: "Arm virt with GICv2m, unsafe interrupts allowed",
  firmware: {
    cmdline:
      "console=ttyAMA0 loglevel=4 hugepagesz=1G hugepages=1 hugepagesz=2M hugepages=32 lab_machine=gicv2m lab_todo=bind,canwbs,s:m-msix:m-edu:c-bypass lab_tag=v2 lab_outdir=/out/machines/gicv2m-unsafe lab_doorbell=0x8020040 iommufd.allow_unsafe_interrupts=1",
  },
});
