/**
 * Plain data for pictures. The worker computes it for one kernel after one step; the UI draws it and decides nothing.
 * Addresses are bigint, both ends of a range inclusive. Strings named `label`/`text` are ready to show.
 */
import type { TraceEntry } from "../kernel/trace.ts";
import type { TablePlace, TablesAsked } from "./tables/types.ts";

export type { CheckDetail, Interval, TraceEntry } from "../kernel/trace.ts";
export type * from "./compare/types.ts";
export type * from "./machine/types.ts";
export type * from "./tables/types.ts";

/** Names a thing in the world; the same ref lights up in every view. `dev:D1`, `ioas:2`, `hwpt:3`, `ste:0x18`, `area:2:0x40000000`. */
export type Ref = string;

export type Actor = "vmm" | "guest" | "device" | "admin";

export interface KernelInfo {
  id: string;
  /** `6.11`, `Jul-2024 patch`: the tab. */
  title: string;
  /** `paging attach only`: one short line under it. */
  subtitle: string;
  date: string;
  ref?: string;
  changes: string;
  expects: string[];
  objections: { who: string; what: string; ref?: string }[];
  unknown: string[];
  /** The scenario that shows what is special about it; releases and what-ifs may have none. */
  scenario?: string;
}

export interface ScenarioInfo {
  id: string;
  title: string;
  /** Where the question was asked: `iommu list, 31 Jul 2024`. */
  source: string;
  /** The question in one or two plain sentences. */
  question: string;
  machine: string;
  kernels: string[];
}

/** The checks of a scenario, by kernel; `problem` says why one does not play it. */
export interface ScenarioChecks {
  id: string;
  steps: number;
  kernels: {
    kernel: string;
    checks: number;
    /** `step 9: msi=0x8000040, but 0x8090040`. */
    failed: string[];
    problem: string | null;
  }[];
}

export interface MachineInfo {
  id: string;
  title: string;
}

export type Outcome = "ok" | "errno" | "fault" | "pending";

export interface StepView {
  /** 1-based. */
  index: number;
  actor: Actor;
  /** `IOMMU_`, `VFIO_` or empty; drawn lighter. */
  prefix: string;
  /** `IOAS_MAP`, `MSI write`. */
  op: string;
  /** `ioas=2 iova=0x40000000 len=2M RW`. */
  args: string;
  outcome: Outcome;
  /** `0`, `hwpt 3`, `EADDRINUSE`, `F_TRANSLATION`, `2 ranges`. */
  result: string;
  /** Short name for the timeline: `map 2M`, `attach 4`. */
  tick: string;
  /** What the author wrote beside the step. */
  note?: string;
  refs: Ref[];
  /** Records of a recording: whether the answer is the recorded one, and if not, where it differs. */
  agreement?: { kind: "agrees" | "differs" | "given" | "context" | "skipped"; text: string };
  /** A sentence for the live region: "step 7: IOMMU_IOAS_MAP failed, EINVAL, meets SW_MSI 0x8000000-0x80fffff". */
  spoken: string;
}

export type IntervalKind =
  | "map"
  | "sw_msi"
  | "doorbell"
  | "reserved"
  | "aperture"
  | "direct"
  | "direct-relaxable"
  | "hw_msi"
  | "allowed"
  | "range"
  | "ram"
  | "mmio";

export interface TrackInterval {
  start: bigint;
  last: bigint;
  kind: IntervalKind;
  /** Short text that may stand inside or beside it. */
  label: string;
  /** Owner of a reservation, backing of a mapping ... in words; for tooltip, table and inspector. */
  detail: string;
  /** Size of the table leaves in this stretch, bytes; hwpt and guest tracks only. */
  leaf?: number;
  /** What the current step did to it. Removed intervals are listed too. */
  change?: "added" | "removed";
  ref: Ref;
}

export interface Track {
  id: string;
  label: string;
  /** `03.0`, `owner`, `S2 44-bit`: drawn small at the right of the label. */
  sub: string;
  intervals: TrackInterval[];
  /** `=`, `+1`, `-2`, `+1 miss`, `+1 write`: what the current step changed here. */
  delta: string;
  ref: Ref;
  /**
   * There are too many: `intervals` holds those that the step changed (a part of them, when they are many), the others
   * are asked for by windows.
   */
  dense?: DenseTrack;
  /** Tracks of one thing (one device, one IOAS, one hwpt) share this and can be pinned or hidden together. */
  group: string;
}

/** What a frame says of a track with very many intervals. */
export interface DenseTrack {
  kind: IntervalKind;
  count: number;
  /** Stretches in which they stand, ascending; the widest holes are between them. */
  clusters: { start: bigint; last: bigint; count: number }[];
}

