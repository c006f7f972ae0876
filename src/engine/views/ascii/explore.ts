/** What a search came to, as a person posts it: the kernels, how far it went, the steps with every answer, where they part. */
import { heading, sides, table, wrap } from "./page.ts";

/** A step of a sequence, with what each kernel answered. */
export interface ExploreStep {
  /** `vmm H1 = IOMMU_HWPT_ALLOC dev=D1 pt=I1`. */
  call: string;
  /** One a kernel: `0 hwpt 3`, `EINVAL`. */
  answers: readonly string[];
}

export interface ExplorePage {
  /** `Shortest difference of linux-6.11 and linux-6.12, 6 steps`. */
  title: string;
  /** How far it went, and what that says. */
  summary: readonly string[];
  /** The world that was searched, one fact a paragraph. */
  world: readonly string[];
  kernels: readonly string[];
  /** Run before the search. */
  given: readonly string[];
  /** Empty when nothing was found. */
  steps: readonly ExploreStep[];
  /** One a kernel: what it saw or changed in the last step and the others did not; or what is wrong. */
  says: readonly (readonly string[])[];
  /** A call after it in whose answer the difference shows. */
  shownBy: { call: string; says: readonly string[] } | null;
  /** The traces of the last step from the first check that differs, and what only one address space has; lines. */
  parts: readonly (readonly string[])[];
  /** What to type for the same search, one word an entry; empty where no command says it. */
  command: readonly string[];
}

/** Width of an answer: EADDRINUSE, and a mark. */
const ANSWER = 11;

const letter = (i: number): string => "AB"[i] ?? "?";

export function explorePage(p: ExplorePage): string[] {
  const many = p.kernels.length > 1;
  return [
    ...wrap(p.title),
    ...p.summary.flatMap((line) => ["", ...wrap(line)]),
    "",
    ...(p.given.length === 0 ? [] : [...heading("Given"), ...p.given.flatMap((g) => wrap(g, "     ", "       ")), ""]),
    ...(p.steps.length === 0 ? [] : sequence(p, many)),
    ...p.parts.flatMap((lines) => (lines.length === 0 ? [] : ["", ...lines])),
    "",
    ...heading("The world that was searched"),
    ...p.world.flatMap((line) => wrap(line, "", "  ")),
    ...(p.command.length === 0 ? [] : ["", ...commandLines(p.command)]),
  ];
}

function sequence(p: ExplorePage, many: boolean): string[] {
  const heads = p.kernels.map((_, i) => (many ? letter(i) : "answer"));
  const rows = p.steps.map((s, i) => [String(i + 1), s.call, ...s.answers]);
  const columns = [{ head: "", end: true }, { head: "" }, ...heads.map((head) => ({ head, most: many ? ANSWER : 20 }))];
  const last = p.steps.length;
  return [
    ...heading("Steps"),
    ...(many ? p.kernels.map((k, i) => `${letter(i)}  ${k}`) : []),
    ...(many ? [""] : []),
    ...table(columns, rows, " "),
    "",
    ...p.says.flatMap((facts, i) => factLines(facts, many ? `only ${letter(i)}` : `step ${last}`)),
    ...(p.shownBy === null ? [] : shown(p.shownBy)),
  ];
}

function factLines(facts: readonly string[], who: string): string[] {
  return facts.flatMap((fact, i) =>
    wrap(fact, i === 0 ? `${who}:  ` : " ".repeat(who.length + 3), " ".repeat(who.length + 5)),
  );
}

function shown({ call, says }: { call: string; says: readonly string[] }): string[] {
  return [
    "",
    ...wrap("No answer of these steps tells it. A program sees it by a next one:"),
    ...wrap(call, "    ", "      "),
    ...says.flatMap((text, i) => wrap(text, `      ${letter(i)}  `, "         ")),
  ];
}

/** Options stand with their values, each line ends as a shell goes on. */
function commandLines(words: readonly string[]): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    if (line !== "" && line.length + 1 + word.length > 66) {
      lines.push(`${line} \\`);
      line = `    ${word}`;
    } else line += line === "" ? `  ${word}` : ` ${word}`;
  }
  return [...lines, line].flatMap((l) => sides(l, ""));
}
