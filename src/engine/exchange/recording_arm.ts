/** An Arm trace as something that can be played: every record a step, every moment a world, each answer compared. */
import type { MachineDesc } from "../../hw/machine.ts";
import type { ResolvedProfile } from "../kernel/profile.ts";
import type { VfioPciDevice } from "../kernel/vfio/vfio_pci.ts";
import type { Bare, StepResult } from "../sim/result.ts";
import { tellDma, tellMsi } from "../sim/steps/device.ts";
import { present } from "../sim/steps/present.ts";
import { traced } from "../sim/traced.ts";
import { World, type WorldDevice } from "../sim/world.ts";
import { decode } from "../uapi/codec.ts";
import { errnoName } from "../uapi/errno.ts";
import { MAP_FLAGS } from "../uapi/iommufd.ts";
import type { MadeCall } from "./arm_ioctl.ts";
import type { ArmRecord } from "./arm_records.ts";
import { type Watching, Recording } from "./recording.ts";
import { recordSteps, type RecordStep } from "./recording_arm_steps.ts";
import { type RecordVerdict, ReplayArm } from "./replay_arm.ts";
import { kindOfFd } from "./replay_arm_world.ts";

export interface RecordingOptions {
  /** What the file is called: the title. */
  name: string;
  profile: ResolvedProfile;
  machine: MachineDesc;
  /** Table dumps by name, where they came with the trace. */
  dumps: ReadonlyMap<string, unknown>;
  watching?: Watching;
}

/** Plays everything. Throws BadInput, naming the record, on what cannot be read. */
export function recordArm(
  lines: Iterable<string>,
  { name, profile, machine, dumps, watching }: RecordingOptions,
): Recording<ReplayArm, RecordStep> {
  const start = new ReplayArm(lines, { profile, machine, dumps });
  return new Recording({
    name,
    kernel: profile.profile.id,
    machine: machine.id,
    lines: recordSteps(start.records, deviceName),
    start,
    play: playRecord,
    world: worldOf,
    ...(watching === undefined ? {} : { watching }),
  });
}

function playRecord(replay: ReplayArm, { index, text }: RecordStep, watch: boolean): StepResult {
  const record = replay.records[index];
  if (record === undefined) throw new Error(`no record ${index}`);
  let verdict: RecordVerdict = { kind: "context", differences: [] };
  const run = (): Bare => {
    const done = (): RecordVerdict => (verdict = replay.play(index));
    return tell(replay, record, done);
  };
  const { value, trace } = watch ? traced(replay.world.k, replay.world.machine, run) : { value: run(), trace: [] };
  return { ...value, args: text, trace, agreement: { kind: verdict.kind, text: verdict.differences.join("; ") } };
}

function tell(replay: ReplayArm, record: ArmRecord, play: () => RecordVerdict): Bare {
  const device = deviceOf(worldOf(replay), record);
  if (record.t === "dma" && device !== undefined) {
    const asked = { iova: BigInt(record.iova ?? 0), length: BigInt(record.len ?? 0), write: record.op === "write" };
    return tellDma(worldOf(replay), device, asked, () => {
      play();
      return need(replay.last.dma);
    });
  }
  if (record.t === "msi_fire" && device !== undefined)
    return tellMsi(worldOf(replay), device, 0, () => {
      play();
      return need(replay.last.msi);
    });
  const verdict = play();
  const { call } = replay.last;
  if (call !== undefined) return tellCall(worldOf(replay), replay, record, call);
  const refs = device === undefined ? [] : [`dev:${device.name}`];
  const sid = record.t === "ste" ? record.sid : undefined;
  if (sid !== undefined) refs.unshift(`ste:0x${sid.toString(16)}`);
  const ok = verdict.kind !== "differs";
  return { outcome: ok ? "ok" : "errno", errno: "ok", summary: SUMMARIES[verdict.kind], seen: {}, refs };
}

const SUMMARIES: Readonly<Record<RecordVerdict["kind"], string>> = Object.freeze({
  agrees: "as recorded",
  differs: "differs",
  given: "given",
  context: "",
  skipped: "not modelled",
});

function tellCall(world: World, replay: ReplayArm, record: ArmRecord, made: MadeCall): Bare {
  const { ret, def } = made;
  if (def === undefined) {
    const errno = ret < 0 ? errnoName(ret) : "ok";
    const seen = { ret: BigInt(ret), errno };
    return { outcome: ret < 0 ? "errno" : "ok", errno, summary: ret < 0 ? errno : String(ret), seen, refs: [] };
  }
  const values: Record<string, bigint> = {};
  for (const [name, value] of Object.entries(decode(def, made.before))) values[name] = BigInt(value);
  if (def.name === "IOMMU_IOAS_MAP" && ((values["flags"] ?? 0n) & BigInt(MAP_FLAGS.FIXED)) === 0n)
    delete values["iova"];
  const arrays = made.arrays.map((a) => ({ ...a, layout: { struct: a.title, size: a.bytes.length, fields: {} } }));
  const call = { def, before: made.before, after: made.after, arrays };
  const fd = kindOfFd(record.fd ?? "") === "iommufd" ? (replay.world.fds.get(record.fd ?? "") ?? -1) : world.iommufd;
  return present(world, fd, values, { ret, call, out: decode(def, made.after) });
}

function need<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("a device's record that did nothing");
  return value;
}

/** The replayed program as the views know a world: its files, and the devices that it has open. */
function worldOf(replay: ReplayArm): World {
  const { k, machine, task, fds, arena } = replay.world;
  const world = new World(machine, k, task, fds.get("iommu") ?? -1, arena);
  for (const [bdf, vdev] of replay.world.platform.vfio) {
    if (vdev.open_count === 0) continue;
    const name = nameOf(replay, bdf, vdev);
    world.devices.set(name, { name, bdf, fd: openFd(replay, vdev), id: vdev.idev?.id ?? 0, eventfds: [] });
  }
  return world;
}

/** -1 for a device that its group opened. */
function openFd({ world }: ReplayArm, vdev: VfioPciDevice): number {
  return [...world.fds.values()].find((fd) => world.task.fds.get(fd)?.path === vdev.node) ?? -1;
}

/** Name that the recording gives to a function, else its node's. */
function nameOf(replay: ReplayArm, bdf: string, vdev: VfioPciDevice): string {
  for (const [name, known] of replay.world.bdfs) if (known === bdf) return name;
  return vdev.node.slice(vdev.node.lastIndexOf("/") + 1);
}

function deviceName(record: ArmRecord): string {
  const name = record.dev ?? (kindOfFd(record.fd ?? "") === "vfio-device" ? (record.fd ?? "") : "");
  return name === "iommu" || name === "" ? "" : name.slice(name.lastIndexOf("/") + 1);
}

function deviceOf(world: World, record: ArmRecord): WorldDevice | undefined {
  return world.devices.get(deviceName(record));
}
