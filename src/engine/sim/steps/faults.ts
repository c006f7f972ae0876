/** Event files as a program uses them: every record and every answer is bytes through read() and write(). */
import { EVENT_NAMES } from "../../../hw/smmuv3/evtq.ts";
import { copy_from_mm, copy_to_mm } from "../../kernel/mm/uaccess.ts";
import { sys_poll, sys_read, sys_write } from "../../kernel/syscall.ts";
import { decode, encode } from "../../uapi/codec.ts";
import { defineIoctl, type Layout } from "../../uapi/layout.ts";
import {
  HWPT_PAGE_RESPONSE,
  HWPT_PGFAULT,
  PGFAULT_FLAGS,
  VEVENT_ARM_SMMUV3,
  VEVENT_HEADER,
} from "../../uapi/records.ts";
import type { Args } from "../args.ts";
import type { Bare, Call, Seen } from "../result.ts";
import type { World } from "../world.ts";
import { answer } from "./files.ts";

const ROOM = 0x2000;
const LOST_EVENTS = 1;
const POLLIN = 1;
const POLLOUT = 4;

/** Null where the operation is none of these. */
export function runFaults(world: World, args: Args): Bare | null {
  switch (args.op.name) {
    case "READ_FAULTS":
      return readFaults(world, args);
    case "RESPOND":
      return respond(world, args);
    case "READ_EVENTS":
      return readEvents(world, args);
    case "POLL":
      return poll(world, args);
    case "HELD":
      return held(world, args);
    case "PAGE_ANSWERS":
      return pageAnswers(world, args);
    default:
      return null;
  }
}

/** Bytes that one read() gave, or its negative errno. */
export function readFile(world: World, fd: number, bytes: number): Uint8Array | number {
  const { kernel: k, vmm, scratch } = world;
  const n = sys_read(k, vmm, fd, scratch, bytes);
  if (n < 0) return n;
  const out = new Uint8Array(n);
  copy_from_mm(k, vmm.mm, scratch, out);
  return out;
}

/** read() and write() as the inspector shows calls. */
function callOf(name: string, layout: Layout, bytes: Uint8Array, title: string): Call {
  const def = defineIoctl({ name, struct: layout.struct, cmd: 0, size: 0, since: "", on: "iommufd" }, {});
  const none = new Uint8Array();
  return { def, before: none, after: none, arrays: bytes.length === 0 ? [] : [{ title, layout, bytes }] };
}

const count = (n: number, one: string): string => (n === 1 ? `1 ${one}` : `${n} ${one}s`);

function readFaults(world: World, args: Args): Bare {
  const fd = args.num("queue", -1);
  const whole = ROOM - (ROOM % HWPT_PGFAULT.size);
  const bytes = readFile(world, fd, args.num("bytes", whole));
  if (typeof bytes === "number") return answer(bytes, "", {});
  const n = bytes.length / HWPT_PGFAULT.size;
  const records = Array.from({ length: n }, (_, i) => decode(HWPT_PGFAULT, bytes, i * HWPT_PGFAULT.size));
  const waiting = world.actors.unanswered.get(fd) ?? [];
  for (const r of records) if (!waiting.includes(r.cookie)) waiting.push(r.cookie);
  world.actors.unanswered.set(fd, waiting);
  const shown = records[args.num("at", 0)];
  const seen: Record<string, Seen> = { ret: BigInt(bytes.length), errno: "ok", records: BigInt(n) };
  if (shown !== undefined) {
    seen["who"] = [...world.devices.values()].find((d) => d.id === shown.dev_id)?.name ?? "unknown";
    seen["flags"] = BigInt(shown.flags);
    seen["grpid"] = BigInt(shown.grpid);
    seen["perm"] = BigInt(shown.perm);
    seen["addr"] = shown.addr;
    seen["cookie"] = BigInt(shown.cookie);
    if ((shown.flags & PGFAULT_FLAGS.PASID_VALID) !== 0) seen["pasid"] = BigInt(shown.pasid);
  }
  const who = shown === undefined ? "" : `, ${String(seen["who"])}`;
  const call = callOf("read", HWPT_PGFAULT, bytes, "faults");
  return { ...answer(0, count(n, "fault") + who, {}), seen, call };
}

/** Without cookie= the oldest group that was read and not answered yet. */
function respond(world: World, args: Args): Bare {
  const { kernel: k, vmm, scratch } = world;
  const fd = args.num("queue", -1);
  const waiting = world.actors.unanswered.get(fd) ?? [];
  const cookie = args.num("cookie", waiting[0] ?? 0);
  const bytes = encode(HWPT_PAGE_RESPONSE, { cookie, code: args.num("code", 0) });
  copy_to_mm(k, vmm.mm, scratch, bytes);
  const ret = sys_write(k, vmm, fd, scratch, args.num("bytes", bytes.length));
  if (ret >= 0)
    world.actors.unanswered.set(
      fd,
      waiting.filter((c) => c !== cookie),
    );
  const call = callOf("write", HWPT_PAGE_RESPONSE, bytes, "response");
  return { ...answer(ret, "answered", { cookie: BigInt(cookie) }), call };
}

