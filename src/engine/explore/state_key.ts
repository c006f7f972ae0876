/**
 * The key of a state: two states get the same one exactly when the same steps lead on from both with the same results.
 * Everything that differs from the start goes into it, whatever kernel code made it, except what is listed here with the reason;
 * so a variant that keeps state of its own needs no entry. Objects are named in the order in which they are met, object
 * ids by the kind and content of what they name, frames, ASIDs and VMIDs by what they belong to.
 */
import { CommandQueue } from "../../hw/smmuv3/cmdq.ts";
import { EventQueue } from "../../hw/smmuv3/events.ts";
import { TableInfo, StreamConfig } from "../../hw/smmuv3/config.ts";
import type { Smmuv3 } from "../../hw/smmuv3/smmu.ts";
import { Tlb } from "../../hw/smmuv3/tlb.ts";
import { Translator } from "../../hw/smmuv3/translate.ts";
import { Txn, TxnResult } from "../../hw/smmuv3/txn.ts";
import { Walker } from "../../hw/smmuv3/walk.ts";
import { Its } from "../../hw/irq/its.ts";
import { PhysMem } from "../../hw/memory.ts";
import { ArmSmmuDomain, ArmVsmmu } from "../kernel/drivers/arm_smmu_v3/device.ts";
import { IdAllocator } from "../kernel/drivers/arm_smmu_v3/ids.ts";
import { ArmLpaePgtable } from "../kernel/drivers/io_pgtable_arm/table.ts";
import { EventfdCtx } from "../kernel/eventfd.ts";
import { IommufdCtx, type IommufdObject } from "../kernel/iommufd/objects.ts";
import { FrameAllocator, type PinCounts } from "../kernel/mm/frames.ts";
import { Kernel } from "../kernel/kernel.ts";
import { RangeMap } from "../kernel/range_map.ts";
import { IrqState } from "../kernel/irq/irqdesc.ts";
import { World } from "../sim/world.ts";
import { CanonicalMemory, tagText } from "./canonical_memory.ts";
import { type Checkpoint, type Checkpoints, type Difference, isState } from "./checkpoint.ts";
import { inOrder } from "./object_order.ts";
import type { Words } from "./words.ts";

type Class = abstract new (...args: never[]) => object;

/** Hold no state between two steps: queues that are drained, registers of an access that is over, which frames are free. */
const SCRATCH: ReadonlySet<unknown> = new Set<Class>([
  Txn,
  TxnResult,
  Walker,
  CommandQueue,
  EventQueue,
  FrameAllocator,
  PhysMem,
]);

/** Fields without meaning for what follows. */
const WITHOUT: ReadonlyMap<Class, ReadonlySet<string>> = new Map<Class, ReadonlySet<string>>([
  // Names are the search's own; a descriptor is known by the file behind it.
  [World, new Set(["names"])],
  // The watcher and whose call is running.
  [Kernel, new Set(["tracer", "current", "failAt"])],
  // A queue that is drained.
  [Its, new Set(["cwriter", "creadr"])],
  // Registers of the last access, and a shortcut to `configs`.
  [
    Translator,
    new Set(["last", "sid", "ssid", "hi", "lo", "write", "instruction", "privileged", "atBase", "stalls", "failed"]),
  ],
  // Aligned forms of the table bases.
  [TableInfo, new Set(["baseHi", "baseLo"])],
  [StreamConfig, new Set(["base2Hi", "base2Lo"])],
  // Times that it was signalled: only differences are looked at.
  [EventfdCtx, new Set(["count"])],
  // The same interrupts by another number; what came to nobody.
  [IrqState, new Set(["by_intid", "spurious"])],
]);

/** Of plain objects. */
const WITHOUT_PLAIN: ReadonlySet<string> = new Set([
  // Words for people: of reserved ranges.
  "label",
]);

/** Physical addresses that name a frame. */
const ADDRESSES: ReadonlySet<string> = new Set(["pgd", "ttb", "ttb2", "contextPtr", "base"]);

export class StateKeys {
  private readonly world: World;
  private readonly checkpoints: Checkpoints;
  private readonly memory: CanonicalMemory;
  private readonly skipped = new Set<object>();
  /** Sets of numbers of which only how many there are counts. */
  private readonly counted = new Set<object>();
  private readonly objectsOf = new Map<object, IommufdCtx>();
  private readonly words: Words;
  private names = new Map<object, number>();
  private queue: object[] = [];
  private asids = new Map<number, number>();
  private vmids = new Map<number, number>();

