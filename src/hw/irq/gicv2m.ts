/** GICv2m frame: a write of an SPI number to MSI_SETSPI_NS raises that SPI. Source: Arm SBSA, GICv2m appendix. */
import type { HwProbe } from "../base/probe.ts";
import type { Interrupt } from "./its.ts";

export interface Gicv2mDesc {
  name: string;
  /** Frame base; the doorbell is base + 0x40. */
  base: number;
  /** First interrupt id (32 = SPI 0) and how many. */
  spiBase: number;
  spiCount: number;
}

const MSI_TYPER = 0x8;
const MSI_SETSPI_NS = 0x40;
const MSI_IIDR = 0xfcc;
const FRAME_BYTES = 0x1000;

export class Gicv2m {
  readonly desc: Gicv2mDesc;
  readonly interrupts: Interrupt[];
  probe: HwProbe | null = null;

  constructor(desc: Gicv2mDesc, interrupts: Interrupt[]) {
    this.desc = desc;
    this.interrupts = interrupts;
  }

  covers(pa: number): boolean {
    return pa >= this.desc.base && pa < this.desc.base + FRAME_BYTES;
  }

  readReg(off: number): number {
    if (off === MSI_TYPER) return ((this.desc.spiBase << 16) | this.desc.spiCount) >>> 0;
    if (off === MSI_IIDR) return 0x53a;
    return 0;
  }

  /** Returns the interrupt id that was raised, 0 when the write raised none. */
  writeReg(off: number, value: number): number {
    if (off !== MSI_SETSPI_NS) return 0;
    const intid = value & 0x3ff;
    const known = intid >= this.desc.spiBase && intid < this.desc.spiBase + this.desc.spiCount;
    if (known) this.interrupts.push({ intid });
    if (this.probe !== null) {
      this.probe.msi(
        known ? `${this.desc.name}: SPI ${intid - 32}` : `${this.desc.name}: ${value} is no SPI of it`,
        known,
      );
    }
    return known ? intid : 0;
  }
}
