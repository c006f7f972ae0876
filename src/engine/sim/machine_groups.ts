/** A machine for questions about groups: of two functions in one group, one has a region of its own. Frozen. */
import type { MachineDesc } from "../../hw/machine.ts";
import { changed } from "../presets/changed.ts";
import { PLAIN } from "../presets/plain.ts";

export const plainGroupResv: MachineDesc = changed(PLAIN, {
  id: "plain-group-resv",
  title: "Arm virt, 00:08.1 with a reserved region, 00:08.0 without",
  functions: { "0000:00:08.1": { regions: [{ kind: "reserved" as const, start: 0x40000000, last: 0x400fffff }] } },
});
