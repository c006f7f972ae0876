/** Bytes <-> values of a declared struct. */
import { SIZES, type Field, type Layout, type Values } from "./layout.ts";

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function readField(view: DataView, field: Field, base: number): number | bigint {
  const at = base + field.offset;
  switch (field.type) {
    case "u8":
      return view.getUint8(at);
    case "u16":
      return view.getUint16(at, true);
    case "u32":
      return view.getUint32(at, true);
    case "s32":
      return view.getInt32(at, true);
    case "u64":
      return view.getBigUint64(at, true);
  }
}

function writeField(view: DataView, field: Field, base: number, value: number | bigint): void {
  const at = base + field.offset;
  switch (field.type) {
    case "u8":
      return view.setUint8(at, Number(value));
    case "u16":
      return view.setUint16(at, Number(value), true);
    case "u32":
      return view.setUint32(at, Number(value), true);
    case "s32":
      return view.setInt32(at, Number(value), true);
    case "u64":
      return view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
  }
}

/** Reads all fields. Fields beyond `bytes` read as zero (a struct of an older program). */
export function decode<L extends Layout>(layout: L, bytes: Uint8Array, base = 0): Values<L> {
  const view = viewOf(bytes);
  const out: Record<string, number | bigint> = {};
  for (const name in layout.fields) {
    const field = layout.fields[name];
    if (field === undefined) continue;
    const fits = base + field.offset + SIZES[field.type] <= bytes.byteLength;
    out[name] = fits ? readField(view, field, base) : field.type === "u64" ? 0n : 0;
  }
  return out as Values<L>;
}

/** Writes the named fields into `bytes` and leaves the rest; fields beyond `bytes` are dropped. */
export function encodeInto<L extends Layout>(layout: L, bytes: Uint8Array, values: Partial<Values<L>>, base = 0): void {
  const view = viewOf(bytes);
  const given: Record<string, unknown> = values;
  for (const name in layout.fields) {
    const field = layout.fields[name];
    const value = given[name];
    if (field === undefined || (typeof value !== "number" && typeof value !== "bigint")) continue;
    if (base + field.offset + SIZES[field.type] <= bytes.byteLength) writeField(view, field, base, value);
  }
}

/** A whole struct; `size`/`argsz` is filled in unless given. */
export function encode<L extends Layout>(layout: L, values: Partial<Values<L>>): Uint8Array {
  const bytes = new Uint8Array(layout.size);
  const view = viewOf(bytes);
  for (const name in layout.fields) {
    const field = layout.fields[name];
    if (field?.kind === "size") writeField(view, field, 0, layout.size);
  }
  encodeInto(layout, bytes, values);
  return bytes;
}

/** Names and values of the fields whose bytes differ, for a "first disagreement" report. */
export function diffFields(
  layout: Layout,
  ours: Uint8Array,
  theirs: Uint8Array,
): { name: string; ours: number | bigint; theirs: number | bigint }[] {
  const left: Record<string, number | bigint> = decode(layout, ours);
  const right: Record<string, number | bigint> = decode(layout, theirs);
  const out: { name: string; ours: number | bigint; theirs: number | bigint }[] = [];
  for (const name in layout.fields) {
    const a = left[name];
    const b = right[name];
    if (a !== undefined && b !== undefined && a !== b) out.push({ name, ours: a, theirs: b });
  }
  return out;
}
