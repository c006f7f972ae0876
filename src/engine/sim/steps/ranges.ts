/** Arrays of IOVA ranges as calls give them back. */
import { decode } from "../../uapi/codec.ts";
import { IOVA_RANGE } from "../../uapi/records.ts";

/** As many as were given back and fit into `room` bytes; both ends inclusive. */
export function rangesIn(
  room: number,
  bytes: Uint8Array | undefined,
  out: Readonly<Record<string, number | bigint>>,
): [bigint, bigint][] {
  const n = Math.min(Number(out["num_iovas"] ?? 0), Math.floor(room / IOVA_RANGE.size));
  return Array.from({ length: n }, (_, i) => {
    const r = decode(IOVA_RANGE, bytes ?? new Uint8Array(), i * IOVA_RANGE.size);
    return [r.start, r.last];
  });
}
