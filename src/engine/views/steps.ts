/** Steps as the list, the timeline and the live region show them. */
import type { TraceEntry } from "../kernel/trace.ts";
import type { StepResult } from "../sim/result.ts";
import type { Step } from "../sim/scenario/types.ts";
import { hexText, sizeText } from "../sim/scenario/values.ts";
import type { StepView } from "./types.ts";

/** `index` is 1-based. */
export function stepView(index: number, step: Step, result: StepResult): StepView {
  const { prefix, op } = title(step);
  return {
    index,
    actor: step.actor,
    prefix,
    op,
    args: args(step, result),
    outcome: result.outcome,
    result: result.summary,
    tick: tick(step, result),
    ...(step.note === undefined ? {} : { note: step.note }),
    refs: result.refs,
    ...(result.agreement === undefined ? {} : { agreement: result.agreement }),
    spoken: spoken(index, step, result),
  };
}

const PREFIXES = ["IOMMU_", "VFIO_DEVICE_", "VFIO_"];

function title(step: Step): { prefix: string; op: string } {
  if (step.actor === "device") {
    const dir = wordOf(step, "dir");
    return { prefix: "", op: DEVICE_OPS[step.op] ?? (step.op === "DMA" ? `DMA ${dir}` : `page request ${dir}`) };
  }
  if (step.actor === "guest")
    return {
      prefix: "",
      op: step.op.replace("_", " ").replace(/UNMAP|MAP|TABLE|INVALIDATE|EVENT/, (w) => w.toLowerCase()),
    };
  const prefix = PREFIXES.find((p) => step.op.startsWith(p)) ?? "";
  return { prefix, op: step.op.slice(prefix.length) };
}

const DEVICE_OPS: Readonly<Record<string, string>> = Object.freeze({
  MSI: "MSI write",
  HELD: "held access",
  PAGE_ANSWERS: "answers",
});

const wordOf = (step: Step, name: string): string => {
  const value = step.args[name];
  return value?.k === "name" ? value.v : "";
};

function args(step: Step, result: StepResult): string {
  const access = result.access;
  if (step.actor === "device" && access !== undefined) {
    const kind = access.write ? "W" : "R";
    const pasid = access.pasid === undefined ? "" : ` PASID ${access.pasid}`;
    return `${access.device}  ${kind}${access.length} ${hexText(access.iova)}${pasid}`;
  }
  if (step.actor === "device") return wordOf(step, "dev");
  const msi = result.seen["msi"];
  return typeof msi === "bigint" ? `${result.args}  addr ${hexText(msi)}` : result.args;
}

/** A few characters for the timeline. */
function tick(step: Step, result: StepResult): string {
  const number = (name: string): bigint | undefined => {
    const value = step.args[name];
    return value?.k === "int" ? value.v : undefined;
  };
  const length = number("len");
  const sized = length === undefined ? "" : ` ${sizeText(length)}`;
  switch (step.op) {
    case "IOMMU_IOAS_ALLOC":
      return "ioas";
    case "IOMMU_HWPT_ALLOC": {
      if (step.args["vste"] !== undefined) return "nested";
      const flags = step.args["flags"];
      return flags?.k === "flags" && flags.v.includes("NEST_PARENT") ? "parent" : "hwpt";
    }
    case "IOMMU_IOAS_MAP":
    case "IOMMU_IOAS_MAP_FILE":
      return `map${sized}`;
    case "IOMMU_IOAS_UNMAP":
      return `unmap${sized}`;
    case "IOMMU_IOAS_IOVA_RANGES":
      return "ranges";
    case "VFIO_DEVICE_BIND_IOMMUFD":
      return `bind ${wordOf(step, "dev")}`;
    case "VFIO_DEVICE_ATTACH_IOMMUFD_PT":
      return `attach ${/pt=(\d+)/.exec(result.args)?.[1] ?? ""}`.trim();
    case "VFIO_DEVICE_DETACH_IOMMUFD_PT":
      return "detach";
    case "S1_MAP":
      return "S1 map";
    case "S1_UNMAP":
      return "S1 unmap";
    case "MSI":
      return "MSI write";
    case "DMA":
      return `DMA ${wordOf(step, "dir")}`;
    default:
      return title(step)
        .op.toLowerCase()
        .replace(/_alloc$/, "");
  }
}

/** `step 7: IOMMU_IOAS_MAP failed, EINVAL, meets SW_MSI 0x8000000-0x80fffff`. */
function spoken(index: number, step: Step, result: StepResult): string {
  const { prefix, op } = title(step);
  const what = `step ${index}: ${prefix}${op}`;
  const access = result.access;
  if (access !== undefined) {
    const who = `${what} of ${access.device} ${access.write ? "to" : "from"} ${hexText(access.iova)}${access.pasid === undefined ? "" : ` with PASID ${access.pasid}`}`;
    if (access.ok) return `${who} reached ${access.pa === null ? "its end" : hexText(access.pa)}, ${access.end}`;
    return `${who} ${access.msi ? "was lost" : "was stopped"}, ${access.end}`;
  }
  if (result.outcome === "ok") return result.summary === "0" ? `${what} succeeded` : `${what} gave ${result.summary}`;
  if (result.outcome === "pending") return `${what}: ${result.summary}`;
  const hit = failingCheck(result.trace)?.detail?.hits?.[0];
  const range = hit === undefined ? "" : `${hexText(hit.start)}-${hexText(hit.last)}`;
  const meets = hit === undefined ? "" : `, meets ${hit.label.includes(range) ? hit.label : `${hit.label} ${range}`}`;
  return `${what} failed, ${result.errno}${meets}`;
}

type Check = Extract<TraceEntry, { t: "check" }>;

/** The check that decided: the last one that failed. */
export function failingCheck(trace: readonly TraceEntry[]): Check | undefined {
  return trace.findLast((e): e is Check => e.t === "check" && !e.ok);
}
