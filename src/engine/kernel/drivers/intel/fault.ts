/** Faults that a unit recorded are read and the registers freed. Source: linux 7.2 drivers/iommu/intel/dmar.c `dmar_fault`. */
import { get } from "../../../../hw/base/fields.ts";
import { FRCD, reasonText } from "../../../../hw/vtd/faults.ts";
import { VTD_REG } from "../../../../hw/vtd/regs.ts";
import type { Kernel } from "../../kernel.ts";
import { type IommuFaultHandler, the_machine } from "../../platform.ts";
import type { IntelIommu } from "./caps.ts";

const PFO = 1;
const PPF = 2;
const VALID = 0x8000_0000;
const RECORD_BYTES = 16;
/** Reasons of interrupt remapping. */
const IR_FIRST = 0x20;
const IR_LAST = 0x2f;

/** Called after anything that devices did. */
export class DmarFaultHandler implements IommuFaultHandler {
  readonly iommu: IntelIommu;

  constructor(iommu: IntelIommu) {
    this.iommu = iommu;
  }

  handle(k: Kernel): void {
    dmar_fault(k, this.iommu);
  }
}

/** Reads every record; what was said of each is a note. */
function dmar_fault(k: Kernel, iommu: IntelIommu): void {
  const { hw } = iommu;
  if (hw === null) return;
  const machine = the_machine(k);
  const status = machine.read32(hw.base + VTD_REG.FSTS);
  if ((status & (PFO | PPF)) === 0) return;
  for (let n = 0; n < iommu.fault_records; n++) {
    const at = hw.base + iommu.fault_offset + n * RECORD_BYTES;
    const words = [0, 4, 8, 12].map((o) => machine.read32(at + o));
    if (((words[3] ?? 0) & VALID) === 0) continue;
    k.note(`${iommu.name}: ${recordText(words)}`);
    machine.write32(at + 12, VALID);
  }
  machine.write32(hw.base + VTD_REG.FSTS, PFO);
}

function recordText(words: readonly number[]): string {
  const sid = get(FRCD.f.SID, words);
  const reason = get(FRCD.f.FR, words);
  const hex = (v: number, n: number): string => v.toString(16).padStart(n, "0");
  const who = `${hex(sid >> 8, 2)}:${hex((sid >> 3) & 31, 2)}.${sid & 7}`;
  if (reason >= IR_FIRST && reason <= IR_LAST) {
    const index = (words[1] ?? 0) >>> 16;
    return `interrupt request of ${who}, index 0x${hex(index, 1)}, fault ${reasonText(reason)}`;
  }
  const address = `0x${hex((words[1] ?? 0) * 2 ** 32 + (((words[0] ?? 0) & ~0xfff) >>> 0), 1)}`;
  const kind = get(FRCD.f.T, words) === 1 ? "read" : "write";
  return `DMA ${kind} of ${who} at ${address}, fault ${reasonText(reason)}`;
}
