/**
 * Links: `v=1&s=<scenario id>&k=<kernel>&n=<step>&x.<name>=<value>`, or `t=<text>` in place of `s`: the scenario's text,
 * deflated (raw), then base64url; `b=<branches>` where there are several, as JSON packed the same way. Old versions are upgraded one at a time; a newer one is refused.
 */
import type { Answer, LinkState } from "../protocol.ts";
import { fromBase64url, toBase64url } from "./base64url.ts";

export const LINK_VERSION = 1;

/** Raw deflate and back; the worker has it from the browser, the command line from Node. `inflate` rejects on bad data. */
export interface Compressor {
  deflate(bytes: Uint8Array): Promise<Uint8Array>;
  /** Refuses to make more than `limit` bytes. */
  inflate(bytes: Uint8Array, limit: number): Promise<Uint8Array>;
}

/** Largest scenario text that a link may unpack to, bytes. */
const LIMIT = 4 << 20;

/** `upgraders[n]` turns the fields of version n into those of version n + 1. */
const upgraders: ((fields: Map<string, string>) => void)[] = [];

export async function encodeLink(state: LinkState, compressor: Compressor): Promise<string> {
  const fields: [string, string][] = [["v", String(LINK_VERSION)]];
  if ("id" in state.scenario) fields.push(["s", state.scenario.id]);
  else fields.push(["t", toBase64url(await compressor.deflate(utf8(state.scenario.text)))]);
  fields.push(["k", state.kernel], ["n", String(state.step)]);
  if (state.branches !== undefined) {
    const all = { open: state.branch ?? "", branches: state.branches };
    fields.push(["b", toBase64url(await compressor.deflate(utf8(JSON.stringify(all))))]);
  }
  for (const [name, value] of Object.entries(state.view)) fields.push([`x.${name}`, value]);
  return fields
    .map(([name, value]) => `${encodeURIComponent(wellFormed(name))}=${encodeURIComponent(wellFormed(value))}`)
    .join("&");
}

export async function decodeLink(fragment: string, compressor: Compressor): Promise<Answer<LinkState>> {
  const fields = split(fragment.replace(/^#/, ""));
  if (fields === null) return refuse("The link holds a broken escape (%); it was probably cut.");
  const version = fields.get("v");
  if (version === undefined)
    return refuse("The link has no version (v=1); it was not made by this program or was cut.");
  if (!/^[0-9]{1,9}$/.test(version) || Number(version) < 1)
    return refuse(`The link's version "${version}" is no version.`);
  if (Number(version) > LINK_VERSION)
    return refuse(
      `The link has version ${version}, this program reads up to ${LINK_VERSION}; open it with a newer one.`,
    );
  for (let v = Number(version); v < LINK_VERSION; v++) upgraders[v]?.(fields);

  const kernel = fields.get("k");
  if (kernel === undefined || kernel === "") return refuse("The link names no kernel (k=...).");
  const step = fields.get("n") ?? "0";
  if (!/^[0-9]{1,6}$/.test(step)) return refuse(`The link's step "${step}" is no number.`);
  const view: Record<string, string> = {};
  for (const [name, value] of fields) if (name.startsWith("x.")) view[name.slice(2)] = value;

  const others = await branchesOf(fields.get("b"), compressor);
  if (others === null) return refuse("The branches in the link cannot be unpacked; the link was probably cut.");
  const id = fields.get("s");
  if (id !== undefined) return { ok: true, value: { scenario: { id }, ...others, kernel, step: Number(step), view } };
  const packed = fields.get("t");
  if (packed === undefined) return refuse("The link names no scenario (s=...) and holds none (t=...).");
  const bytes = fromBase64url(packed);
  if (bytes === null) return refuse("The scenario in the link is not base64url; the link was probably cut.");
  try {
    const text = fromUtf8(await compressor.inflate(bytes, LIMIT));
    return { ok: true, value: { scenario: { text }, ...others, kernel, step: Number(step), view } };
  } catch {
    return refuse("The scenario in the link cannot be unpacked; the link was probably cut.");
  }
}

async function branchesOf(
  packed: string | undefined,
  compressor: Compressor,
): Promise<Pick<LinkState, "branches" | "branch"> | null> {
  if (packed === undefined) return {};
  const bytes = fromBase64url(packed);
  if (bytes === null) return null;
  try {
    const raw: unknown = JSON.parse(fromUtf8(await compressor.inflate(bytes, LIMIT)));
    if (typeof raw !== "object" || raw === null || !("open" in raw) || !("branches" in raw)) return null;
    const { open, branches } = raw;
    if (typeof open !== "string" || !Array.isArray(branches) || !branches.every(isBranch)) return null;
    return { branch: open, branches: branches.map(({ id, name, text }) => ({ id, name, text })) };
  } catch {
    return null;
  }
}

function isBranch(raw: unknown): raw is { id: string; name: string; text: string } {
  if (typeof raw !== "object" || raw === null || !("id" in raw) || !("name" in raw) || !("text" in raw)) return false;
  return typeof raw.id === "string" && typeof raw.name === "string" && typeof raw.text === "string";
}

function refuse(message: string): { ok: false; problem: { message: string } } {
  return { ok: false, problem: { message } };
}

function split(fragment: string): Map<string, string> | null {
  const fields = new Map<string, string>();
  try {
    for (const part of fragment.split("&")) {
      const at = part.indexOf("=");
      if (at > 0) fields.set(decodeURIComponent(part.slice(0, at)), decodeURIComponent(part.slice(at + 1)));
    }
  } catch {
    return null;
  }
  return fields;
}

/** Half a surrogate pair has no UTF-8. */
function wellFormed(text: string): string {
  return text.replaceAll(/[\ud800-\udfff]/gu, "\ufffd");
}

function utf8(text: string): Uint8Array {
  const escaped = encodeURIComponent(wellFormed(text));
  const bytes: number[] = [];
  for (let i = 0; i < escaped.length; i++) {
    if (escaped[i] === "%") bytes.push(Number.parseInt(escaped.slice(i + 1, (i += 2) + 1), 16));
    else bytes.push(escaped.charCodeAt(i));
  }
  return Uint8Array.from(bytes);
}

/** Throws on bytes that are not UTF-8. */
function fromUtf8(bytes: Uint8Array): string {
  let escaped = "";
  for (const b of bytes) escaped += `%${b.toString(16).padStart(2, "0")}`;
  return decodeURIComponent(escaped);
}
