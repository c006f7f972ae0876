/** What the first record of a trace tells about it. */
import { BadInput } from "./parse.ts";
import { parseRecord, traceKernel } from "./x86_records.ts";

export interface TraceHead {
  arm: boolean;
  /** Profile of the kernel that the trace names: `linux-7.2`; null when it names none. */
  kernel: string | null;
  machine?: string;
  scenario?: string;
}

/** `line`: the first that is not empty. Throws BadInput when this is no trace. */
export function traceHead(place: string, line: string): TraceHead {
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch {
    throw new BadInput(`${place}: record 1 is no JSON: this is no trace`);
  }
  if (typeof record !== "object" || record === null)
    throw new BadInput(`${place}: record 1 is no object: this is no trace`);
  if ("op" in record && !("t" in record && record.t === "dma"))
    return { arm: false, kernel: traceKernel(parseRecord(line)) };
  if (!("t" in record)) throw new BadInput(`${place}: record 1 is of no kind that is known here`);
  const version = "kernel" in record ? /\b(\d+\.\d+)/.exec(String(record.kernel))?.[1] : undefined;
  return {
    arm: true,
    kernel: version === undefined ? null : `linux-${version}`,
    ...("machine" in record ? { machine: String(record.machine) } : {}),
    ...("scenario" in record ? { scenario: String(record.scenario) } : {}),
  };
}

const OPENS_DEVICE = /"path":"\/dev\/vfio\/(?:devices\/|\d)/;

/** Whether an x86 trace opens a device of a machine; else it needs none. */
export function opensDevice(text: string): boolean {
  return OPENS_DEVICE.test(text);
}

/** Machine of an x86 trace that opens devices and does not say which: the recorded VMM traces were made on it. */
export const X86_TRACE_MACHINE = "intel-sm";

/** Machine of an Arm trace that does not say. */
export const ARM_TRACE_MACHINE = "plain";
