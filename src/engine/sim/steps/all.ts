/** The chunk of all steps that are not in the core: fetched when a scenario has one. */
import { ACTOR_OPS } from "../scenario/ops_actors.ts";
import { FAULT_OPS } from "../scenario/ops_faults.ts";
import { IOASID_OPS } from "../scenario/ops_ioasid.ts";
import { PCI_OPS } from "../scenario/ops_pci.ts";
import { TYPE1_OPS } from "../scenario/ops_type1.ts";
import { runActors } from "./actors.ts";
import { runFaults } from "./faults.ts";
import { runGuestKernel } from "./guest_kernel.ts";
import { runIoasid } from "./ioasid.ts";
import { provideSteps } from "./late.ts";
import { runPageRequest } from "./page_request.ts";
import { runPci } from "./pci.ts";
import { runSpace } from "./space.ts";
import { runType1 } from "./type1.ts";

export function provideAllSteps(): void {
  provideSteps(TYPE1_OPS, runType1);
  provideSteps(PCI_OPS, runPci);
  provideSteps(FAULT_OPS, (world, args) => runFaults(world, args) ?? runPageRequest(world, args));
  provideSteps(ACTOR_OPS, (world, args) => runActors(world, args) ?? runGuestKernel(world, args));
  provideSteps(IOASID_OPS, (world, args) =>
    args.op.def === undefined ? runSpace(world, args) : runIoasid(world, args),
  );
}
