/** Files that a person opens: told apart by what stands in them, and made ready to be played. */
import type { MachineDesc } from "../../hw/machine.ts";
import type { ResolvedProfile } from "../kernel/profile.ts";
import type { Playable } from "../sim/playable.ts";
import type { MachineSource } from "../sim/machine_sources.ts";
import { BadInput, parseJson } from "./parse.ts";
import { ABOUT, type Watching } from "./recording.ts";
import { recordArm } from "./recording_arm.ts";
import { recordX86 } from "./recording_x86.ts";
import { ARM_TRACE_MACHINE, opensDevice, traceHead, X86_TRACE_MACHINE } from "./trace_head.ts";

export interface OpenedFile {
  name: string;
  text: string;
}

/** A trace that can be played on a kernel. */
export interface RecordingSource {
  title: string;
  source: string;
  question: string;
  /** `linux-7.2`; null when the trace does not say. */
  kernel: string | null;
  machine: string;
  records: number;
  /** Throws BadInput, naming the record, on what cannot be read. */
  start: (profile: ResolvedProfile, watching: Watching) => Playable;
}

/** Records of one trace that are opened: a longer one is for the command line. */
const MOST = 20_000;

/** Null where the file is a scenario. Throws BadInput with one sentence on what cannot be opened. */
export async function openFiles(
  files: readonly OpenedFile[],
  machines: readonly MachineSource[],
): Promise<RecordingSource | null> {
  const dumps = new Map<string, unknown>();
  const others: OpenedFile[] = [];
  for (const file of files) {
    const dump = tableDump(file);
    if (dump === undefined) others.push(file);
    else dumps.set(plainName(file.name), dump);
  }
  const [file] = others;
  if (file === undefined)
    throw new BadInput(
      `${files[0]?.name ?? "No file"}: a dump of page tables is opened together with its trace; alone it is checked by lab walk`,
    );
  if (others.length > 1) throw new BadInput(`${others[1]?.name ?? ""}: one trace or scenario at a time`);
  if (!file.text.trimStart().startsWith("{")) return null;
  const lines = file.text.split("\n").filter((line) => line.trim() !== "");
  const first = lines[0] ?? "";
  if (lines.length === 1 || !isRecord(first)) return refuseOther(file);
  return trace(file.name, lines, dumps, machines);
}

/** The sentence of a refusal; null for a mistake of this program. */
export function refusal(e: unknown): string | null {
  return e instanceof BadInput ? e.message : null;
}

function isRecord(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && ("t" in value || "op" in value);
  } catch {
    return false;
  }
}

/** Other JSON: a scenario goes its own way, the rest is named. */
function refuseOther({ name, text }: OpenedFile): null {
  if (/^\s*\{\s*"case"/.test(text)) throw new BadInput(`${name}: random table walks are checked by lab walk`);
  return null;
}

function tableDump({ name, text }: OpenedFile): unknown {
  if (
    !/^\s*\{/.test(text) ||
    !/"memory"\s*:/.test(text) ||
    !/"streamid"\s*:/.test(text) ||
    /^\s*\{\s*"case"/.test(text)
  )
    return undefined;
  const value = parseJson(name, text);
  return typeof value === "object" && value !== null && "regs" in value ? value : undefined;
}

/** `c-s1-nested` of `c-s1-nested.json.gz`. */
function plainName(name: string): string {
  return name.replace(/\.(gz|br)$/, "").replace(/\.json$/, "");
}

async function trace(
  name: string,
  all: readonly string[],
  dumps: ReadonlyMap<string, unknown>,
  machines: readonly MachineSource[],
): Promise<RecordingSource> {
  const head = traceHead(name, all[0] ?? "");
  const lines = all.slice(0, MOST);
  const title = lines.length < all.length ? `${name}, records 1 to ${MOST} of ${all.length}` : name;
  if (!head.arm) {
    const machine = opensDevice(lines.join("\n")) ? X86_TRACE_MACHINE : "";
    const desc = machine === "" ? null : await x86Machine(machine);
    return {
      title,
      ...ABOUT,
      kernel: head.kernel,
      machine,
      records: lines.length,
      start: (profile, watching) => recordX86(lines, { name: title, profile, machine: desc, watching }),
    };
  }
  const machine = head.machine ?? ARM_TRACE_MACHINE;
  const desc = await machines.find((m) => m.id === machine)?.load();
  if (desc === undefined) throw new BadInput(`${name}: made on machine "${machine}", which is not known here`);
  return {
    title,
    ...ABOUT,
    kernel: head.kernel,
    machine,
    records: lines.length - headers(lines),
    start: playArm(lines, title, desc, dumps),
  };
}

const playArm =
  (lines: readonly string[], name: string, machine: MachineDesc, dumps: ReadonlyMap<string, unknown>) =>
  (profile: ResolvedProfile, watching: Watching): Playable =>
    recordArm(lines, { name, profile, machine, dumps, watching });

/** Records that are no steps. */
const headers = (lines: readonly string[]): number => lines.filter((l) => /"t":\s*"header"/.test(l)).length;

async function x86Machine(id: string) {
  const { x86MachineById } = await import("../sim/machines_x86.ts");
  const desc = x86MachineById(id);
  if (desc === undefined) throw new BadInput(`machine "${id}" is not known here`);
  return desc;
}
