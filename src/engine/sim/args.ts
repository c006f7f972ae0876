/** The arguments of a step in a world: labels become ids, memories become addresses. */
import { findOp, type OpDef } from "./scenario/ops.ts";
import { printArgs } from "./scenario/print.ts";
import type { Step, Value } from "./scenario/types.ts";
import type { World, WorldDevice } from "./world.ts";

export class Args {
  readonly world: World;
  readonly step: Step;
  readonly op: OpDef;

  constructor(world: World, step: Step) {
    const op = findOp(step.actor, step.op);
    if (op === undefined) throw new Error(`no operation ${step.actor} ${step.op}`);
    this.world = world;
    this.step = step;
    this.op = op;
  }

  has(name: string): boolean {
    return this.step.args[name] !== undefined;
  }

  /** A number, with labels, enum names, flag names and memories resolved; undefined when not given. */
  int(name: string): bigint | undefined {
    const value = this.step.args[name];
    const param = this.op.params.find((p) => p.name === name);
    if (value === undefined || param === undefined) return undefined;
    switch (value.k) {
      case "int":
        return value.v;
      case "flags":
        return value.v.reduce((sum, flag) => sum | BigInt(param.values?.[flag] ?? 0), 0n);
      case "name": {
        const named = param.kind === "enum" ? param.values?.[value.v] : undefined;
        return named === undefined ? this.named(value.v, param.kind === "fd") + (value.plus ?? 0n) : BigInt(named);
      }
      default:
        return undefined;
    }
  }

  num(name: string, otherwise: number): number {
    const v = this.int(name);
    return v === undefined ? otherwise : Number(v);
  }

  big(name: string, otherwise: bigint): bigint {
    return this.int(name) ?? otherwise;
  }

  word(name: string): string | undefined {
    const value = this.step.args[name];
    return value?.k === "name" ? value.v : undefined;
  }

  words(name: string): readonly bigint[] | undefined {
    const value = this.step.args[name];
    return value?.k === "words" ? value.v : undefined;
  }

  ranges(name: string): readonly (readonly [bigint, bigint])[] {
    const value = this.step.args[name];
    return value?.k === "ranges" ? value.v : [];
  }

  hasFlag(name: string, flag: string): boolean {
    const value = this.step.args[name];
    return value?.k === "flags" && value.v.includes(flag);
  }

  /** The device that the step is about. */
  device(): WorldDevice {
    const device = this.world.devices.get(this.word("dev") ?? "");
    if (device === undefined) throw new Error(`${this.step.op}: no device`);
    return device;
  }

  /** The step's arguments with ids in the place of labels: `ioas=2 iova=0x40000000 len=2M RW`. */
  text(): string {
    const step = this.step;
    const resolved: Record<string, Value> = {};
    for (const p of this.op.params) {
      const value = step.args[p.name];
      if (value === undefined) continue;
      const id = p.kind === "id" || (p.kind === "fd" && value.k === "name" && !this.world.devices.has(value.v));
      resolved[p.name] =
        id && value.k === "name" && !this.world.guestTables.has(value.v)
          ? { k: "int", v: this.named(value.v, p.kind === "fd") }
          : value;
    }
    return printArgs({ ...step, args: resolved }).join(" ");
  }

  private named(name: string, fd: boolean): bigint {
    const device = this.world.devices.get(name);
    if (device !== undefined) return BigInt(fd ? device.fd : device.id);
    const memory = this.world.memory.get(name);
    if (memory !== undefined) return memory.va;
    const named = this.world.names.get(name);
    return BigInt((fd ? named?.fd : undefined) ?? named?.id ?? 0);
  }
}
