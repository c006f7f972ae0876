/** Machines that no recording knows, for probes: a recorded one with a device or an IOMMU that behaves in another way. Frozen. */
import { freezeDeep } from "../../hw/base/freeze.ts";
import type { MachineDesc } from "../../hw/machine.ts";
import { ACPI } from "../presets/acpi.ts";
import { changed } from "../presets/changed.ts";
import { PLAIN } from "../presets/plain.ts";

const [first] = PLAIN.smmus;
if (first === undefined) throw new Error("the recorded machine has an SMMU");

/** A device with a doorbell window of its own, which no driver reports today. */
export const plainWindow: MachineDesc = changed(PLAIN, {
  id: "plain-window",
  title: "Arm virt, 01:00.0 with a doorbell window of its own",
  functions: { "0000:01:00.0": { regions: [{ kind: "sw-msi", start: 0x9000000, last: 0x90fffff }] } },
});

/** HIP06 and HIP07: messages to the ITS pass by the SMMU, and IORT has the kernel report the ITS page as such. */
export const hip07: MachineDesc = changed(ACPI, {
  id: "hip07",
  title: "Arm virt whose SMMU is of the HIP07 kind",
  smmus: [{ ...first, model: "hi161x" }],
});

/** An SMMU for 01:00.0 alone: its domains cannot hold devices of the other one. */
export const plainTwoSmmus: MachineDesc = changed(PLAIN, {
  id: "plain-two-smmus",
  title: "Arm virt, 01:00.0 behind a second SMMU",
  smmus: [
    first,
    {
      ...first,
      name: "smmu3.0x0000000009070000",
      base: 0x9070000,
      irq: { evtq: 110, priq: 111, cmdqSync: 112, gerror: 113 },
    },
  ],
  functions: { "0000:01:00.0": { smmu: "smmu3.0x0000000009070000" } },
});

/** IDR0.HTTU = 2: the SMMU keeps access and dirty flags. */
export const plainHttu: MachineDesc = freezeDeep({
  ...PLAIN,
  id: "plain-httu",
  title: "Arm virt, an SMMU that keeps dirty flags",
  quirks: "none" as const,
  smmus: [{ ...first, idr0: first.idr0 + 0x80 }],
});

/** 00:03.0 has memory that firmware wants mapped until a driver takes over (IORT RMR, remapping permitted). */
export const acpiRelaxable: MachineDesc = changed(ACPI, {
  id: "acpi-relaxable",
  title: "Arm virt, ACPI, 00:03.0 with a relaxable region",
  ...(ACPI.firmware === undefined
    ? {}
    : {
        firmware: {
          ...ACPI.firmware,
          preserveConfig: true,
          rmrs: [
            {
              smmu: first.name,
              firstSid: 0x18,
              lastSid: 0x18,
              start: 0x61000000,
              last: 0x6101ffff,
              relaxable: true,
              privileged: false,
              memory: "none" as const,
            },
          ],
        },
      }),
});
