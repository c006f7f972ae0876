/** What a command prints. Text goes to stdout line by line; with `--json` one document instead; progress goes to stderr. */

/** The call or the input is wrong: one line on stderr, exit 2. */
export class Wrong extends Error {}

/** Exit codes of the contract: it holds, it falls short, the call or the input is wrong. */
export const HOLDS = 0;
export const FALLS_SHORT = 1;
export const WRONG = 2;

export class Output {
  readonly json: boolean;
  private readonly out: (text: string) => void;
  private readonly err: (text: string) => void;

  constructor(json: boolean, out: (text: string) => void, err: (text: string) => void) {
    this.json = json;
    this.out = out;
    this.err = err;
  }

  /** A line of the text form; nothing with --json. */
  line(text = ""): void {
    if (!this.json) this.out(`${text}\n`);
  }

  /** A text that ends its own lines; nothing with --json. */
  raw(text: string): void {
    if (!this.json) this.out(text.endsWith("\n") ? text : `${text}\n`);
  }

  /** The document of --json; nothing without. */
  document(value: unknown): void {
    if (this.json) this.out(`${toJson(value)}\n`);
  }

  progress(text: string): void {
    this.err(`${text}\n`);
  }
}

/** bigint as `"0x..."`, typed arrays as hexadecimal, Maps as objects. */
export function toJson(value: unknown): string {
  return JSON.stringify(
    value,
    (_, v: unknown) => {
      if (typeof v === "bigint") return `0x${v.toString(16)}`;
      if (v instanceof Uint8Array) return Array.from(v, (b) => b.toString(16).padStart(2, "0")).join("");
      if (v instanceof Map) return Object.fromEntries(v as Map<string, unknown>);
      return v;
    },
    2,
  );
}

/** Columns of text, each as wide as its longest cell, two blanks between; no blanks at line ends. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
