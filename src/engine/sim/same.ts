/** Structural comparison of two worlds, identities included: used to prove that a seek equals a fresh run. */
import type { SelfCopying } from "../../hw/base/self_copying.ts";

/**
 * Path of the first place where two graphs differ (`.kernel.contexts[0].next`), or `null` when they are the same graph.
 * Two objects that are one object on one side must be one object on the other. Map and Set entries are compared in order.
 */
export function firstDifference(a: unknown, b: unknown): string | null {
  const partner = new Map<object, object>();
  const open: [unknown, unknown, string][] = [[a, b, ""]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [x, y, path] = next;
    if (typeof x !== "object" || x === null || typeof y !== "object" || y === null) {
      if (!Object.is(x, y)) return path === "" ? "." : path;
      continue;
    }
    const known = partner.get(x);
    if (known !== undefined) {
      if (known !== y) return `${path} (another object)`;
      continue;
    }
    partner.set(x, y);
    if (x === y && Object.isFrozen(x)) continue;
    if (Object.getPrototypeOf(x) !== Object.getPrototypeOf(y)) return `${path} (class)`;
    const parts = children(x);
    const others = children(y);
    if (parts.length !== others.length) return `${path} (${parts.length} and ${others.length} parts)`;
    for (let i = parts.length - 1; i >= 0; i--) {
      const p = parts[i];
      const o = others[i];
      if (p === undefined || o === undefined) continue;
      if (p[0] !== o[0]) return `${path}${p[0]} (${o[0]})`;
      open.push([p[1], o[1], path + p[0]]);
    }
  }
  return null;
}

function children(x: object): [string, unknown][] {
  if (ArrayBuffer.isView(x)) return [...(x as Uint8Array)].map((v, i) => [`[${i}]`, v]);
  const parts: [string, unknown][] = [];
  if (x instanceof Map) [...x].forEach(([k, v], i) => parts.push([`.key(${i})`, k], [`.value(${i})`, v]));
  if (x instanceof Set) [...x].forEach((v, i) => parts.push([`.item(${i})`, v]));
  const own = "selfState" in x ? (x as SelfCopying).selfState() : (x as Record<string, unknown>);
  for (const key of Object.keys(own)) parts.push([`.${key}`, own[key]]);
  return parts;
}
