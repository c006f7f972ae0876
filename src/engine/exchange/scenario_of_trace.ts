/**
 * A recorded Arm trace as a scenario: the same calls in the same order with the same arguments, labels in the place of
 * ids, and the recorded answers as checks. What scenarios have no words for is left out and counted.
 */
import type { Check, Scenario, Step, Value } from "../sim/scenario/types.ts";
import { decode } from "../uapi/codec.ts";
import { ioctlDef } from "../uapi/table.ts";
import { type ArmRecord, parseArmRecord } from "./arm_records.ts";
import { fromHex } from "./hex.ts";
import { BadInput } from "./parse.ts";
import { kindOfFd } from "./replay_arm_world.ts";
import { stepOfCall } from "./scenario_calls.ts";
import { Labels, Memories } from "./scenario_labels.ts";

export interface TraceImport {
  /** Title of the scenario. */
  title: string;
  source: string;
  machine: string;
  kernel: string;
  /** PCI function behind a recorded file: `vfio/devices/vfio0`; undefined = none that the machine has. */
  bdfOf: (fd: string) => string | undefined;
}

export interface ImportedTrace {
  scenario: Scenario;
  /** Calls that were left out, by name. */
  left: ReadonlyMap<string, number>;
}

/** Throws BadInput, naming the record, on what cannot be read. */
export function scenarioOfTrace(lines: Iterable<string>, options: TraceImport): ImportedTrace {
  let number = 0;
  const records: ArmRecord[] = [];
  for (const line of lines) {
    number++;
    if (line !== "") records.push(parseArmRecord(line, number));
  }
  return new Importer(records, options).run();
}

const oneLine = (text: string): string => text.split(/\s+/).filter(Boolean).join(" ");
const named = (v: string): Value => ({ k: "name", v });
const int = (v: number): Value => ({ k: "int", v: BigInt(v) });

class Importer {
  private readonly records: readonly ArmRecord[];
  private readonly options: TraceImport;
  private readonly labels = new Labels();
  private readonly memories = new Memories();
  private readonly devices = new Map<string, { name: string; bdf: string }>();
  /** PCI functions that open records name. */
  private readonly opened = new Map<string, string>();
  private readonly files = new Map<string, Value>();
  private readonly steps: Step[] = [];
  private readonly left = new Map<string, number>();

  constructor(records: readonly ArmRecord[], options: TraceImport) {
    this.records = records;
    this.options = options;
  }

  run(): ImportedTrace {
    const { title, source, machine, kernel } = this.options;
    for (const record of this.records) this.memory(record);
    const memory = this.memories.settle();
    for (const record of this.records) this.take(record);
    const [first, ...rest] = this.steps;
    if (first === undefined) throw new BadInput(`${title}: no call that a scenario could make`);
    const told = [...this.left].map(([name, n]) => `${n} ${name}`).join(", ");
    const note = told === "" ? {} : { note: `Left out, because scenarios have no words for it: ${told}.` };
    const scenario: Scenario = {
      title,
      source,
      question: "Does the model answer each call of this recording as the recorded kernel did?",
      machine,
      kernels: [kernel],
      devices: [...this.devices.values()],
      memory,
      given: [],
      steps: [{ ...first, ...(first.note === undefined ? note : {}) }, ...rest],
    };
    return { scenario, left: this.left };
  }

  private memory(record: ArmRecord): void {
    if (record.t !== "ioctl" || record["errname"] === "EFAULT") return;
    const def = ioctlDef(kindOfFd(record.fd ?? ""), Number(record.nr));
    if (def?.name !== "IOMMU_IOAS_MAP" && def?.name !== "VFIO_IOMMU_MAP_DMA") return;
    const values: Record<string, number | bigint> = decode(def, fromHex(record.in ?? ""));
    const of = (...names: string[]): bigint => BigInt(names.map((n) => values[n]).find((v) => v !== undefined) ?? 0);
    this.memories.add(of("user_va", "vaddr"), of("length", "size"), of("iova"));
  }

  private take(record: ArmRecord): void {
    if (record.t === "open" && record.bdf !== undefined) this.opened.set(record.dev ?? "", record.bdf);
    const device = this.devices.get(record.dev ?? "")?.name;
    if (record.t === "close" && device !== undefined) this.said(record, "vmm", "CLOSE", { what: named(device) });
    if (record.t === "msi_fire" && device !== undefined) this.said(record, "device", "MSI", { dev: named(device) });
    if (record.t === "dma" && device !== undefined)
      this.said(record, "device", "DMA", {
        dev: named(device),
        dir: named(record.op ?? "read"),
        iova: { k: "int", v: BigInt(record.iova ?? 0) },
        len: int(record.len ?? 4),
      });
    if (record.t !== "ioctl") return;
    const def = ioctlDef(kindOfFd(record.fd ?? ""), Number(record.nr), fromHex(record.in ?? ""));
    const what = def?.name ?? record.cmd ?? "call";
    if (!this.files.has(record.fd ?? "")) this.open(record);
    const context = {
      labels: this.labels,
      memories: this.memories,
      device: (fd: string) => this.device(fd),
      container: this.files.get("vfio/vfio") ?? int(-1),
      group: (fd: string) => this.files.get(fd) ?? int(-1),
    };
    const step = def === undefined ? null : stepOfCall(record, def, context);
    if (step === null) this.left.set(what, (this.left.get(what) ?? 0) + 1);
    else this.steps.push(record.note === undefined ? step : { ...step, note: oneLine(record.note) });
  }

  /** A device's access, whose end the recording tells in other words; a closed file. */
  private said(record: ArmRecord, actor: "vmm" | "device", op: string, args: Record<string, Value>): void {
    const note = record.note === undefined ? {} : { note: oneLine(record.note) };
    const delivered = record.t === "msi_fire" && record.eventfd !== undefined;
    const checks: Check[] = delivered ? [{ kernels: [], key: "delivered", value: int(record.eventfd ?? 0) }] : [];
    this.steps.push({ actor, op, args, ...note, checks });
  }

  /** Containers and groups are opened when a call first names them: the recorder saw only ioctls. */
  private open(record: ArmRecord): void {
    const fd = record.fd ?? "";
    const kind = kindOfFd(fd);
    if (kind !== "vfio-container" && kind !== "vfio-group") return;
    const container = kind === "vfio-container";
    const label = this.labels.opened(container ? "container" : "group", record.fdnum ?? -1);
    this.files.set(fd, { k: "name", v: label });
    const dev = container ? undefined : this.device(`${fd} device`);
    const args: Record<string, Value> = dev === undefined ? {} : { dev: { k: "name", v: dev } };
    this.steps.push({ actor: "vmm", label, op: container ? "OPEN_CONTAINER" : "OPEN_GROUP", args, checks: [] });
  }

  private device(fd: string): string | undefined {
    const known = this.devices.get(fd);
    if (known !== undefined) return known.name;
    if (kindOfFd(fd) !== "vfio-device") return undefined;
    const bdf = this.opened.get(fd) ?? this.options.bdfOf(fd);
    if (bdf === undefined) throw new BadInput(`${this.options.title}: machine ${this.options.machine} has no ${fd}`);
    const name = `D${this.devices.size + 1}`;
    this.devices.set(fd, { name, bdf });
    return name;
  }
}
