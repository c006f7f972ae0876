/** Answers of the protocol, said shortly. */
import type { Answer, Problem } from "./protocol.ts";

export const no = (problem: Problem): { ok: false; problem: Problem } => ({ ok: false, problem });
export const yes = <T>(value: T): { ok: true; value: T } => ({ ok: true, value });

/** An answer, or a sentence that says why there is none. */
export function said<T extends object>(value: T | string): Answer<T> {
  return typeof value === "string" ? no({ message: value.endsWith(".") ? value : `${value}.` }) : yes(value);
}
