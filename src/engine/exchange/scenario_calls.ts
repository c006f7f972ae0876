/** One recorded ioctl as a step of a scenario, with what the recorded kernel answered as its checks. */
import { findOp, type OpDef, type Param } from "../sim/scenario/ops.ts";
import type { Check, Step, Value } from "../sim/scenario/types.ts";
import { decode } from "../uapi/codec.ts";
import type { IoctlDef } from "../uapi/layout.ts";
import { IRQ_SET_FLAGS as F } from "../uapi/vfio.ts";
import type { ArmRecord } from "./arm_records.ts";
import { fromHex } from "./hex.ts";
import type { Labels, Memories } from "./scenario_labels.ts";

export interface CallContext {
  labels: Labels;
  memories: Memories;
  /** The scenario's name of the device behind a recorded file. */
  device: (fd: string) => string | undefined;
  /** Label of the container. */
  container: Value;
  group: (fd: string) => Value;
}

const int = (v: bigint | number): Value => ({ k: "int", v: BigInt(v) });
const word = (v: string): Value => ({ k: "name", v });
const check = (key: string, value: Value): Check => ({ kernels: [], key, value });

type Values = Readonly<Record<string, number | bigint>>;

/** Fields whose zero says nothing. */
const SILENT_KINDS: ReadonlySet<string> = new Set(["enum", "flags", "count", "id"]);

/** Parameters that a step fills when they are not given. */
const FILLED: ReadonlySet<string> = new Set([
  "IOMMU_VIOMMU_ALLOC type",
  "IOMMU_VEVENTQ_ALLOC type",
  "IOMMU_VEVENTQ_ALLOC depth",
  "IOMMU_HWPT_INVALIDATE type",
]);

export function errnoCheck(record: ArmRecord): Check {
  const errname = typeof record["errname"] === "string" ? record["errname"] : "";
  return check("errno", word((record.ret ?? 0) < 0 ? errname : "ok"));
}

/** Null for a call that the language of scenarios has no words for. */
export function stepOfCall(record: ArmRecord, def: IoctlDef, c: CallContext): Step | null {
  const given = fromHex(record.in ?? "");
  const values: Values = decode(def, given);
  if (!expressible(record, def, values, given)) return null;
  const own = special(record, def, values, given, c);
  if (own !== undefined) return own;
  const op = findOp("vmm", def.name);
  if (op === undefined) return null;
  const args: Record<string, Value> = {};
  const dev = c.device(record.fd ?? "");
  for (const p of op.params) {
    if (p.name === "dev" && p.field === undefined && dev !== undefined) args["dev"] = word(dev);
    const value =
      p.field === undefined
        ? undefined
        : argument(p, BigInt(values[p.field] ?? 0), c, FILLED.has(`${def.name} ${p.name}`));
    if (value !== undefined) args[p.name] = value;
  }
  Object.assign(args, pointers(def, values, record));
  for (const p of op.params) if (p.name === "iommufd") delete args["iommufd"];
  return finish(record, op, def, args, c);
}

/** A step builds its struct itself: odd sizes, set reserved fields and bad pointers are beyond it. */
function expressible(record: ArmRecord, def: IoctlDef, values: Values, given: Uint8Array): boolean {
  if (def.name.startsWith("VFIO_") && def.name !== "VFIO_DEVICE_BIND_IOMMUFD") return true;
  for (const [name, f] of Object.entries(def.fields)) {
    const v = BigInt(values[name] ?? 0);
    if (f.kind === "size" && Number(v) !== given.length) return false;
    if ((f.kind === "reserved" || f.kind === "pad") && v !== 0n) return false;
  }
  const has = (record.arrays?.length ?? 0) > 0;
  const length = Number(values["data_len"] ?? 0);
  switch (def.name) {
    case "IOMMU_HWPT_ALLOC":
      return length === 0 || (length === 16 && has);
    case "IOMMU_HWPT_INVALIDATE":
      return Number(values["entry_len"] ?? 0) === 16 && has && Number(values["entry_num"] ?? 0) > 0;
    case "IOMMU_IOAS_IOVA_RANGES":
      return has || Number(values["num_iovas"] ?? 0) === 0;
    case "IOMMU_IOAS_ALLOW_IOVAS":
      return has;
    case "IOMMU_HWPT_GET_DIRTY_BITMAP":
      return false;
    case "IOMMU_GET_HW_INFO":
      return length >= 8;
    default:
      return true;
  }
}

