/** A line of text as words with their columns, and the refusal that names a place. */

/** A refusal with its place; caught by the parser, never seen outside. */
export class Refusal extends Error {
  readonly line: number;
  readonly column: number;
  constructor(message: string, line: number, column: number) {
    super(message);
    this.line = line;
    this.column = column;
  }
}

/** Words are separated by blanks; inside `{}` and `[]` blanks are dropped. Columns are 1-based. */
export interface Token {
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

export function tokenize(text: string, line: number, from = 0): Token[] {
  const tokens: Token[] = [];
  let word = "";
  let start = 0;
  let open = 0;
  for (let i = from; i <= text.length; i++) {
    const c = text.charAt(i);
    const blank = c === " " || c === "\t" || c === "";
    if (blank && (open === 0 || c === "")) {
      if (open !== 0) throw new Refusal(`"${word}" is not closed`, line, start + 1);
      if (word !== "") tokens.push({ text: word, line, column: start + 1 });
      word = "";
      continue;
    }
    if (blank) continue;
    if (word === "") start = i;
    if (c === "{" || c === "[") open++;
    if (c === "}" || c === "]") open = Math.max(0, open - 1);
    word += c;
  }
  return tokens;
}

export function refuse(token: Token, message: string, shift = 0): never {
  throw new Refusal(message, token.line, token.column + shift);
}

/** The word that was probably meant, as ` (did you mean X?)`, or nothing. */
export function meant(word: string, known: Iterable<string>): string {
  let best = "";
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const k of known) {
    const d = distance(word.toUpperCase(), k.toUpperCase());
    if (d < least) {
      least = d;
      best = k;
    }
  }
  return best === "" ? "" : ` (did you mean ${best}?)`;
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(
        Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)),
      );
    row = next;
  }
  return row[b.length] ?? 0;
}
