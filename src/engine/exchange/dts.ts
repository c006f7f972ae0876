/** Reads device tree source as `dtc` prints it: nodes, properties, cells and strings. */
import { BadInput } from "./parse.ts";

export interface DtNode {
  /** With unit address: `smmuv3@9050000`; the root is `/`. */
  name: string;
  parent: DtNode | null;
  children: DtNode[];
  /** 32-bit cells of `<...>` values. */
  cells: Map<string, number[]>;
  /** Strings of `"..."` values, split at `\0`. */
  strings: Map<string, string[]>;
  /** Properties without a value. */
  flags: Set<string>;
}

const TOKEN =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|\/dts-v1\/\s*;|\/memreserve\/[^;]*;|"((?:[^"\\]|\\.)*)"|<([^>]*)>|\[[^\]]*\]|[{};=,]|[^\s{};=<",[\]]+/g;

function node(name: string, parent: DtNode | null): DtNode {
  return { name, parent, children: [], cells: new Map(), strings: new Map(), flags: new Set() };
}

/** The root node. Labels (`x:`) are dropped; references must already be numbers, as in a decompiled tree. */
export function parseDts(place: string, text: string): DtNode {
  const root = node("/", null);
  let at = null as DtNode | null;
  let pending: string | null = null;
  let property: string | null = null;
  for (const m of text.matchAll(TOKEN)) {
    const token = m[0];
    if (/^\/(\*|\/|dts-v1|memreserve)/.test(token) || token === ",") continue;
    if (token === "{") {
      const child: DtNode = at === null ? root : node(pending ?? "", at);
      if (at !== null) at.children.push(child);
      at = child;
      pending = null;
    } else if (token === "}") {
      at = at?.parent ?? null;
      pending = null;
    } else if (token === "=") {
      property = pending;
    } else if (token === ";") {
      if (pending !== null && property === null) at?.flags.add(pending);
      pending = null;
      property = null;
    } else if (m[2] !== undefined || m[1] !== undefined) {
      if (at === null || property === null)
        throw new BadInput(`${place}: a value without a property: ${token.slice(0, 40)}`);
      if (m[2] !== undefined) {
        const cells = m[2].trim() === "" ? [] : m[2].trim().split(/\s+/).map(Number);
        at.cells.set(property, [...(at.cells.get(property) ?? []), ...cells]);
      } else at.strings.set(property, [...(at.strings.get(property) ?? []), ...(m[1] ?? "").split("\\0")]);
    } else if (!token.startsWith("[") && !token.endsWith(":")) pending = token;
  }
  return root;
}

/** Every node below (and with) `from`, in the order of the text. */
export function* allNodes(from: DtNode): Generator<DtNode> {
  yield from;
  for (const child of from.children) yield* allNodes(child);
}

/** Nodes of a kind, by their `compatible`. */
export function compatibleNodes(root: DtNode, compatible: string): DtNode[] {
  return [...allNodes(root)].filter((n) => n.strings.get("compatible")?.includes(compatible) === true);
}

/** A 64-bit number of two cells; must be exact as a plain number. */
export function wide(cells: readonly number[], at: number): number {
  return (cells[at] ?? 0) * 2 ** 32 + (cells[at + 1] ?? 0);
}

/** First cell of a property, -1 = absent. */
export function cell(n: DtNode, property: string): number {
  return n.cells.get(property)?.[0] ?? -1;
}
