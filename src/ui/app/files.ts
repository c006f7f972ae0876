/** Files that a person drops on the page or chooses: read here, opened by the engine. Nothing leaves the page. */
import { tally } from "./recording.ts";
import type { Answer, Opened } from "../../engine/protocol.ts";
import { callback, type Remote } from "../engine/client.ts";
import type { Session, Source } from "./session.ts";

/** What is going on with them. */
export interface Reading {
  name: string;
  part: "reading" | "playing" | "steps";
  /** Of files while reading, of records while playing, of steps of a long scenario; total 0 = not known yet. */
  done: number;
  total: number;
}

/** Unpacked text beyond this is for the command line, bytes. */
const MOST = 256 << 20;
const FILES = 64;

export class Files {
  private readonly session: Session;
  private asked = 0;

  constructor(session: Session) {
    this.session = session;
  }

  /** The browser's own dialog. */
  choose(): void {
    const input = document.createElement("input");
    input.type = "file";
    input.multiple = true;
    input.addEventListener("change", () => void this.open([...(input.files ?? [])]));
    input.click();
  }

  /** Told by the engine for each stretch of records. */
  readonly told = (done: number, total: number): void => {
    const { reading } = this.session.store.getState();
    if (reading !== null) this.session.store.setState({ reading: { ...reading, part: "playing", done, total } });
  };

  /** Opens in the engine, and says how far it is: with records, or with the steps of a long scenario. */
  async play(api: Remote, source: Source): Promise<Answer<Opened>> {
    if ("files" in source) return api.openFiles(source.files, callback(this.told));
    const { store } = this.session;
    const name = "id" in source ? source.id : "Scenario";
    const told = (done: number, total: number): void => {
      const { reading } = store.getState();
      if (reading === null || reading.part === "steps")
        store.setState({ reading: { name, part: "steps", done, total } });
    };
    const answer = await api.open(source, callback(told));
    if (store.getState().reading?.part === "steps") store.setState({ reading: null });
    return answer;
  }

  async open(list: readonly File[]): Promise<boolean> {
    const { store } = this.session;
    const ticket = ++this.asked;
    const current = (): boolean => ticket === this.asked;
    const first = list[0];
    if (first === undefined) return false;
    store.setState({ notice: null, dialog: null });
    if (list.length > FILES) return this.refuse(`${list.length} files at once; a trace and its table dumps are fewer.`);
    const name = list.length === 1 ? first.name : `${first.name} and ${list.length - 1} more`;
    const files: { name: string; text: string }[] = [];
    let left = MOST;
    for (const file of list) {
      store.setState({ reading: { name, part: "reading", done: files.length, total: list.length } });
      const text = await textOf(file, left);
      if (!current()) return false;
      if (typeof text !== "string") return this.refuse(text.why);
      left -= text.length;
      files.push({ name: file.name, text });
    }
    store.setState({ reading: { name, part: "playing", done: 0, total: 0 } });
    const went = await this.session.open({ files });
    if (current()) store.setState({ reading: null });
    const counted = tally(store.getState().frame?.steps ?? []);
    if (went && current() && counted !== null && counted.differ > 0) {
      const missing = missingDumps(files);
      if (missing.length > 0) store.setState({ notice: withoutDumps(missing) });
    }
    return went;
  }

  /** What was open before comes back, in a fresh worker when the engine is already at work. */
  async stop(): Promise<void> {
    const { store } = this.session;
    const { reading } = store.getState();
    this.asked++;
    store.setState({ reading: null });
    if (reading !== null && reading.part !== "reading") await this.session.restart();
  }

  private refuse(why: string): false {
    this.session.store.setState({ reading: null, notice: why });
    return false;
  }
}

/** Table dumps that a trace names and that were not opened with it: `c-s1-nested`. */
export function missingDumps(files: readonly { name: string; text: string }[]): string[] {
  const there = new Set(files.map((f) => f.name.replace(/(\.json)?(\.gz)?$/, "")));
  const named = files.flatMap(({ text }) =>
    [...text.matchAll(/"t":\s*"tables"[^\n]*?"file":\s*"(?:[^"\n]*\/)?([^"/\n]+)\.json"/g)].map((m) => m[1] ?? ""),
  );
  return [...new Set(named)].filter((name) => !there.has(name));
}

function withoutDumps(names: readonly string[]): string {
  const list = names.slice(0, 3).map((n) => `${n}.json`);
  const more = names.length > list.length ? ` and ${names.length - list.length} more` : "";
  return `The trace names table dumps that were not opened with it (${list.join(", ")}${more}); what the guest wrote is known only from them. Drop them together with the trace.`;
}

/** The text of a file, unpacked when it is gzip; at most `limit` bytes. */
async function textOf(file: File, limit: number): Promise<string | { why: string }> {
  if (/\.(br|zip|xz|zst|7z|tar)$/i.test(file.name))
    return { why: `${file.name} is packed in a way that a browser cannot read; unpack it, or pack it with gzip.` };
  try {
    const head = new Uint8Array(await file.slice(0, 2).arrayBuffer());
    const packed = head[0] === 0x1f && head[1] === 0x8b;
    const stream = packed ? file.stream().pipeThrough(new DecompressionStream("gzip")) : file.stream();
    const text = new TextDecoder("utf-8", { fatal: true });
    const reader = stream.getReader();
    let out = "";
    for (let size = 0; ;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.byteLength;
      if (size > limit) {
        void reader.cancel();
        return { why: `${file.name} is larger than ${MOST >> 20} MiB; the command line opens it.` };
      }
      out += text.decode(value, { stream: true });
    }
    out += text.decode();
    return out.trim() === "" ? { why: `${file.name} is empty.` } : out;
  } catch (e) {
    if (e instanceof TypeError && /decod|UTF|encod/i.test(e.message))
      return { why: `${file.name} is no text: neither a scenario nor a trace.` };
    return { why: `${file.name} cannot be read: it is cut or damaged.` };
  }
}
