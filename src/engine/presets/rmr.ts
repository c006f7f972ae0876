/** Arm virt with reserved memory of devices: written by the importer from a recorded machine; see README.md. */
import type { MachineDesc } from "../../hw/machine.ts";
import { changed } from "./changed.ts";
import { PLAIN } from "./plain.ts";

export const RMR: MachineDesc = changed(PLAIN, {
  id: "rmr",
  title: "Arm virt with reserved memory of devices",
  ram: [
    { start: 0x40000000, last: 0x7effffff },
    { start: 0x7f010000, last: 0xffffffff },
  ],
  mmio: [
    { name: "flash", start: 0, last: 0x3ffffff },
    { name: "flash", start: 0x4000000, last: 0x7ffffff },
    { name: "GICD", start: 0x8000000, last: 0x800ffff },
    { name: "GICR", start: 0x80a0000, last: 0x8ffffff },
    { name: "pl011@9000000", start: 0x9000000, last: 0x9000fff },
    { name: "pl031@9010000", start: 0x9010000, last: 0x9010fff },
    { name: "pl061@9030000", start: 0x9030000, last: 0x9030fff },
    { name: "9050000.smmuv3", start: 0x9050000, last: 0x9050dff },
    { name: "9050000.smmuv3", start: 0x9060000, last: 0x9060dff },
    { name: "reserved", start: 0x7f000000, last: 0x7f00ffff },
  ],
  firmware: {
    cmdline:
      "console=ttyAMA0 loglevel=4 hugepagesz=1G hugepages=1 hugepagesz=2M hugepages=32 lab_machine=rmr lab_todo=dump,bind,canwbs,s:resv lab_tag=v1 lab_outdir=/out/machines/rmr",
  },
  functions: {
    "0000:00:01.0": {
      regions: [{ kind: "direct", start: 0x7f000000, last: 0x7f00ffff }],
    },
    "0000:00:02.0": {
      regions: [
        { kind: "reserved", start: 0x10000000, last: 0x10ffffff },
        { kind: "reserved", start: 0x20000000, last: 0x20001fff },
      ],
    },
    "0000:00:03.0": {
      regions: [
        { kind: "reserved", start: 0x8080000, last: 0x8181fff },
        { kind: "reserved", start: 0x100000000, last: 0x10000ffff },
      ],
    },
  },
});