  /** The world must stand at the start that `checkpoints` remembers. */
  constructor(world: World, checkpoints: Checkpoints, words: Words) {
    this.world = world;
    this.words = words;
    this.checkpoints = checkpoints;
    const { mem } = world.machine;
    this.memory = new CanonicalMemory(world, checkpoints.startOf(mem) as ReadonlyMap<number, Uint32Array>);
    const { platform } = world.kernel;
    const { frames, pins } = world.kernel.mm;
    this.skip(world.names, frames.free, ...frames.free, pins, pins.chunks, pins.own);
    if (platform !== null) this.skip(platform.irq.by_intid);
    for (const smmu of platform?.smmus ?? []) {
      this.skip(smmu.cmdq, smmu.evtq);
      this.counted.add(smmu.asid_map.used).add(smmu.vmid_map.used);
      if (smmu.priq !== null) this.skip(smmu.priq);
    }
    for (const smmu of world.machine.smmus) this.skipRegisters(smmu);
    for (const ctx of world.kernel.iommufd.ctxs) {
      this.counted.add(ctx.tombstones).add(ctx.reserved);
      this.objectsOf.set(ctx.objects, ctx);
    }
  }

  private skip(...objects: object[]): void {
    for (const object of objects) this.skipped.add(object);
  }

  /** Words that the parts of an SMMU work with. */
  private skipRegisters(smmu: Smmuv3): void {
    for (const part of [smmu.translator, smmu.commands, smmu.events, smmu.translator.walker])
      for (const value of Object.values(part)) if (ArrayBuffer.isView(value)) this.skip(value);
    for (const value of Object.values(smmu.translator.tlb)) if (ArrayBuffer.isView(value)) this.skip(value);
  }

  /** The world is as it was at a checkpoint in all that goes into a key. */
  equals(to: Checkpoint, difference: Difference): boolean {
    const saved = this.checkpoints.savedOf(to, this.world.machine.mem) as ReadonlyMap<number, Uint32Array>;
    return this.checkpoints.equals(to, difference, (object) => this.isScratch(object)) && this.memory.equals(saved);
  }

  /** The key of the world as it is now. */
  key(difference: Difference = this.checkpoints.difference()): Uint32Array {
    this.names = new Map();
    this.queue = [];
    this.asids = new Map();
    this.vmids = new Map();
    this.memory.begin();
    const out: number[] = [];
    const emit = (text: string): void => void out.push(this.words.number(text));
    const { objects } = this.checkpoints;
    const late: object[] = [];
    for (const i of difference.changed) {
      const object = objects[i] as object;
      if (this.isScratch(object)) continue;
      if (this.isLate(object)) late.push(object);
      else emit(`${i}${this.text(object)}`);
    }
    this.drain(0, emit);
    for (const object of late) {
      const from = this.queue.length;
      emit(`z${object instanceof Map || object instanceof Set ? this.sorted(object) : this.text(object)}`);
      this.drain(from, emit);
    }
    emit(pinText(this.world.kernel.mm.pins));
    this.memory.finish({ asids: this.asids, vmids: this.vmids }, emit);
    return Uint32Array.from(out);
  }

  /** What is named by what it belongs to has to come behind that. */
  private isLate(object: object): boolean {
    const { vmm, machine } = this.world;
    if (object === vmm.fds || object instanceof Tlb) return true;
    return machine.smmus.some((s) => s.translator.configs === object);
  }

  private drain(from: number, emit: (text: string) => void): void {
    for (let i = from; i < this.queue.length; i++) {
      const object = this.queue[i] as object;
      if (!this.isScratch(object)) emit(this.text(object));
    }
  }

  private isScratch(object: object): boolean {
    return this.skipped.has(object) || SCRATCH.has(object.constructor);
  }

  private value(value: unknown): string {
    if (typeof value === "bigint") return `${value}n`;
    if (typeof value === "string") return `"${value}"`;
    if (isState(value)) return this.ref(value);
    if (typeof value === "object" && value !== null) return `!${this.words.shared.of(value)}`;
    if (typeof value === "function") return `!${this.words.shared.of(value)}`;
    return String(value);
  }

  private ref(object: object): string {
    const base = this.checkpoints.numbers.get(object);
    if (base !== undefined) return `@${base}`;
    let name = this.names.get(object);
    if (name === undefined) {
      name = this.names.size;
      this.names.set(object, name);
      this.queue.push(object);
    }
    return `#${name}`;
  }

  private text(object: object): string {
    if (ArrayBuffer.isView(object)) return `b${(object as Uint8Array).join()}`;
    if (Array.isArray(object)) return `[${object.map((v) => this.value(v)).join()}`;
    if (object instanceof RangeMap) return `{${[...(object as RangeMap<never>)].map((v) => this.value(v)).join()}`;
    if (object instanceof Set && this.counted.has(object)) return `n${object.size}`;
    if (object instanceof Set) return `s${[...object].map((v) => this.value(v)).join()}`;
    if (object instanceof Map) return this.mapText(object);
    if (object instanceof Tlb) return this.tlbText(object);
    if (object instanceof IdAllocator) return `i${object.used.size}`;
    return this.fieldsText(object);
  }

  private mapText(map: Map<unknown, unknown>): string {
    const { kernel, machine } = this.world;
    const { platform } = kernel;
    const its = platform?.irq.its ?? null;
    const ctx = this.objectsOf.get(map);
    if (ctx !== undefined) return `j${this.objectsText(ctx)}`;
    if (map === its?.devices || map === machine.its?.lpis) return this.sortedMap(map as Map<number, unknown>);
    if (map === platform?.irq.descs) return `s${[...map.values()].map((v) => this.value(v)).join()}`;
    const entries = [...map];
    const groups = map.size > 1 && isState(entries[0]?.[0]);
    if (groups) entries.sort((a, b) => this.rank(a[0]) - this.rank(b[0]));
    return `m${entries.map(([k, v]) => `${this.value(k)}:${this.value(v)}`).join()}`;
  }