/** A stretch of a dense track: its intervals when they are few, else counts in buckets of equal size. */
export interface SpaceWindow {
  track: string;
  from: bigint;
  /** Exclusive. */
  to: bigint;
  kind: IntervalKind;
  /** Intervals that stand in it after the step. */
  count: number;
  intervals: TrackInterval[] | null;
  buckets: {
    /** Intervals that meet the bucket. */
    counts: Uint32Array;
    /** How much of it they cover, of 255; at least 1 where there is one. */
    cover: Uint8Array;
    /** Bit 0: the step added one here, bit 1: it removed one. */
    change: Uint8Array;
  } | null;
}

export interface Band {
  /** In the order of translation. */
  id: "giova" | "ipa" | "pa";
  /** `gIOVA`, `IPA = IOAS iova`, `Physical`. */
  title: string;
  tracks: Track[];
}

/** A stretch translated by one table: drawn falling from `from` to `to`. */
export interface Ribbon {
  from: { track: string; start: bigint; last: bigint };
  to: { track: string; start: bigint; last: bigint };
  kind: "map" | "doorbell";
  ref: Ref;
}

/** What a device did in the current step, as one vertical through the bands. */
export interface Access {
  ref: Ref;
  /** Where it entered. */
  track: string;
  iova: bigint;
  write: boolean;
  /** `W 0x8000040`. */
  label: string;
  /** Address in each band it reached; the last one is where it ended. */
  path: { band: Band["id"]; track: string; address: bigint }[];
  ok: boolean;
  /** `F_TRANSLATION stage 1`, `LPI 8192 -> eventfd 9`. */
  end: string;
}

export interface AddressSpaceView {
  bands: Band[];
  ribbons: Ribbon[];
  accesses: Access[];
  /** Interval asked for by the current step, even if refused: `{start,last,label,ok}`. */
  asked: { band: Band["id"]; track: string; start: bigint; last: bigint; label: string; ok: boolean }[];
}

export type NodeKind =
  | "device"
  | "group"
  | "nested"
  | "paging"
  | "ioas"
  | "viommu"
  | "vdevice"
  | "veventq"
  | "fault"
  | "hw_queue"
  | "access"
  /** Of VFIO's own containers and of the interfaces of 2021: a page table, the container, the space. */
  | "domain"
  | "container"
  | "space"
  | "fd";

export interface AttachNode {
  ref: Ref;
  kind: NodeKind;
  /** `D1`, `3`, `ioas 2`. */
  title: string;
  /** Small lines under it: `SID 0x18`, `S2, 44 bit`, `sw_msi_start unset`. */
  lines: { text: string; tone: "plain" | "bad" | "new" }[];
  /** Reference count as the kernel has it (users), where there is one. */
  users?: number;
  change?: "added" | "changed" | "removed";
}

export interface AttachEdge {
  from: Ref;
  to: Ref;
  /** `attached` solid; `parent` nested -> paging; `member`, `in`; `undone` = what this kernel did not do. */
  kind: "member" | "attached" | "parent" | "linked" | "part-of" | "undone";
  label: string;
  change?: "added" | "removed";
}

export interface AttachmentsView {
  nodes: AttachNode[];
  edges: AttachEdge[];
}

/** One 32-bit word of a structure, as the manual draws it. */
export interface BitWord {
  /** Byte offset in the structure. */
  offset: number;
  value: number;
  /** Value before the step, when it changed. */
  before?: number;
  fields: BitField[];
}

export interface BitField {
  name: string;
  hi: number;
  lo: number;
  value: number;
  /** Name of the value where the manual names it: `Config 7 = S1+S2`. */
  meaning?: string;
  /** Who supplied these bits; only for a nested STE. */
  from?: "guest" | "host";
}

export interface BitGrid {
  /** `STE 0x18`. */
  title: string;
  /** `0xfe880600`. */
  address?: bigint;
  /** `SMMUv3 IHI 0070 5.2`. */
  spec: string;
  words: BitWord[];
}

export interface InspectorView {
  ref: Ref;
  title: string;
  subtitle: string;
  fields: { name: string; value: string; ref?: Ref; change?: boolean }[];
  grids: BitGrid[];
  /** Bytes of an ioctl struct with its fields, for a step. */
  structs: {
    title: string;
    bytes: Uint8Array;
    fields: { name: string; offset: number; size: number; value: string; out: boolean }[];
  }[];
}

/** One memory read of a walk. */
export interface WalkRead {
  /** 1-based, in the order made. */
  n: number;
  pa: number;
  lo: number;
  hi: number;
  /** `S2 L1[0x001]`. */
  what: string;
  /** `table`, `block 1G`, `page`, `invalid`. */
  decoded: string;
  ok: boolean;
  /** The entry that was read, and where it stands in its tables. */
  ref?: Ref;
  place?: TablePlace;
}

