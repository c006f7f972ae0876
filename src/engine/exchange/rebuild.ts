/** `lab rebuild`: plays the trace that led to a dump, then compares what the emulated driver wrote with the dump. */
import type { MachineDesc } from "../../hw/machine.ts";
import { arm_smmu_get_step_for_sid, STRTAB_SPLIT } from "../kernel/drivers/arm_smmu_v3/strtab.ts";
import type { ResolvedProfile } from "../kernel/profile.ts";
import { type Dump, parseDump } from "./dump.ts";
import { BadInput } from "./parse.ts";
import { ReplayArm } from "./replay_arm.ts";
import { WordCompare, type WordDifference } from "./rebuild_words.ts";

export interface RebuildOptions {
  profile: ResolvedProfile;
  machine: MachineDesc;
  /** All dumps that the trace names, as far as they are there: they tell the program's page frames. */
  dumps: ReadonlyMap<string, unknown>;
  /** How many words to describe. */
  describe?: number;
}

export interface RebuildReport {
  /** 64-bit words. */
  agreed: number;
  total: number;
  /** Words of a dump that the guest wrote (its CD and stage 1): not compared. */
  guest: number;
  /** Records played, and how many of those that were compared agreed. */
  records: number;
  replayed: { agreed: number; total: number };
  first: WordDifference[];
  /** Ready to print. */
  lines: string[];
}

/** What finds the trace of a dump: its scenario and machine as the recording names them. */
export function dumpOrigin(name: string, value: unknown): Pick<Dump, "name" | "scenario" | "machine"> {
  const dump = parseDump(name, value);
  return { name: dump.name, ...optional("scenario", dump.scenario), ...optional("machine", dump.machine) };
}

function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

/** Throws BadInput when the trace does not lead to the dump. */
export function rebuildDump(
  name: string,
  value: unknown,
  trace: Iterable<string>,
  { profile, machine, dumps, describe = 5 }: RebuildOptions,
): RebuildReport {
  const dump = parseDump(name, value);
  const known = new Map(dumps);
  known.set(dump.name, value);
  const replay = new ReplayArm(trace, { profile, machine, dumps: known });
  const played = replay.runToTables(dump.name);
  if (played === null) throw new BadInput(`${name}: no record of the trace names this dump`);
  if (!played.some((r) => r.t === "open" && r.bdf === dump.bdf))
    throw new BadInput(
      `${name}: the trace's program had not opened ${dump.bdf}: the kernel's own drivers mapped, no trace leads to these tables`,
    );
  const words = compareWords(replay, dump, describe);
  const { agreed, total } = replay.report;
  return {
    agreed: words.agreed,
    total: words.total,
    guest: words.guest,
    records: played.length,
    replayed: { agreed, total },
    first: words.first,
    lines: describeWords(words),
  };
}

function compareWords({ world, names }: ReplayArm, dump: Dump, describe: number): WordCompare {
  const pdev = world.platform.pci.get(dump.bdf);
  const smmu = world.platform.smmus.find((it) => it.hw_name === pdev?.hw.desc.smmu);
  if (smmu === undefined) throw new BadInput(`${dump.name}: ${dump.bdf} is behind no SMMU of this machine`);
  const { strtab } = smmu;
  const { ram } = world.machine.desc;
  const compare = new WordCompare(
    dump,
    {
      mem: world.k.mem,
      names,
      smmu: smmu.name,
      l1std: strtab.two_level ? strtab.base + 8 * (dump.streamid >>> STRTAB_SPLIT) : -1,
      ste: arm_smmu_get_step_for_sid(smmu, dump.streamid),
      isRam: (pa) => ram.some((r) => pa >= r.start && pa <= r.last),
    },
    describe,
  );
  compare.run();
  return compare;
}

function describeWords({ first, unreached }: WordCompare): string[] {
  const at = (pa: number) => `0x${pa.toString(16)}`;
  return [
    ...first.flatMap((d) => [
      `${d.what} word ${d.word} (dumped at ${at(d.pa)}): ${d.ours ?? "none"}, dumped ${d.theirs}`,
      ...d.fields.map((field) => `  ${field}`),
    ]),
    ...unreached.map((p) => `${p.what} (dumped at ${at(p.pa)}): nothing of ours leads there, ${p.words} words`),
  ];
}
