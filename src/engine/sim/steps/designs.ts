/** The chunk of the steps of designs, and of page requests: fetched when a scenario has one. */
import { runIoasid } from "./ioasid.ts";
import { provideDesignRunner } from "./late.ts";
import { runPageRequest } from "./page_request.ts";
import { runSpace } from "./space.ts";

export function provideDesignSteps(): void {
  provideDesignRunner((world, args) => {
    if (args.op.actor === "device") return runPageRequest(world, args);
    return args.op.def === undefined ? runSpace(world, args) : runIoasid(world, args);
  });
}
