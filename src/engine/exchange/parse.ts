/** Refusing bad input in one sentence, and the small readers that the importers share. */
import { z } from "zod/mini";

/** Refused input: one sentence with the place. */
export class BadInput extends Error {}

/** JSON.parse with the place in its complaint. */
export function parseJson(place: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (e) {
    throw new BadInput(`${place}${lineOf(text, e)}: not JSON`);
  }
}

/** ` line 3`, when the text has several lines and the parser says where it stopped. */
function lineOf(text: string, e: unknown): string {
  const at = e instanceof Error ? /position (\d+)/.exec(e.message)?.[1] : undefined;
  if (at === undefined || !text.includes("\n")) return "";
  return ` line ${text.slice(0, Number(at)).split("\n").length}`;
}

/** Checks a value against a schema. */
export function parseShape<T>(place: string, schema: z.ZodMiniType<T>, value: unknown): T {
  const r = schema.safeParse(value);
  if (r.success) return r.data;
  const issue = r.error.issues[0];
  const path = issue === undefined || issue.path.length === 0 ? "" : `"${issue.path.join(".")}" `;
  throw new BadInput(`${place}: ${path}${issue === undefined ? "not understood" : complaint(issue)}`);
}

function complaint(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_type") return `is missing or is not of type ${issue.expected}`;
  if (issue.code === "invalid_value") return `should be one of ${issue.values.map(String).join(", ")}`;
  return "is not what belongs there";
}

/** A `0x...` number below 2^64, as halves. */
export interface Halves {
  lo: number;
  hi: number;
}

export function halves(text: string): Halves {
  const digits = text.replace(/^0x/, "").padStart(16, "0");
  if (!/^[0-9a-f]{16}$/i.test(digits)) throw new BadInput(`not a 64-bit number: ${text}`);
  return { hi: Number.parseInt(digits.slice(0, 8), 16), lo: Number.parseInt(digits.slice(8), 16) };
}

/** A `0x...` number that must be exact as a plain number. */
export function address(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new BadInput(`not an address: ${text}`);
  return value;
}
