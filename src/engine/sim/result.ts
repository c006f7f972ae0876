/** What a step gave: the program's view, in words and in values that checks and comparisons read. */
import type { TraceEntry } from "../kernel/trace.ts";
import type { IoctlDef, Layout } from "../uapi/layout.ts";
import type { Outcome, Ref } from "../views/types.ts";

/** A value of a result: a number, a word (`EINVAL`, `F_TRANSLATION`, `none`), or ranges with both ends inclusive. */
export type Seen = bigint | string | readonly (readonly [bigint, bigint])[];

/** Bytes that the program gave and got. */
export interface Call {
  def: IoctlDef;
  before: Uint8Array;
  after: Uint8Array;
  /** What pointers of the struct led to, after the call. */
  arrays: { title: string; layout: Layout; bytes: Uint8Array }[];
}

/** A device's access as the hardware saw it. */
export interface DeviceAccess {
  device: string;
  iova: bigint;
  /** Bytes. */
  length: bigint;
  write: boolean;
  /** Absent: a request without one. */
  pasid?: number;
  /** The access is an interrupt message. */
  msi: boolean;
  ok: boolean;
  /** Tracks of the guest's stage 1 and of the paging hwpt that it went through; null where there is none. */
  s1Track: string | null;
  tableTrack: string | null;
  /** The address that it had below the guest's stage 1: in the paging hwpt; null when it did not get there. */
  ipa: bigint | null;
  /** Where it ended, physical; null when it did not get there. */
  pa: bigint | null;
  /** Stage of the fault; 0 = configuration or no fault. */
  stage: number;
  /** `F_TRANSLATION stage 1 level 2`, `LPI 8192, eventfd 1`. */
  end: string;
}

/** `given`: the answer was taken from the recording; `context`: there is none; `skipped`: not modelled. */
export interface Agreement {
  kind: "agrees" | "differs" | "given" | "context" | "skipped";
  /** The differences, field by field, or why it was skipped; empty when it agrees. */
  text: string;
}

export interface StepResult {
  outcome: Outcome;
  /** `ok`, or the errno's name. */
  errno: string;
  /** The short result at the right edge: `hwpt 3`, `EADDRINUSE`, `F_TRANSLATION`, `2 ranges`. */
  summary: string;
  /** By the names that `expect` uses. */
  seen: Readonly<Record<string, Seen>>;
  /** Arguments with labels turned into ids: `ioas=2 iova=0x40000000 len=2M RW`. */
  args: string;
  refs: Ref[];
  /** The interval that the call asked for, by track of the address space. */
  asked?: { ref: Ref; start: bigint; last: bigint; label: string };
  call?: Call;
  access?: DeviceAccess;
  /** Steps of a recording: whether the answer is the recorded one. */
  agreement?: Agreement;
  trace: TraceEntry[];
}

/** A result before the runner adds the trace and the argument text. */
export type Bare = Omit<StepResult, "trace" | "args">;
