/** An x86 trace as something that can be played: every record a step, every moment a world, each answer compared. */
import { Machine, type MachineDesc } from "../../hw/machine.ts";
import { IommufdCtx } from "../kernel/iommufd/objects.ts";
import type { ResolvedProfile } from "../kernel/profile.ts";
import { Mm } from "../kernel/mm/mm.ts";
import { ALL_CAPS, Task } from "../kernel/task.ts";
import type { X86MachineDesc } from "../kernel/x86_desc.ts";
import type { Agreement, Bare, StepResult } from "../sim/result.ts";
import type { Value } from "../sim/scenario/types.ts";
import { present } from "../sim/steps/present.ts";
import { traced } from "../sim/traced.ts";
import { World } from "../sim/world.ts";
import { decode } from "../uapi/codec.ts";
import { errnoName } from "../uapi/errno.ts";
import { MAP_FLAGS } from "../uapi/iommufd.ts";
import { printIoctl } from "../uapi/print.ts";
import { ioctlDef } from "../uapi/table.ts";
import { fromHex } from "./hex.ts";
import { BadInput } from "./parse.ts";
import { type Watching, Recording, type RecordLine } from "./recording.ts";
import { processExits, ReplayX86 } from "./replay_x86.ts";
import { FILE_KINDS, parseRecord, type TraceRecord } from "./x86_records.ts";

export interface X86RecordingOptions {
  name: string;
  profile: ResolvedProfile;
  /** Null: mock devices only. */
  machine: X86MachineDesc | null;
  watching?: Watching;
}

interface RecordStep extends RecordLine {
  record: TraceRecord;
  line: string;
  /** Processes that are gone after it. */
  exits: readonly number[];
}

/** Plays everything. Throws BadInput, naming the record, on what cannot be read. */
export function recordX86(
  lines: Iterable<string>,
  { name, profile, machine, watching }: X86RecordingOptions,
): Recording<ReplayX86, RecordStep> {
  const all = [...lines].filter((line) => line !== "");
  const exits = processExits(all, machine !== null);
  const bare = new Machine(NO_MACHINE);
  return new Recording({
    name,
    kernel: profile.profile.id,
    machine: machine?.id ?? "",
    lines: all.map((line, i) => recordStep(line, i, exits.get(i) ?? [])),
    start: new ReplayX86({ profile, machine, describe: 0 }),
    play: (replay, line, watch) => playRecord(replay, line, watch, bare),
    world: (replay, line) => worldOf(replay, line, bare),
    ...(watching === undefined ? {} : { watching }),
  });
}

function playRecord(replay: ReplayX86, one: RecordStep, watch: boolean, bare: Machine): StepResult {
  let agreement: Agreement = { kind: "context", text: "" };
  const run = (): Bare => {
    agreement = replay.feed(one.line);
    return tell(replay, one, agreement, bare);
  };
  const { value, trace } = watch
    ? traced(replay.k, replay.k.platform?.machine ?? bare, run)
    : { value: run(), trace: [] };
  for (const pid of one.exits) replay.exit(pid);
  return { ...value, args: one.text, trace, agreement };
}

function tell(replay: ReplayX86, one: RecordStep, agreement: Agreement, bare: Machine): Bare {
  const { record } = one;
  const { last } = replay;
  const def = record.op === "ioctl" ? defOf(record) : undefined;
  if (last === null || def === undefined || last.before.length < def.size) return plain(record, agreement);
  const after = replay.load(last.task, last.at, last.before.length);
  const values: Record<string, bigint> = {};
  for (const [name, value] of Object.entries(decode(def, last.before))) values[name] = BigInt(value);
  if (def.name === "IOMMU_IOAS_MAP" && ((values["flags"] ?? 0n) & BigInt(MAP_FLAGS.FIXED)) === 0n)
    delete values["iova"];
  const arrays = (record.bufs ?? []).map((buf) => ({
    title: buf.f,
    layout: { struct: buf.f, size: buf.len, fields: {} },
    bytes: replay.load(last.task, BigInt(buf.p), buf.len),
  }));
  const call = { def, before: last.before, after, arrays };
  const answer = { ret: last.ret, call, out: decode(def, after) };
  return present(worldOf(replay, one, bare), record.fd ?? -1, values, answer);
}

/** The process that made the last call as the views know a world; an idle one where no process did anything. */
function worldOf(replay: ReplayX86, one: RecordStep | undefined, bare: Machine): World {
  const { k } = replay;
  const process = one === undefined || one.record.op === "fork" ? undefined : replay.running(one.record);
  const task = process ?? new Task(1, new Mm(), k.mm.user(0), ALL_CAPS, { memlock: null, nofile: 1024 });
  const fds = [...task.fds].filter(([, file]) => file.private_data instanceof IommufdCtx).map(([fd]) => fd);
  const world = new World(k.platform?.machine ?? bare, k, task, fds.length === 0 ? -1 : Math.min(...fds), 0n);
  for (const [bdf, vdev] of k.platform?.vfio ?? []) {
    if (vdev.open_count === 0) continue;
    const name = vdev.node.slice(vdev.node.lastIndexOf("/") + 1);
    const fd = [...task.fds].find(([, file]) => file.path === vdev.node)?.[0] ?? -1;
    world.devices.set(name, { name, bdf, fd, id: vdev.idev?.id ?? 0, eventfds: [] });
  }
  return world;
}

const NO_MACHINE: MachineDesc = Object.freeze({
  id: "",
  title: "",
  quirks: "none" as const,
  ram: [],
  mmio: [],
  ecam: null,
  windows: [],
  smmus: [],
  its: null,
  v2m: null,
  functions: [],
});

const kindOf = (record: TraceRecord) => FILE_KINDS[record.fdt ?? ""] ?? "iommufd";

const defOf = (record: TraceRecord) => ioctlDef(kindOf(record), Number(record.cmd), fromHex(record.in ?? ""));

function plain(record: TraceRecord, agreement: Agreement): Bare {
  const ret = Number(record.ret ?? 0);
  const failed = (record.errno ?? 0) !== 0;
  const errno = failed ? errnoName(-(record.errno ?? 0)) : "ok";
  const summary = agreement.kind === "differs" ? "differs" : failed ? errno : String(record.ret ?? "");
  return { outcome: failed ? "errno" : "ok", errno, summary, seen: { ret: BigInt(ret), errno }, refs: [] };
}

function recordStep(line: string, index: number, exits: readonly number[]): RecordStep {
  let record: TraceRecord;
  try {
    record = parseRecord(line);
  } catch (e) {
    throw new BadInput(`record ${index + 1}: ${e instanceof Error ? e.message : "not a record"}`);
  }
  const args: Record<string, Value> = {};
  const note = record.t === undefined ? {} : { note: record.t };
  if (record.op !== "ioctl") {
    const text = [record.path, record.fd === undefined ? undefined : `fd=${record.fd}`, record.len]
      .filter((x) => x !== undefined)
      .join(" ");
    return {
      record,
      line,
      exits,
      text,
      step: { actor: "vmm", op: record.op.toUpperCase(), args, checks: [], ...note },
    };
  }
  const words = printIoctl(kindOf(record), Number(record.cmd), fromHex(record.in ?? "")).split(" ");
  const text = `fd=${record.fd ?? "-"} ${words.slice(1).join(" ")}`.trim();
  return { record, line, exits, text, step: { actor: "vmm", op: words[0] ?? "ioctl", args, checks: [], ...note } };
}
