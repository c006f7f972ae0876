/** ACPI DMAR: remapping units, memory that firmware uses by DMA, ATS, interrupt remapping. Source: VT-d 4.1 chapter 8. */
import { type AcpiTable, HEADER_BYTES } from "./acpi.ts";
import { BadInput } from "./parse.ts";

/** `scope`: bdfs of endpoints, `0000:00:1f.0`, whose path is one step; `all`: every function of the segment not named elsewhere. */
export interface Dmar {
  /** Flag INTR_REMAP. */
  interruptRemapping: boolean;
  units: { base: number; all: boolean; scope: string[] }[];
  rmrrs: { start: number; last: number; scope: string[] }[];
  /** An ATSR with ALL_PORTS. */
  atsAllPorts: boolean;
}

const DRHD = 0;
const RMRR = 1;
const ATSR = 2;
const SCOPE_ENDPOINT = 1;

export function readDmar(t: AcpiTable): Dmar {
  const out: Dmar = { interruptRemapping: (t.u8(37) & 1) !== 0, units: [], rmrrs: [], atsAllPorts: false };
  for (let at = HEADER_BYTES + 12; at < t.length;) {
    const type = t.u16(at);
    const length = t.u16(at + 2);
    if (length < 4) throw new BadInput(`${t.name}: a structure of ${length} bytes at offset ${at}`);
    const end = at + length;
    if (type === DRHD) {
      const all = (t.u8(at + 4) & 1) !== 0;
      out.units.push({ base: t.u64(at + 8), all, scope: scopes(t, at + 16, end) });
    } else if (type === RMRR) {
      out.rmrrs.push({ start: t.u64(at + 8), last: t.u64(at + 16), scope: scopes(t, at + 24, end) });
    } else if (type === ATSR) out.atsAllPorts ||= (t.u8(at + 4) & 1) !== 0;
    at = end;
  }
  return out;
}

/** Endpoints on the root bus or, by a start bus, on another. */
function scopes(t: AcpiTable, from: number, end: number): string[] {
  const out: string[] = [];
  const hex = (n: number): string => n.toString(16).padStart(2, "0");
  for (let at = from; at < end;) {
    const length = t.u8(at + 1);
    if (length < 6) throw new BadInput(`${t.name}: a device scope of ${length} bytes at offset ${at}`);
    const one = length === 8;
    if (t.u8(at) === SCOPE_ENDPOINT && one) {
      out.push(`0000:${hex(t.u8(at + 5))}:${hex(t.u8(at + 6))}.${t.u8(at + 7)}`);
    }
    at += length;
  }
  return out;
}
