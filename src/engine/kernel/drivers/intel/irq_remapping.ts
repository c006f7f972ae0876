/**
 * Entries of the interrupt remapping table: made when a vector is switched on, cleared when it is given back.
 * Source: linux 7.2 drivers/iommu/intel/irq_remapping.c `prepare_irte`, `set_msi_sid`, `modify_irte`.
 */
import { encode } from "../../../../hw/base/fields.ts";
import { IRTE } from "../../../../hw/vtd/irte.ts";
import type { IrqRemapper } from "../../irq/x86_vector.ts";
import type { Kernel } from "../../kernel.ts";
import { the_machine } from "../../platform.ts";
import { pci_dma_aliases } from "../../pci/search.ts";
import type { PciDev } from "../../pci/pci_dev.ts";
import { info_of } from "./device.ts";
import { qi_flush_iec } from "./qi.ts";

const IRTE_BYTES = 16;
const SVT_ALL = 1;
const SVT_BUS = 2;

export class IntelIrqRemapper implements IrqRemapper {
  activate(k: Kernel, pdev: PciDev, index: number, vector: number): void {
    write(k, pdev, index, encode(IRTE, { P: 1, RH: 1, V: vector, ...source_of(pdev) }));
  }

  deactivate(k: Kernel, pdev: PciDev, index: number): void {
    write(k, pdev, index, new Uint32Array(IRTE.words));
  }
}

function write(k: Kernel, pdev: PciDev, index: number, words: Uint32Array): void {
  const { hw } = info_of(pdev.dev).iommu;
  if (hw === null || hw.irt === 0) return;
  const { mem } = the_machine(k);
  const at = hw.irt + index * IRTE_BYTES;
  mem.write64(at + 8, words[2] ?? 0, words[3] ?? 0, `IRTE[0x${index.toString(16)}] w1`);
  mem.write64(at, words[0] ?? 0, words[1] ?? 0, `IRTE[0x${index.toString(16)}] w0`);
  qi_flush_iec(k, hw, index);
}

/** Who may use the entry: the function, its alias, or any function of a bus where more cannot be told. */
function source_of(pdev: PciDev): { SID: number; SVT: number } {
  const aliases = pci_dma_aliases(pdev);
  const last = aliases.at(-1);
  if (last === undefined || aliases.length === 1) return { SID: pdev.hw.rid, SVT: SVT_ALL };
  const bus = last.rid >> 8;
  const onBus = aliases.filter(({ rid }) => rid >> 8 === bus).length;
  if (bus !== last.pdev.hw.bus || (onBus === aliases.length && aliases.length > 1)) {
    return { SID: (bus << 8) | bus, SVT: SVT_BUS };
  }
  return { SID: bus === pdev.hw.bus ? pdev.hw.rid : last.rid, SVT: SVT_ALL };
}
