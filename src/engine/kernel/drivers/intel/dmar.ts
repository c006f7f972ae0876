/**
 * A unit that is there to be programmed: its root table, domain ids and the order in which it is switched on. Recordings
 * are replayed without one (`IntelIommu.hw` is null). Source: linux 7.2 drivers/iommu/intel/{iommu,dmar,pasid}.c.
 */
import { VTD_REG } from "../../../../hw/vtd/regs.ts";
import { alloc_coherent } from "../../mm/coherent.ts";
import type { Kernel } from "../../kernel.ts";
import { the_machine } from "../../platform.ts";
import { IdAllocator } from "../arm_smmu_v3/ids.ts";
import type { IntelIommu } from "./caps.ts";
import type { DmarDomain } from "./domain.ts";
import { QUEUE_PAGES, type Queue } from "./qi.ts";

const PAGE = 4096;
/** First domain id that a domain gets: 0 is reserved, 1 stands for pass-through (FLPT_DEFAULT_DID). */
const FIRST_DID = 2;
export const PASS_THROUGH_DID = 1;
/** GCMD. */
const TE = 0x8000_0000;
const SRTP = 0x4000_0000;
const QIE = 0x0400_0000;
const IRE = 0x0200_0000;
const SIRTP = 0x0100_0000;
/** What GSTS keeps of them. */
const STATUS = 0x8680_0000;
/** RTADDR: scalable mode. */
const TTM_SCALABLE = 0x400;
/** Entries of the interrupt remapping table as log2 less one. */
const IRTE_SIZE = 15;

/** `did`: of one domain on one unit; `users`: devices and PASIDs. */
interface DomainId {
  did: number;
  users: number;
}

export class DmarHardware {
  readonly base: number;
  readonly scalable: boolean;
  /** Physical addresses. */
  readonly root: number;
  readonly queue: Queue;
  /** Interrupt remapping table, 0 = the unit has none. */
  irt = 0;
  /** Context tables by bus * 2 + half; legacy mode has one half. */
  readonly contexts = new Map<number, number>();
  readonly ids: IdAllocator;
  readonly domains = new Map<DmarDomain, DomainId>();

  constructor(base: number, scalable: boolean, domains: number, root: number, queue: Queue) {
    this.base = base;
    this.scalable = scalable;
    this.root = root;
    this.queue = queue;
    this.ids = new IdAllocator(FIRST_DID, domains - 1);
  }

  /** `domain_attach_iommu`: one more user; the domain's id on this unit, -1 when all are in use. */
  get_did(domain: DmarDomain): number {
    const known = this.domains.get(domain);
    if (known !== undefined) {
      known.users++;
      return known.did;
    }
    const did = this.ids.alloc();
    if (did >= 0) this.domains.set(domain, { did, users: 1 });
    return did;
  }

  /** `domain_detach_iommu`. */
  put_did(domain: DmarDomain): void {
    const known = this.domains.get(domain);
    if (known === undefined || --known.users > 0) return;
    this.domains.delete(domain);
    this.ids.free(known.did);
  }
}

/** The tables and the queue of a unit, registers set; interrupts are remapped from here on, DMA not yet translated. */
export function dmar_init(k: Kernel, iommu: IntelIommu, base: number, remapping: boolean): DmarHardware {
  const pages = (n: number): number => {
    const pa = alloc_coherent(k, n * PAGE);
    if (pa === null) throw new Error(`${iommu.name}: no memory for its tables`);
    return pa;
  };
  const scalable = iommu.sm_supported;
  const queue: Queue = { pa: pages(QUEUE_PAGES), status: pages(1), tail: 0, wide: scalable };
  const hw = new DmarHardware(base, scalable, iommu.ndoms, pages(1), queue);
  const machine = the_machine(k);
  machine.write64(base + VTD_REG.IQA, queue.pa | (scalable ? 0x801 : 0), 0);
  if (queue.pa > 0xffff_ffff || hw.root > 0xffff_ffff) throw new Error(`${iommu.name}: tables above 4 GiB`);
  machine.write32(base + VTD_REG.IQT, 0);
  command(k, hw, QIE);
  if (remapping) {
    hw.irt = pages(2 ** (IRTE_SIZE + 1) / 256);
    machine.write64(base + VTD_REG.IRTA, hw.irt | IRTE_SIZE, 0);
    command(k, hw, SIRTP);
    command(k, hw, IRE);
  }
  machine.write64(base + VTD_REG.RTADDR, hw.root | (scalable ? TTM_SCALABLE : 0), 0);
  command(k, hw, SRTP);
  machine.write32(base + VTD_REG.FECTL, 0);
  return hw;
}

/** DMA is translated from here on. */
export function iommu_enable_translation(k: Kernel, hw: DmarHardware): void {
  command(k, hw, TE);
}

function command(k: Kernel, hw: DmarHardware, bit: number): void {
  const machine = the_machine(k);
  const status = machine.read32(hw.base + VTD_REG.GSTS) & STATUS;
  machine.write32(hw.base + VTD_REG.GCMD, (status | bit) >>> 0);
}
