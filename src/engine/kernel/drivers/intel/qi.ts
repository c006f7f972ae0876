/**
 * Invalidations through the queue, each followed by a wait that writes its status. Source: linux 7.2
 * drivers/iommu/intel/dmar.c `qi_submit_sync`, cache.c `calculate_psi_aligned_address`.
 */
import { DESCRIPTOR } from "../../../../hw/vtd/descriptors.ts";
import { VTD_REG } from "../../../../hw/vtd/regs.ts";
import type { Kernel } from "../../kernel.ts";
import { the_machine } from "../../platform.ts";
import type { DmarHardware } from "./dmar.ts";

/** Two pages hold 256 descriptors of 32 bytes; of 16 bytes one page does. */
export const QUEUE_PAGES = 2;
const DESCRIPTORS = 256;
/** Status data of a wait that is done. */
const QI_DONE = 2;
const WAIT_STATUS = 0x25;
/** Drain reads and writes. */
const DRAIN = 0xc0;
const GLOBAL = 1 << 4;
const DOMAIN = 2 << 4;
const SELECTIVE = 3 << 4;

export interface Queue {
  pa: number;
  /** One word of status for each descriptor. */
  status: number;
  /** Index of the next descriptor. */
  tail: number;
  /** Descriptors of 32 bytes. */
  wide: boolean;
}

function put(k: Kernel, { queue }: DmarHardware, w0: number, w1: number, w2: number, w3: number): void {
  const { mem } = the_machine(k);
  const bytes = queue.wide ? 32 : 16;
  const at = queue.pa + queue.tail * bytes;
  mem.write64(at, w0 >>> 0, w1 >>> 0, `invalidation[${queue.tail}]`);
  mem.write64(at + 8, w2 >>> 0, w3 >>> 0, `invalidation[${queue.tail}] hi`);
  for (let i = 16; i < bytes; i += 8) mem.write64(at + i, 0, 0, `invalidation[${queue.tail}] rest`);
  queue.tail = (queue.tail + 1) % DESCRIPTORS;
}

/** One descriptor and its wait. */
function qi_submit_sync(k: Kernel, hw: DmarHardware, w0: number, w1: number, w2 = 0, w3 = 0): void {
  const { queue } = hw;
  put(k, hw, w0, w1, w2, w3);
  put(k, hw, WAIT_STATUS, QI_DONE, queue.status + 4 * queue.tail, 0);
  the_machine(k).write32(hw.base + VTD_REG.IQT, queue.tail * (queue.wide ? 32 : 16));
}

/** The context entry of a source id. */
export function qi_flush_context_device(k: Kernel, hw: DmarHardware, did: number, sid: number): void {
  qi_submit_sync(k, hw, DESCRIPTOR.CONTEXT | SELECTIVE | (did << 16), sid);
}

export function qi_flush_iotlb_domain(k: Kernel, hw: DmarHardware, did: number): void {
  qi_submit_sync(k, hw, DESCRIPTOR.IOTLB | DOMAIN | DRAIN | (did << 16), 0);
}

/** The PASID entry of one PASID in a domain. */
export function qi_flush_pasid_cache(k: Kernel, hw: DmarHardware, did: number, pasid: number): void {
  qi_submit_sync(k, hw, DESCRIPTOR.PASID | GLOBAL | (did << 16), pasid);
}

/** All first-stage entries of a PASID. */
export function qi_flush_piotlb_all(k: Kernel, hw: DmarHardware, did: number, pasid: number): void {
  qi_submit_sync(k, hw, DESCRIPTOR.PASID_IOTLB | DOMAIN | (did << 16), pasid);
}

/** One entry of the interrupt remapping table. */
export function qi_flush_iec(k: Kernel, hw: DmarHardware, index: number): void {
  qi_submit_sync(k, hw, DESCRIPTOR.INTERRUPT | GLOBAL, index);
}

/** The addresses first..last (inclusive) of a domain: the aligned block of pages around them, or everything. */
export function qi_flush_range(
  k: Kernel,
  hw: DmarHardware,
  { did, stage, mamv }: { did: number; stage: "first" | "second"; mamv: number },
  first: bigint,
  last: bigint,
): void {
  const order = blockOrder(first >> 12n, last >> 12n);
  const base = ((first >> 12n) >> BigInt(order)) << BigInt(order + 12);
  const lo = Number(base & 0xffff_ffffn);
  const hi = Number(base >> 32n);
  const whole = order > mamv;
  if (stage === "first") {
    if (whole) qi_flush_piotlb_all(k, hw, did, 0);
    else qi_submit_sync(k, hw, DESCRIPTOR.PASID_IOTLB | SELECTIVE | (did << 16), 0, lo | order, hi);
  } else if (whole) qi_flush_iotlb_domain(k, hw, did);
  else qi_submit_sync(k, hw, DESCRIPTOR.IOTLB | SELECTIVE | DRAIN | (did << 16), 0, lo | order, hi);
}

/** log2 of the smallest aligned block of pages that has both. */
function blockOrder(first: bigint, last: bigint): number {
  let order = 0;
  while (first >> BigInt(order) !== last >> BigInt(order)) order++;
  return order;
}