/** Records of a vIOMMU's queue; a lost-events record is a head alone. */
export function vevents(bytes: Uint8Array): { lost: boolean; sequence: number; data: Uint8Array }[] {
  const out: { lost: boolean; sequence: number; data: Uint8Array }[] = [];
  for (let at = 0; at + VEVENT_HEADER.size <= bytes.length;) {
    const { flags, sequence } = decode(VEVENT_HEADER, bytes, at);
    const lost = (flags & LOST_EVENTS) !== 0;
    const start = at + VEVENT_HEADER.size;
    at = lost ? start : start + VEVENT_ARM_SMMUV3.size;
    out.push({ lost, sequence, data: bytes.subarray(start, at) });
  }
  return out;
}

/** Words of an SMMUv3 event record as `expect` names them. */
export function eventSeen(data: Uint8Array): Record<string, Seen> {
  const e = decode(VEVENT_ARM_SMMUV3, data);
  const id = Number(e.evt0 & 0xffn);
  const bit = (n: bigint): boolean => ((e.evt1 >> n) & 1n) === 1n;
  const seen: Record<string, Seen> = { event: EVENT_NAMES[id] ?? `event_${id}`, sid: e.evt0 >> 32n, addr: e.evt2 };
  seen["perm"] = (bit(35n) ? 1n : 2n) | (bit(34n) ? 4n : 0n) | (bit(33n) ? 8n : 0n);
  if (((e.evt0 >> 11n) & 1n) === 1n) seen["pasid"] = (e.evt0 >> 12n) & 0xfffffn;
  return seen;
}

function readEvents(world: World, args: Args): Bare {
  const bytes = readFile(world, args.num("queue", -1), args.num("bytes", ROOM));
  if (typeof bytes === "number") return answer(bytes, "", {});
  const records = vevents(bytes);
  const lost = records.filter((r) => r.lost).length;
  const shown = records[args.num("at", 0)];
  const seen: Record<string, Seen> = {
    ret: BigInt(bytes.length),
    errno: "ok",
    records: BigInt(records.length),
    lost: BigInt(lost),
  };
  if (shown !== undefined) {
    seen["sequence"] = BigInt(shown.sequence);
    if (!shown.lost) Object.assign(seen, eventSeen(shown.data));
  }
  const told = count(records.length - lost, "event") + (lost > 0 ? ", lost some" : "");
  return { ...answer(0, told, {}), seen, call: callOf("read", VEVENT_HEADER, bytes, "events") };
}

function poll(world: World, args: Args): Bare {
  const value = sys_poll(world.kernel, world.vmm, args.num("queue", -1), POLLIN | POLLOUT);
  const told = (value & POLLIN) !== 0 ? "readable" : "quiet";
  return answer(0, told, { value: BigInt(value) });
}

function held(world: World, args: Args): Bare {
  const { name } = args.device();
  const result = world.actors.held.get(name);
  const refs = [`dev:${name}`];
  if (result === undefined) return { ...answer(0, "nothing was held", { records: 0n }), refs };
  const waiting = result.stalled !== null;
  const event = waiting ? "waiting" : result.ok ? "none" : (EVENT_NAMES[result.fault?.event ?? 0] ?? "ended");
  const summary = waiting ? "waits" : result.ok ? "done" : `ended, ${event}`;
  const seen: Record<string, Seen> = { event, errno: result.ok ? "ok" : "none" };
  const [run] = result.runs;
  if (result.ok && run !== undefined) seen["pa"] = BigInt(run.pa);
  const outcome = waiting ? "pending" : result.ok ? "ok" : "fault";
  return { outcome, errno: result.ok ? "ok" : event, summary, seen, refs };
}

function pageAnswers(world: World, args: Args): Bare {
  const { name, bdf } = args.device();
  const answers = world.machine.pci.byBdf.get(bdf)?.pageResponses ?? [];
  const shown = answers.at(args.num("at", -1));
  const seen: Record<string, Seen> = { records: BigInt(answers.length), errno: "ok" };
  if (shown !== undefined) {
    seen["event"] = shown.code;
    seen["grpid"] = BigInt(shown.prgi);
    if (shown.ssid >= 0) seen["pasid"] = BigInt(shown.ssid);
  }
  const told = count(answers.length, "answer") + (shown === undefined ? "" : `, ${shown.code}`);
  return { ...answer(0, told, {}), seen, refs: [`dev:${name}`] };
}
