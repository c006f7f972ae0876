/** A canonical text of a kernel's state: two states are the same exactly when their texts are. */
import type { Kernel } from "../kernel/kernel.ts";
import { PinCounts } from "../kernel/mm/frames.ts";
import { RangeMap } from "../kernel/range_map.ts";
import { PhysMem } from "../../hw/memory.ts";

/** Fields that are no state of the kernel: the watcher, the injection, the caller's registers. */
const IGNORED = new Set(["tracer", "failAt", "current", "ops", "profile", "features", "config"]);

export function fingerprint(k: Kernel): string {
  const seen = new Map<object, number>();
  const out: string[] = [];

  const value = (x: unknown): void => {
    if (typeof x === "function") out.push("fn");
    else if (typeof x !== "object" || x === null) out.push(typeof x === "bigint" ? `${x}n` : String(x));
    else object(x);
  };
  const list = (items: Iterable<unknown>): void => {
    out.push("[");
    for (const item of items) {
      value(item);
      out.push(",");
    }
    out.push("]");
  };
  const object = (x: object): void => {
    const known = seen.get(x);
    if (known !== undefined) {
      out.push(`#${known}`);
      return;
    }
    seen.set(x, seen.size);
    if (Object.isFrozen(x)) out.push("frozen");
    else if (x instanceof PhysMem) out.push("memory");
    else if (x instanceof RangeMap) list(x);
    else if (x instanceof PinCounts) pins(x);
    else if (ArrayBuffer.isView(x)) out.push(`bytes${x.byteLength}`);
    else if (x instanceof Map || x instanceof Set || Array.isArray(x)) list(x);
    else fields(x);
  };
  const pins = (x: PinCounts): void => {
    for (const [key, chunk] of [...x.chunks].sort((a, b) => a[0] - b[0])) {
      if (chunk.some((count) => count !== 0)) out.push(`${key}:${chunk.join(" ")};`);
    }
  };
  const fields = (x: object): void => {
    out.push("{");
    for (const [name, field] of Object.entries(x)) {
      if (IGNORED.has(name)) continue;
      out.push(`${name}=`);
      value(field);
      out.push(";");
    }
    out.push("}");
  };
  object(k);
  return out.join("");
}

/** The first place where two fingerprints differ, with some text around. */
export function differenceAt(a: string, b: string): string {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return `${a.slice(Math.max(at - 200, 0), at + 60)}\n--- instead ---\n${b.slice(Math.max(at - 40, 0), at + 60)}`;
}
