/** ACPI tables as bytes: header, MADT (interrupt controllers) and MCFG (ECAM). Source: ACPI 6.5 5.2.6, 5.2.12; PCI Firmware 3.3 4.1.2. */
import { BadInput } from "./parse.ts";

/** One table: its bytes behind little-endian readers that refuse what lies beyond the end. */
export class AcpiTable {
  /** File name, for complaints. */
  readonly name: string;
  /** `IORT`. */
  readonly signature: string;
  /** Six characters, blanks cut off: `BOCHS`. */
  readonly oem: string;
  readonly bytes: Uint8Array;

  constructor(name: string, bytes: Uint8Array, signature: string) {
    this.name = name;
    this.bytes = bytes;
    this.signature = signature;
    const chars = (from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to));
    this.oem = chars(10, 16).replace(/[\0 ]+$/, "");
    if (bytes.length < HEADER_BYTES) throw new BadInput(`${name}: ${bytes.length} bytes are no ACPI table`);
    if (chars(0, 4) !== signature) throw new BadInput(`${name}: signature ${chars(0, 4)}, not ${signature}`);
    if (this.u32(4) !== bytes.length)
      throw new BadInput(`${name}: the header says ${this.u32(4)} bytes, there are ${bytes.length}`);
    if (bytes.reduce((sum, b) => (sum + b) & 0xff, 0) !== 0) throw new BadInput(`${name}: wrong checksum`);
  }

  get length(): number {
    return this.bytes.length;
  }

  u8(at: number): number {
    const b = this.bytes[at];
    if (b === undefined) throw new BadInput(`${this.name}: ends before offset ${at}`);
    return b;
  }

  u16(at: number): number {
    return this.u8(at) | (this.u8(at + 1) << 8);
  }

  u32(at: number): number {
    return this.u16(at) + this.u16(at + 2) * 0x1_0000;
  }

  /** An address or a length; above 2^53 it is not one. */
  u64(at: number): number {
    const value = this.u32(at) + this.u32(at + 4) * 2 ** 32;
    if (!Number.isSafeInteger(value)) throw new BadInput(`${this.name}: no address at offset ${at}`);
    return value;
  }
}

export const HEADER_BYTES = 36;

/** Interrupt controllers of the MADT. */
export interface Madt {
  its: { id: number; base: number }[];
  /** GICv2m frames; SPIs spiBase .. spiBase + spiCount - 1, 0 SPIs = the frame's own register tells. */
  frames: { id: number; base: number; spiBase: number; spiCount: number }[];
}

const MADT_MSI_FRAME = 0x0d;
const MADT_ITS = 0x0f;

export function readMadt(t: AcpiTable): Madt {
  const out: Madt = { its: [], frames: [] };
  for (let at = HEADER_BYTES + 8; at < t.length;) {
    const type = t.u8(at);
    const length = t.u8(at + 1);
    if (length < 2) throw new BadInput(`${t.name}: a structure of ${length} bytes at offset ${at}`);
    if (type === MADT_ITS) out.its.push({ id: t.u32(at + 4), base: t.u64(at + 8) });
    if (type === MADT_MSI_FRAME) {
      const told = (t.u32(at + 16) & 1) !== 0;
      out.frames.push({
        id: t.u32(at + 4),
        base: t.u64(at + 8),
        spiCount: told ? t.u16(at + 20) : 0,
        spiBase: told ? t.u16(at + 22) : 0,
      });
    }
    at += length;
  }
  return out;
}

/** ECAM of one PCI segment; `base` is that of bus 0. */
export interface McfgEntry {
  base: number;
  segment: number;
  firstBus: number;
  lastBus: number;
}

export function readMcfg(t: AcpiTable): McfgEntry[] {
  const out: McfgEntry[] = [];
  for (let at = HEADER_BYTES + 8; at + 16 <= t.length; at += 16) {
    out.push({ base: t.u64(at), segment: t.u16(at + 8), firstBus: t.u8(at + 10), lastBus: t.u8(at + 11) });
  }
  return out;
}
