/**
 * Operations of the 2021 designs (src/engine/designs/ioasid), and the ones that say what a program wants in no API's words:
 * `SPACE_MAP` is IOMMU_IOAS_MAP where there is iommufd, and whatever the kernel's design has elsewhere.
 */
import * as uapi from "../../uapi/ioasid.ts";
import type { IoctlDef } from "../../uapi/layout.ts";
import type { OpDef, Param, ParamKind } from "./ops.ts";
import { param, subject } from "./param.ts";

const dev = subject;
const maybeDev = param("dev", "device", { bare: true });
const space = param("space", "id", { required: true });
const RW = Object.freeze({ R: 1, W: 2 });

const op = (name: string, doc: string, params: Param[], makes?: string): OpDef => ({
  actor: "vmm",
  name,
  params,
  doc,
  ...(makes === undefined ? {} : { makes }),
});

const abstract: OpDef[] = [
  op(
    "SPACE_ALLOC",
    "Makes an address space, in the words of the kernel's API; faults: with a queue for them.",
    [param("faults", "word", { bare: true, words: ["faults"] })],
    "space",
  ),
  op("SPACE_FREE", "Gives an address space back.", [space]),
  op("SPACE_MAP", "Maps memory in it. RW unless said.", [
    space,
    param("iova", "addr", { required: true }),
    param("len", "size", { required: true }),
    param("va", "va", { required: true }),
    param("flags", "flags", { values: RW }),
  ]),
  op("SPACE_UNMAP", "Unmaps.", [
    space,
    param("iova", "addr", { required: true }),
    param("len", "size", { required: true }),
  ]),
  op(
    "SPACE_ATTACH",
    "Gives the device to the API where that is a step of its own, and attaches it; nest: below a guest's tables.",
    [dev, param("nest", "word", { bare: true, words: ["nest"] }), space],
  ),
  op("SPACE_DETACH", "Detaches the device.", [dev, space]),
  op(
    "SPACE_NEST",
    "Gives level 1 of the device to the guest: its context descriptors at cd=, above the space.",
    [dev, space, param("cd", "addr", { required: true })],
    "space",
  ),
  op("SPACE_INFO", "What may be mapped, or what may not; of a device where the design asks for one.", [
    maybeDev,
    space,
  ]),
  op("SPACE_FAULTS", "Reads the faults that the program gets for this space.", [space]),
  op("SPACE_RESPOND", "Answers the fault that was read last.", [
    space,
    param("code", "enum", { values: { SUCCESS: 0, INVALID: 1 } }),
  ]),
];

/** What the calls make, where that is not an address space. */
const MAKES: Readonly<Record<string, string>> = Object.freeze({
  IOASID_ALLOC: "ioasid",
  IOASID_CREATE_NESTING: "ioasid",
  IOASID_REQUEST_ALLOC: "pasid",
  IOASID_DERIVE: "fd",
});

function paramKind(kind: string): ParamKind {
  if (kind === "id" || kind === "flags" || kind === "enum" || kind === "fd") return kind;
  return kind === "ptr" ? "va" : kind === "iova" ? "addr" : kind === "length" ? "size" : "count";
}

/** Fields that the step fills by itself. */
const FILLED = new Set(["num_iovas", "iovas", "entries", "entry_num", "reserved", "data_argsz", "data_flags"]);

function fromStruct(def: IoctlDef): OpDef {
  const params: Param[] = def.on === "vfio-device" ? [dev] : [];
  for (const [name, f] of Object.entries(def.fields)) {
    if (f.dir === "out" || f.kind === "size" || f.kind === "pad" || f.kind === "reserved" || FILLED.has(name)) continue;
    const kind = paramKind(f.kind);
    params.push(param(f.label ?? name, kind, { field: name, ...(f.values === undefined ? {} : { values: f.values }) }));
  }
  if (def === uapi.IOASID_CHECK_EXTENSION) params.push(param("ext", "count", { required: true }));
  if (def === uapi.IOASID_INVALIDATE_CACHE) params.push(param("commands", "words", { required: true }));
  if (def.on === "iommufd") params.push(param("file", "fd"));
  const makes = MAKES[def.name];
  const doc = "Of the 2021 designs.";
  return Object.freeze({ actor: "vmm", name: def.name, params, def, doc, ...(makes === undefined ? {} : { makes }) });
}

const calls = Object.values<unknown>(uapi).filter(
  (one): one is IoctlDef => typeof one === "object" && one !== null && "since" in one,
);

export const IOASID_OPS: readonly OpDef[] = Object.freeze([...abstract, ...calls.map(fromStruct)]);
