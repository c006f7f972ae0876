/**
 * What the keys of states are written in: texts by number, and names for things that worlds share. Several workers that search
 * one world write the same texts, whatever each of them met first; their numbers differ and are exchanged with the texts.
 */
import { partsOf } from "./checkpoint.ts";

/** Texts by number and the names in them, of one kernel in one worker. */
export class Words {
  readonly shared = new SharedNames();
  /** In the order of their numbers. */
  readonly texts: string[] = [];
  private readonly numbers = new Map<string, number>();

  number(text: string): number {
    let number = this.numbers.get(text);
    if (number === undefined) {
      number = this.texts.length;
      this.numbers.set(text, number);
      this.texts.push(text);
    }
    return number;
  }
}

/**
 * Names for frozen objects, functions and classes. What holds plain values only is named by them; another one by a hash of its
 * source or content, so that every worker gives it the same name. A hash that two of them share is noticed, never trusted.
 */
export class SharedNames {
  /** Two things could not be told apart by their description: names are exact in this worker, and mean nothing to others. */
  ambiguous = false;
  /** Name -> description of all that are named by a hash. */
  readonly described = new Map<string, string>();
  private readonly names = new Map<object, string>();
  private readonly owners = new Map<string, object>();

  of(value: object): string {
    let name = this.names.get(value);
    if (name === undefined) {
      name = plainText(value) ?? this.hashed(value);
      this.names.set(value, name);
    }
    return name;
  }

  /** False when the name stands for something else here. */
  agree(name: string, description: string): boolean {
    const known = this.described.get(name);
    if (known === undefined) this.described.set(name, description);
    return known === undefined || known === description;
  }

  private hashed(value: object): string {
    const description = describe(value, []);
    const name = `~${hash(description)}`;
    const owner = this.owners.get(name);
    if (owner === undefined && this.agree(name, description)) {
      this.owners.set(name, value);
      return name;
    }
    this.ambiguous = true;
    return `${name}'${this.names.size}`;
  }
}

function plainText(value: object): string | null {
  if (typeof value === "function" || (value.constructor !== Object && !Array.isArray(value))) return null;
  const parts: string[] = [];
  for (const [key, part] of Object.entries(value as Record<string, unknown>)) {
    const text = typeof part === "object" && part !== null ? plainText(part) : String(part);
    if (text === null || typeof part === "function") return null;
    parts.push(`${key}:${typeof part}:${text}`);
  }
  return `{${parts.join()}}`;
}

/** Functions by their source, objects by their parts; something that stands within itself by how far up. */
function describe(value: unknown, within: readonly object[]): string {
  if (typeof value === "function") return `${value.name} ${Function.prototype.toString.call(value)}`;
  if (typeof value !== "object" || value === null) return `${typeof value}:${String(value)}`;
  const above = within.indexOf(value);
  if (above >= 0) return `^${within.length - above}`;
  const inner = partsOf(value).map((part) => describe(part, [...within, value]));
  return `${value.constructor.name} ${Object.keys(value).join()}{${inner.join()}}`;
}

function hash(text: string): string {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    a = Math.imul(a ^ c, 0x01000193);
    b = Math.imul(b ^ c, 0x5bd1e995);
    b ^= b >>> 15;
  }
  return `${(a >>> 0).toString(36)}${(b >>> 0).toString(36)}`;
}