/** `says`: zero is written too, because a step without it means something else. */
function argument(p: Param, v: bigint, c: CallContext, says: boolean): Value | undefined {
  if (v === 0n && SILENT_KINDS.has(p.kind) && !p.required && !says) return undefined;
  switch (p.kind) {
    case "id":
      return c.labels.id(Number(v));
    case "fd":
      return c.labels.fd(Number(v));
    case "va":
      return c.memories.at(v);
    case "flags": {
      const names = Object.entries(p.values ?? {}).filter(([, bit]) => (v & BigInt(bit)) !== 0n);
      const known = names.reduce((sum, [, bit]) => sum | BigInt(bit), 0n);
      return known === v ? { k: "flags", v: names.map(([n]) => n) } : int(v);
    }
    case "enum": {
      const found = Object.entries(p.values ?? {}).find(([, n]) => BigInt(n) === v);
      return found === undefined ? int(v) : word(found[0]);
    }
    default:
      return int(v);
  }
}

function wordsOf(record: ArmRecord, array: string, bytes: number): Value | undefined {
  const hex = record.arrays?.find((a) => a.name === array)?.before;
  if (hex === undefined) return undefined;
  const data = fromHex(hex).subarray(0, bytes);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return { k: "words", v: Array.from({ length: data.length >> 3 }, (_, i) => view.getBigUint64(8 * i, true)) };
}

function rangesIn(hex: string, n: number): (readonly [bigint, bigint])[] {
  const data = fromHex(hex);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const count = Math.min(n, data.length >> 4);
  return Array.from(
    { length: count },
    (_, i) => [view.getBigUint64(16 * i, true), view.getBigUint64(16 * i + 8, true)] as const,
  );
}

/** What stands behind a struct's pointers. */
function pointers(def: IoctlDef, values: Values, record: ArmRecord): Record<string, Value> {
  switch (def.name) {
    case "IOMMU_HWPT_ALLOC": {
      const vste = Number(values["data_len"] ?? 0) === 0 ? undefined : wordsOf(record, "data", 16);
      return vste === undefined ? {} : { vste };
    }
    case "IOMMU_HWPT_INVALIDATE": {
      const commands = wordsOf(record, "data", 16 * Number(values["entry_num"] ?? 0)) ?? firstArray(record);
      return commands === undefined ? {} : { commands };
    }
    case "IOMMU_IOAS_IOVA_RANGES":
      return { room: int(values["num_iovas"] ?? 0) };
    case "IOMMU_IOAS_ALLOW_IOVAS": {
      const hex = record.arrays?.[0]?.before ?? "";
      return { ranges: { k: "ranges", v: rangesIn(hex, Number(values["num_iovas"] ?? 0)) } };
    }
    default:
      return {};
  }
}

function firstArray(record: ArmRecord): Value | undefined {
  const name = record.arrays?.[0]?.name;
  return name === undefined ? undefined : wordsOf(record, name, Number.MAX_SAFE_INTEGER);
}

