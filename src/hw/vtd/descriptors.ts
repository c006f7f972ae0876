/** Descriptors of the invalidation queue, 16 bytes (or 32, of which the second half is zero). Spec: VT-d 6.5.2. */
import { hex, hex64 } from "../base/bits.ts";

export const DESCRIPTOR = Object.freeze({
  CONTEXT: 1,
  IOTLB: 2,
  DEVICE_TLB: 3,
  INTERRUPT: 4,
  WAIT: 5,
  PASID_IOTLB: 6,
  PASID: 7,
  PASID_DEVICE_TLB: 8,
  PAGE_RESPONSE: 9,
});

/** Type of a descriptor: bits 3:0, and 11:9 above them. */
export function descriptorType(w0: number): number {
  return (w0 & 15) | ((w0 >>> 5) & 0x70);
}

const GRANULARITY: readonly string[] = Object.freeze(["", "all", "domain", "page"]);
const CONTEXT_GRANULARITY: readonly string[] = Object.freeze(["", "all", "domain", "device"]);

/** `iotlb_inv page did 2 0x10000 + 4 pages`. */
export function descriptorText(w0: number, w1: number, w2: number, w3: number): string {
  const g = (w0 >>> 4) & 3;
  const did = w0 >>> 16;
  const sid = `sid ${hex(w1 & 0xffff, 4)}`;
  const pages = 2 ** (w2 & 0x3f);
  const range = `${hex64(w2 & ~0xfff, w3)} ${pages === 1 ? "one page" : `${pages} pages`}`;
  switch (descriptorType(w0)) {
    case DESCRIPTOR.CONTEXT:
      return `context ${CONTEXT_GRANULARITY[g]}${g > 1 ? ` did ${did}` : ""}${g === 3 ? ` ${sid}` : ""}`;
    case DESCRIPTOR.IOTLB:
      return `IOTLB ${GRANULARITY[g]}${g > 1 ? ` did ${did}` : ""}${g === 3 ? ` ${range}` : ""}`;
    case DESCRIPTOR.DEVICE_TLB:
      return `device TLB ${sid}`;
    case DESCRIPTOR.INTERRUPT:
      return (w0 & 0x10) === 0 ? "interrupt entries all" : `interrupt entries ${w1 & 0xffff}, mask ${w0 >>> 27}`;
    case DESCRIPTOR.WAIT:
      return (w0 & 0x20) === 0 ? "wait" : `wait, write ${hex(w1)} to ${hex64(w2 & ~3, w3)}`;
    case DESCRIPTOR.PASID_IOTLB:
      return `IOTLB did ${did} PASID ${w1 & 0xf_ffff} ${g === 2 ? "all" : range}`;
    case DESCRIPTOR.PASID:
      return g === 3 ? "PASID cache all" : `PASID cache did ${did}${g === 1 ? ` PASID ${w1 & 0xf_ffff}` : ""}`;
    case DESCRIPTOR.PASID_DEVICE_TLB:
      return `device TLB with PASID`;
    case DESCRIPTOR.PAGE_RESPONSE:
      return "page group response";
    default:
      return `unknown descriptor ${hex64(w0, w1)}`;
  }
}
