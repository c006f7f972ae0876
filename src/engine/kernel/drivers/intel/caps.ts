/**
 * Fields of the capability registers that the driver decides by. Source: VT-d 4.1 sections 11.4.2, 11.4.3;
 * linux 7.2 drivers/iommu/intel/iommu.h.
 */
import { bits } from "../../../../hw/base/bits.ts";
import type { Register64, VtdUnitDesc } from "../../x86_desc.ts";
import type { DmarHardware } from "./dmar.ts";

/** A field at most 32 bits wide that does not cross the halves. */
function field({ lo, hi }: Register64, top: number, bottom: number): number {
  return bottom >= 32 ? bits(hi, top - 32, bottom - 32) : bits(lo, top, bottom);
}

const flag = (reg: Register64, bit: number): boolean => field(reg, bit, bit) === 1;

/** One remapping unit as the driver sees it: linux `struct intel_iommu`. */
export class IntelIommu {
  readonly name: string;
  readonly cap: Register64;
  readonly ecap: Register64;
  /** Functions behind it that have Page Request enabled need it to be on in the unit too. */
  readonly ats: boolean;
  /** The unit itself, to be programmed; null in a recording, where there is none. */
  hw: DmarHardware | null = null;

  constructor(desc: VtdUnitDesc, ats: boolean) {
    this.name = desc.name;
    this.cap = desc.cap;
    this.ecap = desc.ecap;
    this.ats = ats && flag(desc.ecap, 2);
  }

  /** Domain ids. */
  get ndoms(): number {
    return 2 ** (4 + 2 * field(this.cap, 2, 0));
  }

  /** Entries that were not present may be cached: they are invalidated too. */
  get caching_mode(): boolean {
    return flag(this.cap, 7);
  }

  /** Largest page-selective invalidation as log2 of its pages. */
  get mamv(): number {
    return field(this.cap, 53, 48);
  }

  /** Offset of the fault recording registers, and how many there are. */
  get fault_offset(): number {
    return (field(this.cap, 31, 24) + (field(this.cap, 33, 32) << 8)) * 16;
  }

  get fault_records(): number {
    return field(this.cap, 47, 40) + 1;
  }

  /** Bits of guest address: MGAW is one less. */
  get mgaw(): number {
    return field(this.cap, 21, 16) + 1;
  }

  /** Second-stage table depths: bit 1 = 3 levels (39 bits), bit 2 = 4 (48), bit 3 = 5 (57). */
  get sagaw(): number {
    return field(this.cap, 12, 8);
  }

  /** Second-stage large pages: bit 0 = 2 MiB, bit 1 = 1 GiB. */
  get sslps(): number {
    return field(this.cap, 37, 34);
  }

  get fs1gp(): boolean {
    return flag(this.cap, 56);
  }

  get fs5lp(): boolean {
    return flag(this.cap, 60);
  }

  /** The unit can force snooping. */
  get snoop_control(): boolean {
    return flag(this.ecap, 7);
  }

  get interrupt_remapping(): boolean {
    return flag(this.ecap, 3);
  }

  /** Passes page requests on. */
  get prs(): boolean {
    return flag(this.ecap, 29);
  }

  /** Scalable mode is there, and the driver uses it where it is. */
  get sm_supported(): boolean {
    return flag(this.ecap, 43);
  }

  get first_stage(): boolean {
    return this.sm_supported && flag(this.ecap, 47);
  }

  /** Without scalable mode the second stage is all there is. */
  get second_stage(): boolean {
    return !this.sm_supported || flag(this.ecap, 46);
  }

  get nested_supported(): boolean {
    return this.sm_supported && flag(this.ecap, 26);
  }

  /** Second-stage access and dirty bits. */
  get ssads_supported(): boolean {
    return this.sm_supported && flag(this.ecap, 45);
  }

  get pasid_supported(): boolean {
    return this.sm_supported && flag(this.ecap, 40);
  }

  /** log2 of the PASIDs. */
  get pss(): number {
    return field(this.ecap, 39, 35) + 1;
  }
}
