/**
 * A toy IOAS with few slots, to measure and check the search by: areas of 1 to 3 slots are mapped and unmapped, two
 * devices attach and detach; an attached device reserves slots 4-5 (as SW_MSI does) or slot 8, where nothing may be mapped.
 *
 * One word: two bits a slot, 0 = free or inside an area, else the length of the area that starts there; bits 30 and 31
 * say who is attached. At most 15 slots.
 */
import type { PackedModel, Successors } from "./search.ts";

const LONGEST = 3;
/** Slots that the devices reserve, as bits. */
const RESERVED = [0b11_0000, 0b1_0000_0000];
const ATTACHED = [1 << 30, 1 << 31];

export class Slots implements PackedModel {
  readonly words = 1;
  readonly slots: number;

  constructor(slots: number) {
    if (slots < 9 || slots > 15) throw new Error("9 to 15 slots");
    this.slots = slots;
  }

  start(out: Successors): void {
    out.put(0);
  }

  next(states: Uint32Array, at: number, out: Successors): void {
    const state = (states[at] ?? 0) | 0;
    const { slots } = this;
    let taken = 0;
    for (let slot = 0; slot < slots;) {
      const length = (state >>> (2 * slot)) & 3;
      if (length === 0) slot++;
      else {
        out.put(state & ~(3 << (2 * slot)));
        taken |= ((1 << length) - 1) << slot;
        slot += length;
      }
    }
    for (let device = 0; device < 2; device++) {
      const bit = ATTACHED[device] as number;
      const reserved = RESERVED[device] as number;
      if ((state & bit) !== 0) out.put(state & ~bit);
      else if ((taken & reserved) === 0) out.put(state | bit);
    }
    let blocked = taken;
    for (let device = 0; device < 2; device++)
      if ((state & (ATTACHED[device] as number)) !== 0) blocked |= RESERVED[device] as number;
    for (let slot = 0; slot < slots; slot++)
      for (let length = 1; length <= LONGEST && slot + length <= slots; length++) {
        if ((blocked & (1 << (slot + length - 1))) !== 0) break;
        out.put(state | (length << (2 * slot)));
      }
  }
}
