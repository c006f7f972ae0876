/** Interrupts that arrived are handled: what the processor does between two instructions. */
import type { Kernel } from "../kernel.ts";
import { the_platform } from "../platform.ts";
import { generic_handle_irq } from "./irqdesc.ts";

/** Lets devices send what no mask holds back any more, then runs the handlers. INTIDs of messages in order of arrival. */
export function handle_arch_irq(k: Kernel): number[] {
  const { machine, irq, pci } = the_platform(k);
  const arrived: number[] = [];
  machine.sendPending();
  for (const { intid } of machine.interrupts.splice(0)) {
    arrived.push(intid);
    generic_handle_irq(k, irq, intid);
  }
  for (const [bdf, { handler, data }] of irq.intx) {
    if (pci.get(bdf)?.hw.intxAsserted === true) handler(k, data);
  }
  return arrived;
}
