/** One ioctl as one line: `IOMMU_IOAS_MAP ioas=2 iova=0x8000000 len=0x1000 va=0x7f0000000000 FIXED RW`. */
import { decode } from "./codec.ts";
import type { Field, FieldKind, FileKind, IoctlDef } from "./layout.ts";
import { ioctlDef } from "./table.ts";

function flagWords(value: number | bigint, names: Readonly<Record<string, number>>): string[] {
  let rest = BigInt(value);
  const words: string[] = [];
  let access = "";
  for (const [name, bit] of Object.entries(names)) {
    if ((rest & BigInt(bit)) === 0n || bit === 0) continue;
    rest &= ~BigInt(bit);
    if (name === "R") access = `R${access}`;
    else if (name === "W") access += "W";
    else words.push(name);
  }
  if (access !== "") words.push(access);
  if (rest !== 0n) words.push(`flags=0x${rest.toString(16)}`);
  return words;
}

/** A value as the printed form and the inspector show it. */
export function fieldText(field: Field, value: number | bigint): string {
  switch (field.kind) {
    case "flags": {
      const words = flagWords(value, field.values ?? {});
      return words.length === 0 ? "0" : words.join("|");
    }
    case "enum": {
      const hit = Object.entries(field.values ?? {}).find(([, code]) => BigInt(code) === BigInt(value));
      return hit?.[0] ?? `0x${value.toString(16)}`;
    }
    case "ptr":
    case "iova":
    case "length":
      return `0x${value.toString(16)}`;
    default:
      return value.toString();
  }
}

/** Reading order: what it is about, where, how much, which memory. */
const RANK: Readonly<Partial<Record<FieldKind, number>>> = Object.freeze({ iova: 1, length: 2, ptr: 3 });

function shown(field: Field, value: number | bigint, which: "call" | "result"): boolean {
  if (field.kind === "size" || field.kind === "pad") return false;
  if (field.dir === (which === "call" ? "out" : "in")) return false;
  return BigInt(value) !== 0n || (field.kind !== "reserved" && field.kind !== "ptr");
}

function words(def: IoctlDef, bytes: Uint8Array, which: "call" | "result"): string[] {
  const values: Record<string, number | bigint> = decode(def, bytes);
  const out: { rank: number; text: string }[] = [];
  const flags: string[] = [];
  for (const [name, field] of Object.entries(def.fields)) {
    const value = values[name] ?? 0;
    if (!shown(field, value, which)) continue;
    if (field.kind === "flags") flags.push(...flagWords(value, field.values ?? {}));
    else out.push({ rank: RANK[field.kind] ?? 0, text: `${field.label ?? name}=${fieldText(field, value)}` });
  }
  return [...out.sort((a, b) => a.rank - b.rank).map((one) => one.text), ...flags];
}

/** The call, from its input bytes. A command unknown on this file prints as `ioctl 0x3b99`. */
export function printIoctl(on: FileKind, cmd: number, bytes: Uint8Array): string {
  const def = ioctlDef(on, cmd, bytes);
  if (def === undefined) return `ioctl 0x${cmd.toString(16)}`;
  return [def.name, ...words(def, bytes, "call")].join(" ");
}

/** The output fields of a call, from its output bytes: `ioas=1`. Empty when there are none. */
export function printResult(on: FileKind, cmd: number, bytes: Uint8Array): string {
  const def = ioctlDef(on, cmd, bytes);
  return def === undefined ? "" : words(def, bytes, "result").join(" ");
}