/**
 * Two-dimensional nested walk. Row 0 is the stream (L1STD, STE), then CD, S1 levels, output.
 * In each row: the IPA that was looked up, the S2 reads for it (by level), then the S1 entry itself.
 */
export interface WalkRow {
  /** `Stream`, `CD[0]`, `L0 [000]`, `output`. */
  title: string;
  /** `IPA 0x40001000`. */
  sub: string;
  /** Reads of stage 2, one slot a level; null = not needed (block above) . */
  s2: (WalkRead | null)[];
  entry: WalkRead | null;
  reached: boolean;
  /** What a cache answered in place of the reads. */
  cached?: { text: string; bad: boolean };
}

export interface WalkView {
  device: string;
  ref: Ref;
  iova: bigint;
  write: boolean;
  title: string;
  rows: WalkRow[];
  /** Column heads for s2. */
  levels: string[];
  reads: number;
  ok: boolean;
  /** `PA 0x8090040 ITS translater` or `F_TRANSLATION stage 1 level 2`. */
  end: string;
  /** What the TLB would have said before this walk. */
  tlb: string;
  failing?: { row: number; why: string };
  /** SubstreamID of the request. */
  pasid?: number;
  /** With the caches as they are now; absent = from memory alone. */
  asNow?: boolean;
  /** What is cached for this address and is not what the tables say; empty = nothing. */
  stale?: string;
}

/** How a walk is made, beyond device, address and direction. */
export interface WalkMore {
  pasid?: number;
  /** With the SMMU's caches as they are now. */
  asNow?: boolean;
}

/** Targets that the walk view offers. */
export interface WalkTarget {
  label: string;
  device: string;
  iova: bigint;
  write: boolean;
  /** SubstreamID of the request; absent: without one. */
  pasid?: number;
}

export interface WhyView {
  /** `the interrupt was lost`, `the map was refused`. */
  headline: string;
  entries: TraceEntry[];
  /** Index in `entries` of the check (or hardware event) that decided the outcome; -1 for a success. */
  opened: number;
  /** Earlier steps that this outcome follows from, newest first. */
  causes: { step: number; text: string; entries: TraceEntry[]; opened: number }[];
}

/** Everything that changes with the step, in one answer. */
export interface Frame {
  kernel: string;
  /** 0 = before the first step. */
  step: number;
  steps: StepView[];
  addressSpace: AddressSpaceView;
  attachments: AttachmentsView;
  walkTargets: WalkTarget[];
  /** The most telling target now; index in walkTargets, -1 for none. */
  walkDefault: number;
  /** The object the inspector opens when nothing is selected. */
  inspectDefault: Ref;
  why: WhyView;
  /** What can be done next on an object, with its predicted result. */
  next: NextStep[];
}

/** A step that could follow, with the result that it would have. */
export interface NextStep {
  ref: Ref;
  /** As the list shows it. */
  text: string;
  result: string;
  ok: boolean;
  /** As a line of the scenario's text. */
  line: string;
}

/**
 * What ever appears in a scenario, after any step: all tracks with all intervals, nodes with the longest texts. For
 * layouts that do not jump.
 */
export type Landmarks = Pick<Frame, "addressSpace" | "attachments">;

/** One kernel's results over the same scenario, for the timeline lanes. */
export interface Lane {
  kernel: string;
  /** One per step of the scenario. */
  cells: { outcome: Outcome; text: string; differs: boolean }[];
  /** First step that differs from the chosen kernel; 0 = none. */
  firstDifference: number;
  /** There are too many steps to look at what each did: only the results are compared. */
  resultsOnly?: boolean;
}

/**
 * A view as plain text for a mail: 7-bit, at most 72 columns. `step` is the call with address space, objects, walk and
 * trace on one page, `storyboard` every step with what it changed.
 */
export type AsciiRequest =
  | { view: "step" | "storyboard" | "space" | "attachments" | "why" }
  | { view: "machine"; peers?: { from: string; to: string } }
  | { view: "walk"; device: string; iova: bigint; write: boolean; more?: WalkMore }
  | { view: "tables"; asked: TablesAsked }
  | { view: "inspector"; ref: Ref }
  /** Something told, as a tour. */
  | { view: "words"; title: string; about: string[]; parts: WordsPart[] }
  /** The other kernels, beside the one that is asked. */
  | { view: "timeline" | "compare"; kernels: string[] };

/** A part of a text under a heading: paragraphs, each behind a lead of blanks or a sign. */
export interface WordsPart {
  head: string;
  right: string;
  lines: { lead: string; text: string }[];
}
