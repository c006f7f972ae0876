/** Records of the Arm traces: one JSON object a line. The format is described in the recordings' own FORMAT.md. */
import { z } from "zod/mini";
import { BadInput, parseJson, parseShape } from "./parse.ts";

const hexes = z.array(z.string());
const text = z.optional(z.string());

const zArray = z.object({ name: z.string(), before: z.string(), after: z.string() });

const zEntry = z.object({ addr: z.string(), data: z.string(), ctrl: z.string() });

const zMsi = z.object({ cap: z.number(), flags: z.string(), addr: z.string(), data: z.string() });

const zMsix = z.object({
  cap: z.number(),
  flags: z.string(),
  table_bar: z.number(),
  table_off: z.string(),
  table_pa: z.string(),
  n: z.number(),
  entries: z.array(zEntry),
  cmd_reg: z.string(),
});

const zRecord = z.looseObject({
  seq: z.optional(z.number()),
  t: z.string(),
  note: text,
  /** Raw commands queued in this step (first SMMU). */
  cmdq: z.optional(hexes),
  /** Raw events of this step. */
  evtq: z.optional(hexes),
  /** header */
  scenario: text,
  machine: text,
  cmdline: text,
  smmus: z.optional(z.array(z.looseObject({ base: text }))),
  /** ioctl */
  fd: text,
  fdnum: z.optional(z.number()),
  cmd: text,
  nr: text,
  in: text,
  out: text,
  ret: z.optional(z.number()),
  errno: z.optional(z.number()),
  arrays: z.optional(z.array(zArray)),
  /** open, close, ste, dma ... */
  dev: text,
  bdf: text,
  sid: z.optional(z.number()),
  group: text,
  smmu: text,
  node: text,
  fd_ok: z.optional(z.boolean()),
  reserved_regions: text,
  /** ste */
  ste_pa: text,
  ste: text,
  cd_pa: text,
  cd: text,
  /** ranges */
  align: z.optional(z.number()),
  ranges: z.optional(z.array(z.tuple([z.string(), z.string()]))),
  /** msi, vfio_msi_view */
  msi: z.optional(zMsi),
  msix: z.optional(zMsix),
  msix_entry0_via_bar: text,
  last_ret: z.optional(z.number()),
  msi_cap_via_vfio_config: text,
  /** tables */
  file: text,
  /** dma */
  op: text,
  iova: text,
  len: z.optional(z.number()),
  walk: text,
  walk_err: text,
  expect: text,
  /** msi_fire, vevents */
  eventfd: z.optional(z.number()),
  hex: text,
  /** cfgwrite */
  off: z.optional(z.number()),
  old: text,
  new: text,
  /** poke */
  what: text,
  pa: text,
  words: text,
});

export type ArmRecord = z.infer<typeof zRecord>;
export type MsiRecord = z.infer<typeof zMsi>;
export type MsixRecord = z.infer<typeof zMsix>;

/** Throws BadInput that names the record. */
export function parseArmRecord(line: string, number: number): ArmRecord {
  const place = `record ${number}`;
  return parseShape(place, zRecord, parseJson(place, line));
}

/** A field that this kind of record must have. */
export function need<T>(value: T | undefined, record: ArmRecord, name: string): T {
  if (value === undefined) throw new BadInput(`record ${record.seq ?? "?"} (${record.t}): ${name} is missing`);
  return value;
}

/** Commands of every SMMU in a record: the key is `` for the first one, else its name. */
export function queuedBySmmu(record: ArmRecord): Map<string, string[]> {
  const out = new Map<string, string[]>();
  if (record.cmdq !== undefined) out.set("", record.cmdq);
  for (const [name, list] of besides(record, "cmdq@")) out.set(name, list);
  return out;
}

/** Events of a record: those of the first SMMU, then those of others. */
export function eventsOf(record: ArmRecord): string[] {
  return [...(record.evtq ?? []), ...besides(record, "evtq@").flatMap(([, list]) => list)];
}

/** What a record has of SMMUs that it names. */
function besides(record: ArmRecord, prefix: string): [name: string, list: string[]][] {
  return Object.entries(record).flatMap(([key, value]) =>
    key.startsWith(prefix) && Array.isArray(value) ? [[key.slice(prefix.length), value.map(String)]] : [],
  );
}