/** Labels, and the checks that an answer gives. */
function finish(record: ArmRecord, op: OpDef, def: IoctlDef, args: Record<string, Value>, c: CallContext): Step {
  const answer: Values = decode(def, fromHex(record.out ?? record.in ?? ""));
  const checks = [errnoCheck(record)];
  const ok = (record.ret ?? 0) >= 0;
  let label: string | undefined;
  if (ok) {
    for (const [field, f] of Object.entries(def.fields)) {
      if (f.kind !== "id" || f.dir !== "out" || op.makes === undefined) continue;
      const id = Number(answer[field] ?? 0);
      const kind = args["vste"] === undefined ? op.makes : "nested";
      if (def.name === "VFIO_DEVICE_BIND_IOMMUFD") c.labels.device(id, c.device(record.fd ?? "") ?? "");
      else label = c.labels.made(kind, id);
      checks.push(check("id", int(id)));
      break;
    }
    if (def.name === "IOMMU_DESTROY") c.labels.gone(Number(answer["id"] ?? 0));
    if (def.name === "IOMMU_IOAS_UNMAP") checks.push(check("length", int(answer["length"] ?? 0)));
    if (def.name === "IOMMU_HWPT_INVALIDATE") checks.push(check("entries", int(answer["entry_num"] ?? 0)));
    if (def.name === "IOMMU_IOAS_IOVA_RANGES") {
      const hex = record.arrays?.[0]?.after ?? "";
      checks.push(check("ranges", { k: "ranges", v: rangesIn(hex, Number(answer["num_iovas"] ?? 0)) }));
    }
  }
  return { actor: "vmm", op: op.name, args, checks, ...(label === undefined ? {} : { label }) };
}

const plain = (record: ArmRecord, op: string, args: Record<string, Value>): Step => ({
  actor: "vmm",
  op,
  args,
  checks: [errnoCheck(record)],
});

/** Calls whose step is not a copy of the struct; undefined for the others, null for those without words. */
function special(
  record: ArmRecord,
  def: IoctlDef,
  values: Values,
  given: Uint8Array,
  c: CallContext,
): Step | null | undefined {
  const fd = record.fd ?? "";
  const dev = c.device(fd);
  switch (def.name) {
    case "IOMMU_IOAS_MAP":
    case "IOMMU_IOAS_MAP_FILE": {
      const flags = Number(values["flags"] ?? 0);
      const step = stepWithout(record, def, c);
      if ((flags & 1) === 0) delete step.args["iova"];
      const access = [...((flags & 2) === 0 ? [] : ["W"]), ...((flags & 4) === 0 ? [] : ["R"])];
      const odd = access.length === 0 || (flags & ~7) !== 0;
      step.args["flags"] = odd ? int(flags & ~1) : { k: "flags", v: access };
      return step;
    }
    case "VFIO_DEVICE_SET_IRQS":
      return dev === undefined ? null : irqs(record, values, given, dev);
    case "VFIO_DEVICE_FEATURE":
      return dev === undefined ? null : exported(record, values, given, dev, c);
    case "VFIO_GROUP_SET_CONTAINER":
      return plain(record, def.name, { group: c.group(fd), container: c.container });
    case "VFIO_GROUP_UNSET_CONTAINER":
      return plain(record, def.name, { group: c.group(fd) });
    case "VFIO_SET_IOMMU":
      return plain(record, def.name, { container: c.container, type: word("TYPE1v2") });
    case "VFIO_IOMMU_GET_INFO":
      return info(record, c);
    case "VFIO_IOMMU_MAP_DMA":
    case "VFIO_IOMMU_UNMAP_DMA": {
      const args: Record<string, Value> = {
        container: c.container,
        iova: int(values["iova"] ?? 0),
        len: int(values["size"] ?? 0),
      };
      if (def.name === "VFIO_IOMMU_MAP_DMA") args["va"] = c.memories.at(BigInt(values["vaddr"] ?? 0));
      return plain(record, def.name, args);
    }
    case "VFIO_GROUP_GET_DEVICE_FD": {
      const named = c.device(`${fd} device`);
      return named === undefined ? null : plain(record, def.name, { group: c.group(fd), dev: word(named) });
    }
    case "VFIO_GROUP_GET_STATUS":
    case "VFIO_GET_API_VERSION":
    case "VFIO_CHECK_EXTENSION":
      return null;
    default:
      return undefined;
  }
}

