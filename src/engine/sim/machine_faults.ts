/** Machines whose devices can wait for a page: by a stall, or by a page request (PRI). No recording knows them. Frozen. */
import type { MachineDesc } from "../../hw/machine.ts";
import { changed } from "../presets/changed.ts";
import { PLAIN } from "../presets/plain.ts";

const [first] = PLAIN.smmus;
if (first === undefined) throw new Error("the recorded machine has an SMMU");

/** Of the recorded SMMU: STALL_MODEL 1, terminate only. */
const STALL_MODEL = 0x3 << 24;
const STALL_ONLY = 0x2 << 24;
/** 32 accesses may be held at the same time. */
const STALL_MAX = 32 << 16;
const ATS = 1 << 10;
const PRI = 1 << 16;
/** 256 SubstreamIDs. */
const SSIDSIZE = 8 << 6;

/** Faults hold the access until software answers. */
export const plainStall: MachineDesc = changed(PLAIN, {
  id: "plain-stall",
  title: "Arm virt, an SMMU that stalls",
  quirks: "none" as const,
  smmus: [
    {
      ...first,
      idr0: (first.idr0 & ~STALL_MODEL) | STALL_ONLY,
      idr1: first.idr1 | SSIDSIZE,
      idr5: first.idr5 | STALL_MAX,
    },
  ],
});

const EXTENDED = 0x100;
/** PRI, then PASID with 8 bits. */
const CAPABILITIES: readonly (readonly [number, number])[] = [
  [0x00, 0x11010013],
  [0x04, 0],
  [0x08, 32],
  [0x0c, 0],
  [0x10, 0x0001001b],
  [0x14, 8 << 8],
];

/** The configuration space with PRI and PASID in its extended part. */
function withPages(config: string): string {
  const bytes = config.padEnd(2 * EXTENDED, "0").slice(0, 2 * EXTENDED);
  let out = bytes;
  let at = 0;
  for (const [offset, value] of CAPABILITIES) {
    out += "00".repeat(offset - at);
    for (let i = 0; i < 4; i++) out += ((value >>> (8 * i)) & 0xff).toString(16).padStart(2, "0");
    at = offset + 4;
  }
  return out;
}

/** Devices ask for pages themselves; what they access without is ended. */
export const plainPri: MachineDesc = changed(PLAIN, {
  id: "plain-pri",
  title: "Arm virt, devices with page requests and PASIDs",
  quirks: "none" as const,
  smmus: [{ ...first, idr0: first.idr0 | ATS | PRI, idr1: first.idr1 | SSIDSIZE | (8 << 11) }],
  functions: Object.fromEntries(
    PLAIN.functions
      .filter((f) => f.bdf === "0000:00:03.0" || f.bdf === "0000:01:00.0")
      .map((f) => [f.bdf, { configSize: 4096, config: withPages(f.config) }]),
  ),
});
