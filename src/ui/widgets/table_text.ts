/** Tables as text: what a cell says without its looks, and the rows behind each table on the page, also those not written. */
import { isValidElement, type ReactNode } from "react";

/** The letters of a cell: what stands inside of elements, and in the children of components. */
export function textOf(node: ReactNode): string {
  if (typeof node === "string" || typeof node === "number" || typeof node === "bigint") return String(node);
  if (Array.isArray(node)) return node.map((n: ReactNode) => textOf(n)).join("");
  if (!isValidElement<{ children?: ReactNode }>(node)) return "";
  return textOf(node.props.children);
}

const tables = new WeakMap<Element, () => Promise<string[][]>>();

/** Tells what stands in a table, the heads first. */
export function keepTable(table: Element, rows: () => Promise<string[][]>): void {
  tables.set(table, rows);
}

/** Heads and all rows of the last table in an element, which is a pane's twin; null when there is none. */
export async function tableIn(element: Element): Promise<string[][] | null> {
  const last = [...element.querySelectorAll("table")].findLast((t) => tables.has(t));
  return last === undefined ? null : ((await tables.get(last)?.()) ?? null);
}
