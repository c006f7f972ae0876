/** What the VMM and the guest remember between steps beyond the kernel's files: plain state of the world. */
import type { DmaResult } from "../../hw/machine.ts";

export class Actors {
  /** Cookies of fault groups that were read and not answered, oldest first, by descriptor. */
  readonly unanswered = new Map<number, number[]>();
  /** The last access of each device that a fault held, by the scenario's name. */
  readonly held = new Map<string, DmaResult>();
  /** Commands in the guest's command queue that the VMM has not relayed yet, two words each, oldest first. */
  commands: bigint[] = [];
  /** The nested page table that stands for the guest's entry of each device, by the scenario's name. */
  readonly nested = new Map<string, number>();
  /** Events that the VMM wrote into the guest's event queue, and how many the guest has read. */
  injected = 0;
  consumed = 0;

  /** A device's access that a fault holds: its result is completed when software answers. */
  remember(device: string, result: DmaResult): void {
    if (result.stalled !== null) this.held.set(device, result);
  }
}
