/** Commands of the GICv3 ITS queue, 32 bytes each. Spec: GIC IHI 0069, 5.3. */
import { bitTable } from "../base/fields.ts";

const ITS_OPS = Object.freeze({
  0x01: "MOVI",
  0x03: "INT",
  0x04: "CLEAR",
  0x05: "SYNC",
  0x08: "MAPD",
  0x09: "MAPC",
  0x0a: "MAPTI",
  0x0b: "MAPI",
  0x0c: "INV",
  0x0d: "INVALL",
  0x0e: "MOVALL",
  0x0f: "DISCARD",
});

export const ITS_MOVI = 0x01;
export const ITS_INT = 0x03;
export const ITS_CLEAR = 0x04;
export const ITS_SYNC = 0x05;
export const ITS_MAPD = 0x08;
export const ITS_MAPC = 0x09;
export const ITS_MAPTI = 0x0a;
export const ITS_MAPI = 0x0b;
export const ITS_INV = 0x0c;
export const ITS_INVALL = 0x0d;
export const ITS_MOVALL = 0x0e;
export const ITS_DISCARD = 0x0f;

/** MAPD: gives a DeviceID its interrupt translation table. */
export const MAPD = bitTable("ITS_MAPD", "GIC IHI 0069 5.3.11", 8, {
  Op: [0, 7, 0, ITS_OPS],
  DeviceID: [1, 31, 0],
  Size: [2, 4, 0, null, "EventID bits - 1"],
  "ITTaddr[31:8]": [4, 31, 8],
  "ITTaddr[51:32]": [5, 19, 0],
  V: [5, 31, 31],
});

/** MAPC: gives a collection its redistributor. */
export const MAPC = bitTable("ITS_MAPC", "GIC IHI 0069 5.3.10", 8, {
  Op: [0, 7, 0, ITS_OPS],
  ICID: [4, 15, 0],
  "RDbase[31:16]": [4, 31, 16],
  "RDbase[51:32]": [5, 19, 0],
  V: [5, 31, 31],
});

/** Every other command uses a subset of these: MAPTI, MAPI, MOVI, INV, DISCARD, INT, CLEAR, INVALL, SYNC. */
export const MAPTI = bitTable("ITS_MAPTI", "GIC IHI 0069 5.3.13", 8, {
  Op: [0, 7, 0, ITS_OPS],
  DeviceID: [1, 31, 0],
  EventID: [2, 31, 0],
  pINTID: [3, 31, 0],
  ICID: [4, 15, 0],
});

/** Short text of a command, for the trace. */
export function itsCommandText(op: number, deviceId: number, eventId: number): string {
  const name = (ITS_OPS as Readonly<Record<number, string>>)[op] ?? `command 0x${op.toString(16)}`;
  if (op === ITS_SYNC || op === ITS_MAPC || op === ITS_INVALL || op === ITS_MOVALL) return name;
  if (op === ITS_MAPD) return `${name} device 0x${deviceId.toString(16)}`;
  return `${name} device 0x${deviceId.toString(16)} event ${eventId}`;
}