/** The generic way for a call that then changes a little. */
function stepWithout(record: ArmRecord, def: IoctlDef, c: CallContext): Step & { args: Record<string, Value> } {
  const op = findOp("vmm", def.name);
  if (op === undefined) throw new Error(`no operation ${def.name}`);
  const values: Values = decode(def, fromHex(record.in ?? ""));
  const args: Record<string, Value> = {};
  for (const p of op.params) {
    const value =
      p.field === undefined || p.kind === "flags"
        ? undefined
        : argument(p, BigInt(values[p.field] ?? 0), c, FILLED.has(`${def.name} ${p.name}`));
    if (value !== undefined && p.name !== "iommufd") args[p.name] = value;
  }
  return { ...finish(record, op, def, args, c), args };
}

const INDEX = Object.freeze(["INTX", "MSI", "MSIX", "ERR", "REQ"]);

function irqs(record: ArmRecord, values: Values, given: Uint8Array, dev: string): Step | null {
  const [flags, index, start, count] = ["flags", "index", "start", "count"].map((n) => Number(values[n] ?? 0));
  const name = INDEX[index ?? -1];
  if (name === undefined || flags === undefined) return null;
  const at = {
    ...((start ?? 0) === 0 ? {} : { start: int(start ?? 0) }),
    ...(count === 1 ? {} : { count: int(count ?? 0) }),
  };
  const base = { dev: word(dev), index: word(name) };
  const trigger = (flags & F.ACTION_TRIGGER) !== 0;
  const eventfd = (flags & F.DATA_EVENTFD) !== 0;
  const minus = eventfd && given.length >= 24 && new DataView(given.buffer, given.byteOffset).getInt32(20, true) < 0;
  const message = name === "MSI" || name === "MSIX";
  if (trigger && message && eventfd && !minus) return plain(record, "VFIO_DEVICE_SET_IRQS", { ...base, ...at });
  if (trigger && message && !eventfd && count === 0)
    return plain(record, "VFIO_DEVICE_SET_IRQS", { ...base, off: word("off") });
  const how = trigger
    ? eventfd
      ? minus
        ? "clear"
        : "trigger"
      : count === 0
        ? "off"
        : undefined
    : (flags & F.ACTION_MASK) !== 0
      ? "mask"
      : eventfd
        ? "resample"
        : "unmask";
  if (how === undefined) return null;
  return plain(record, "IRQ_ACTION", { ...base, ...(how === "off" ? {} : at), how: word(how) });
}

const GET_DMA_BUF = 0x10000 | 11;

function exported(record: ArmRecord, values: Values, given: Uint8Array, dev: string, c: CallContext): Step | null {
  const refused = (record.ret ?? 0) < 0;
  if (Number(values["flags"] ?? 0) !== GET_DMA_BUF || given.length < 40 || refused) return null;
  const view = new DataView(given.buffer, given.byteOffset, given.byteLength);
  const args = {
    dev: word(dev),
    bar: int(view.getUint32(8, true)),
    offset: int(view.getBigUint64(24, true)),
    len: int(view.getBigUint64(32, true)),
  };
  return { ...plain(record, "EXPORT_BAR", args), label: c.labels.opened("fd", record.ret ?? -1) };
}

/** The list of valid IOVAs stands in the answer where there was room for it. */
function info(record: ArmRecord, c: CallContext): Step {
  const step = plain(record, "VFIO_IOMMU_GET_INFO", { container: c.container });
  const out = fromHex(record.out ?? "");
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  const cap = (at: number): Check[] => {
    if (at === 0 || at + 16 > out.length) return [];
    const next = view.getUint32(at + 4, true);
    if (view.getUint16(at, true) !== 1) return cap(next);
    const n = view.getUint32(at + 8, true);
    const v = Array.from(
      { length: n },
      (_, i) => [view.getBigUint64(at + 16 + 16 * i, true), view.getBigUint64(at + 24 + 16 * i, true)] as const,
    );
    return [check("ranges", { k: "ranges", v })];
  };
  return { ...step, checks: [...step.checks, ...(out.length < 24 ? [] : cap(view.getUint32(16, true)))] };
}
