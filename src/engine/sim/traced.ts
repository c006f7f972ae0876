/** Watching one step: the kernel's functions wrapped so that the tracer sees them, and the hardware's probe. */
import type { HwProbe } from "../../hw/base/probe.ts";
import { hex64 } from "../../hw/base/bits.ts";
import { lookupText } from "../../hw/smmuv3/tlb.ts";
import type { Machine } from "../../hw/machine.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { KernelOps } from "../kernel/ops.ts";
import { type TraceEntry, Tracer } from "../kernel/trace.ts";
import { errnoName } from "../uapi/errno.ts";

/** Runs `step` watched and gives back what was seen. The world is left as an unwatched run would leave it. */
export function traced<T>(k: Kernel, machine: Machine, step: () => T): { value: T; trace: TraceEntry[] } {
  const tracer = new Tracer();
  const ops = k.ops;
  const probe = machine.probe;
  k.tracer = tracer;
  k.ops = tracedOps(ops, tracer);
  machine.probe = probeOf(tracer, new Set(machine.units.map((u) => u.name)));
  try {
    return { value: step(), trace: tracer.entries };
  } finally {
    k.tracer = null;
    k.ops = ops;
    machine.probe = probe;
  }
}

type AnyOp = (...args: unknown[]) => unknown;

/** The same functions, each telling the tracer when it is entered and left. */
function tracedOps(ops: KernelOps, tracer: Tracer): KernelOps {
  const wrapped: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(ops)) {
    if (typeof member !== "function") {
      wrapped[name] = member;
      continue;
    }
    const op = member as AnyOp;
    wrapped[name] = (...args: unknown[]): unknown => {
      tracer.enter(
        name,
        args
          .slice(1)
          .map(describe)
          .filter((a) => a !== ""),
      );
      let result: unknown;
      try {
        result = op(...args);
      } catch (e) {
        tracer.leave(name, "bug", true);
        throw e;
      }
      tracer.leave(name, returned(result), typeof result === "number" && result < 0);
      return result;
    };
  }
  return wrapped as unknown as KernelOps;
}

function probeOf(tracer: Tracer, units: ReadonlySet<string>): HwProbe {
  return {
    mem: (who, write, pa, lo, hi, what) => {
      // The CPU's own look at memory says nothing, and of a structure of many words the first one stands for all.
      if ((who === "cpu" && !write) || / w[1-9]\d*$/.test(what)) return;
      tracer.add({ t: "mem", who, write, pa, lo, hi, what: what.replace(/ w0$/, "") });
    },
    cmd: (smmu, w0, w1, w2, w3, text) => tracer.add({ t: "cmd", smmu, words: [w0, w1, w2, w3], text }),
    tlb: (smmu, hit, hi, lo, asid, vmid) =>
      tracer.add({
        t: "tlb",
        smmu,
        hit,
        what: units.has(smmu) ? domainText(hi, lo, asid, vmid) : lookupText(hi, lo, asid, vmid),
      }),
    event: (smmu, words, text) => tracer.add({ t: "event", smmu, words, text }),
    msi: (what, delivered) => tracer.add({ t: "msi", what, delivered }),
  };
}

/** A look-up of a VT-d unit, whose entries are tagged with domain and PASID. */
function domainText(hi: number, lo: number, pasid: number, did: number): string {
  return `${hex64(lo, hi)} domain ${did}${pasid < 0 ? "" : ` PASID ${pasid}`}`;
}

function returned(value: unknown): string {
  if (value === undefined) return "";
  if (typeof value === "number") return value < 0 ? `-${errnoName(value)}` : String(value);
  return describe(value);
}

const KINDS: Readonly<Record<string, string>> = Object.freeze({
  IOAS: "ioas",
  DEVICE: "dev",
  HWPT_PAGING: "hwpt",
  HWPT_NESTED: "hwpt",
  ACCESS: "access",
  FAULT: "fault",
  VIOMMU: "viommu",
  VDEVICE: "vdevice",
  VEVENTQ: "veventq",
  HW_QUEUE: "hw_queue",
  SELFTEST: "stdev",
});

/** Structures that have no id, under their kernel names; others are left out of the argument list. */
const NAMES: Readonly<Record<string, string>> = Object.freeze({
  IoPagetable: "io_pagetable",
  IommufdAttachHandle: "attach_handle",
  IommufdCtx: "iommufd_ctx",
  IoptArea: "iopt_area",
  IoptPages: "iopt_pages",
  VfioPciDevice: "vfio_pci_device",
});

/** An argument in one word: `0x8000000`, `hwpt 3`, `0000:00:03.0`, `nested domain of hwpt 4`, `NULL`. */
export function describe(value: unknown): string {
  if (value === null) return "NULL";
  switch (typeof value) {
    case "bigint":
      return `0x${value.toString(16)}`;
    case "number":
      return Math.abs(value) > 0xfff ? `0x${value.toString(16)}` : String(value);
    case "string":
    case "boolean":
      return String(value);
    case "object":
      return describeObject(value);
    case "undefined":
      return "";
    default:
      return "fn";
  }
}

function describeObject(value: object): string {
  const o = value as Record<string, unknown>;
  if (Array.isArray(value)) return `[${value.length}]`;
  if (typeof o["kind"] === "string" && typeof o["id"] === "number") {
    const id = o["id"] === 0 ? "(new)" : String(o["id"]);
    return `${KINDS[o["kind"]] ?? o["kind"]} ${id}`;
  }
  if ("iommu_group" in o && typeof o["name"] === "string") return o["name"];
  if ("cookie_type" in o && typeof o["type"] === "string") {
    const above = typeof o["cookie"] === "object" && o["cookie"] !== null ? ` of ${describe(o["cookie"])}` : "";
    return `${o["type"]} domain${above}`;
  }
  if ("pasid_attach" in o && typeof o["group"] === "object") return describe(o["group"]);
  if (Array.isArray(o["devices"]) && typeof o["id"] === "number") return `group ${o["id"]}`;
  if (typeof o["path"] === "string") return o["path"];
  if (typeof o["start"] === "bigint" && typeof o["last"] === "bigint")
    return `[${describe(o["start"])}, ${describe(o["last"])}]`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof o["iommu_msi_iova"] === "bigint") return "msi_desc";
  return NAMES[value.constructor.name] ?? "";
}