  private sortedMap(map: Map<number, unknown>): string {
    return `o${[...map]
      .sort((a, b) => a[0] - b[0])
      .map(([k, v]) => `${k}:${this.value(v)}`)
      .join()}`;
  }

  /** Members in the order of their names, those not met before behind. */
  private sorted(object: Map<unknown, unknown> | Set<unknown>): string {
    const { machine } = this.world;
    if (object instanceof Map && machine.smmus.some((s) => s.translator.configs === object))
      return this.sortedMap(object as Map<number, unknown>);
    const members = [...object.values()];
    return members
      .sort((a, b) => this.rank(a) - this.rank(b))
      .map((v) => this.value(v))
      .join();
  }

  /** Where an object stands among those that have a name. */
  private rank(value: unknown): number {
    if (typeof value !== "object" || value === null) return -1;
    return this.checkpoints.numbers.get(value) ?? this.names.get(value) ?? Number.MAX_SAFE_INTEGER;
  }

  private fieldsText(object: object): string {
    const without = WITHOUT.get(object.constructor as Class);
    const fields = object as Record<string, unknown>;
    const plain = object.constructor === Object;
    let text = plain ? "o" : `c${this.words.shared.of(object.constructor)}`;
    for (const key in fields) {
      if (without?.has(key) === true || (plain && WITHOUT_PLAIN.has(key))) continue;
      text += `;${key}=${this.fieldText(object, key, fields[key], plain)}`;
    }
    return text;
  }

  private fieldText(object: object, key: string, value: unknown, plain: boolean): string {
    if (object instanceof IommufdCtx) {
      if (key === "tombstones" || key === "reserved") return String((value as Set<number>).size);
      if (key === "objects") return this.objectsText(object);
    }
    if (key === "id") return this.idText(object as Record<string, unknown>, value, plain);
    if (key === "devices" && plain && "handle" in object && value instanceof Map)
      return `d${[...(value as Map<number, IommufdObject>).values()].map((v) => this.value(v)).join()}`;
    if (key === "eventfds" && plain)
      return (value as number[]).map((fd) => this.value(this.world.vmm.fds.get(fd))).join();
    if (typeof value === "number") {
      if (object instanceof ArmSmmuDomain && key === "tag")
        return this.tag(object.stage === "s1" ? "a" : "v", value, true);
      if (object instanceof ArmVsmmu && key === "vmid") return this.tag("v", value, true);
      if (object instanceof StreamConfig && key === "asid") return tagText("a", this.asids, value);
      if (object instanceof StreamConfig && key === "vmid") return tagText("v", this.vmids, value);
      if (ADDRESSES.has(key))
        return this.memory.address(
          value,
          object instanceof ArmLpaePgtable ? Math.ceil(2 ** object.geo.pgd_bits / 512) : 1,
        );
      if (plain && "hwirq" in object && (key === "virq" || key === "count")) return "";
    }
    return this.value(value);
  }

  /** Object ids are names, and so are the tags of an invalidation's table entry. */
  private idText(object: Record<string, unknown>, value: unknown, plain: boolean): string {
    if ("ictx" in object || ("bdf" in object && "eventfds" in object)) return value === 0 ? "0" : "";
    const type = object["type"];
    if (plain && "ssid" in object && typeof type === "string" && typeof value === "number") {
      if (type.startsWith("s1")) return this.tag("a", value, false);
      if (type.startsWith("s2")) return this.tag("v", value, false);
    }
    return this.value(value);
  }

  private tag(kind: "a" | "v", tag: number, owner: boolean): string {
    const names = kind === "a" ? this.asids : this.vmids;
    if (owner && !names.has(tag)) names.set(tag, names.size);
    return tagText(kind, names, tag);
  }

  private objectsText(ctx: IommufdCtx): string {
    return inOrder(this.world, ctx)
      .map((o) => this.value(o))
      .join();
  }

  /** The valid entries, whatever their order. */
  private tlbText(tlb: Tlb): string {
    const entries = tlb.list().map(({ asid, vmid, pa, rest }) => {
      const tag = vmid === 0 ? tagText("a", this.asids, asid) : `g${asid}`;
      return `${tag} ${tagText("v", this.vmids, vmid)} ${this.memory.address(pa)} ${rest.join(" ")}`;
    });
    return `t${entries.sort().join()}`;
  }
}

function pinText(pins: PinCounts): string {
  let text = `p${pins.total}`;
  for (const [key, chunk] of [...pins.chunks].sort((a, b) => a[0] - b[0]))
    chunk.forEach((count, i) => {
      if (count !== 0) text += `;${key}.${i}=${count}`;
    });
  return text;
}
