/** Files of the recorded program that no record opens, and devices that cannot be opened. */
import { expect, test } from "vitest";
import { queued_commands } from "../kernel/drivers/arm_smmu_v3/cmdq.ts";
import { resolveProfile } from "../kernel/resolve.ts";
import linux_7_2 from "../releases/linux_7_2.ts";
import { PLAIN } from "../presets/plain.ts";
import { machineById } from "../sim/machines.ts";
import { errno } from "../uapi/errno.ts";
import { fixture } from "../testing/fixtures.ts";
import { parseTableDump } from "./arm_memory.ts";
import { toHex } from "./hex.ts";
import { parseJson } from "./parse.ts";
import { type RecordVerdict, ReplayArm } from "./replay_arm.ts";
import { settingsOf } from "./replay_arm_world.ts";

const profile = resolveProfile("linux-7.2", [linux_7_2]);
const EDU = { bdf: "0000:00:03.0", sid: 24, group: "3", node: "/dev/vfio/devices/vfio2" };
const SMMU = "smmu3.0x0000000009050000";

type Fields = Readonly<Record<string, unknown>>;

/** Verdicts on records behind a header; what was queued is not in them. */
function verdicts(...records: Fields[]): RecordVerdict[] {
  const header = { t: "header", scenario: "x", machine: "plain", cmdline: "lab_todo=bind,s:x lab_tag=t" };
  const lines = [header, ...records].map((r) => JSON.stringify(r));
  const replay = new ReplayArm(lines, { profile, machine: PLAIN, dumps: new Map() });
  replay.play(0);
  return records.map((_, i) => {
    const { kind, differences } = replay.play(i + 1);
    const left = differences.filter((d) => !/commands?\b/.test(d));
    return { kind: left.length === 0 ? "agrees" : kind, differences: left };
  });
}

const u32 = (...words: number[]): string =>
  words.map((w) => [0, 8, 16, 24].map((at) => ((w >>> at) & 0xff).toString(16).padStart(2, "0")).join("")).join("");
const ioctl = (fd: string, nr: string, given: string, out: string, code = 0): Fields => ({
  t: "ioctl",
  fd,
  cmd: nr,
  nr,
  in: given,
  out,
  ret: code === 0 ? 0 : -1,
  errno: code,
});
const iommu = { t: "open", dev: "iommu", fd_ok: true };
const edu = { t: "open", dev: "edu", fd_ok: true, smmu: SMMU, ...EDU };
const bind = (fd: number, code = 0): Fields =>
  ioctl("edu", "0x3b76", u32(24, 0, fd, 0, 0, 0), u32(24, 0, fd, code === 0 ? 1 : 0, 0, 0), code);
const eventfd = (fd: number, code = 0): Fields => {
  const given = u32(24, 0x24, 1, 0, 1, fd);
  return ioctl("edu", "0x3b6e", given, given, code);
};
const ioas = (name: string, id: number): Fields => ioctl(name, "0x3b81", u32(12, 0, 0), u32(12, 0, id));
const attach = ioctl("edu", "0x3b77", u32(16, 0, 2, 0), u32(16, 0, 3, 0));

const kinds = (list: readonly RecordVerdict[]): string[] => list.map((v) => v.differences.join("; "));

test("a device without a group has no node, no SMMU in sysfs, and cannot be opened", () => {
  const alias = { t: "open", dev: "br", bdf: "0000:06:02.0", sid: 0x610, group: "", smmu: "", node: "", fd_ok: false };
  const call = ioctl("br", "0x3b76", u32(24, 0, 6, 0, 0, 0), u32(24, 0, 6, 0, 0, 0), errno.EBADF);
  expect(kinds(verdicts(iommu, { ...alias, reserved_regions: "" }, call))).toEqual(["", "", ""]);
});

test("a descriptor that the program closed and used again for another kind of file", () => {
  const again = { ...edu, dev: "edu" };
  const list = verdicts(
    iommu,
    edu,
    bind(6),
    ioas("iommu", 2),
    attach,
    eventfd(9),
    { t: "close", dev: "edu" },
    again,
    bind(9),
  );
  expect(kinds(list)).toEqual(Array.from({ length: 9 }, () => ""));
});

test("a second iommufd by its own name; numbers that stand for no file", () => {
  const second = { t: "open", dev: "iommu2", fd_ok: true };
  const list = verdicts(
    iommu,
    second,
    edu,
    bind(6),
    ioas("iommu2", 1),
    ioas("iommu", 2),
    attach,
    eventfd(77, errno.EBADF),
  );
  expect(kinds(list)).toEqual(Array.from({ length: 8 }, () => ""));
  expect(kinds(verdicts(iommu, edu, bind(99, errno.EBADF)))).toEqual(["", "", ""]);
});

test("queues of several SMMUs: those of the first in the header have no name, others are named", () => {
  const desc = machineById("plain-two-smmus");
  if (desc === undefined) throw new Error("no machine plain-two-smmus");
  const [one, two] = desc.smmus.map((smmu) => ({ base: `0x${smmu.base.toString(16)}`, name: smmu.name }));
  const device = desc.functions.find((f) => f.smmu === two?.name);
  const play = (smmus: readonly Fields[], more: Fields): { replay: ReplayArm; differences: readonly string[] } => {
    const header = { t: "header", scenario: "x", machine: desc.id, cmdline: "lab_todo=bind,s:x", smmus };
    const open = { t: "open", dev: "edu", fd_ok: true, bdf: device?.bdf };
    const lines = [header, iommu, open, { ...bind(6), ...more }].map((r) => JSON.stringify(r));
    const replay = new ReplayArm(lines, { profile, machine: desc, dumps: new Map() });
    const all = lines.map((_, i) => replay.play(i).differences);
    return { replay, differences: all.at(-1) ?? [] };
  };
  const seen = play([one ?? {}, two ?? {}], {}).replay.world;
  const smmu = seen.platform.smmus.find((it) => it.hw_name === two?.name);
  if (smmu === undefined) throw new Error("no second SMMU");
  const cmdq = queued_commands(seen.k, smmu, 0).slice(-11).map(toHex);
  expect(play([one ?? {}, two ?? {}], { [`cmdq@${two?.name}`]: cmdq }).differences).toEqual([]);
  expect(play([two ?? {}, one ?? {}], { cmdq }).differences).toEqual([]);
  expect(play([one ?? {}, two ?? {}], { cmdq }).differences).not.toEqual([]);
});

test("a poke into the guest's own tables goes there and is put back, whatever the kernel's tables have at that place", () => {
  const dump = parseTableDump("c-s1-nested", parseJson("c-s1-nested", fixture("tables/arm/c-s1-nested.json")));
  const lines = fixture("traces/arm/c-s1.jsonl").split("\n");
  const ok = lines.findIndex((line) => line.includes('"t":"dma"') && line.includes('"expect":"ok"'));
  const iova = Number(/"iova":"(0x[0-9a-f]+)"/.exec(lines[ok] ?? "")?.[1]);
  const table = Number(dump.memory.find((piece) => piece.what === "S1-L3")?.pa);
  const pa = `0x${(table + ((iova / 4096) % 512) * 8).toString(16)}`;
  const poke = JSON.stringify({ t: "poke", what: "S1 L3 PTE invalid", pa, words: "00".repeat(8) });
  const dumps = new Map([["c-s1-nested", dump]]);
  const replay = new ReplayArm(lines.toSpliced(ok, 0, poke), { profile, machine: PLAIN, dumps });
  const { mem } = replay.world.k;
  const word = (): number => mem.read32(Number(pa));
  const kinds = lines.slice(0, ok).map((_, i) => replay.play(i).kind);
  expect(kinds).not.toContain("differs");
  const before = word();
  replay.play(ok);
  expect([before & 3, word()]).toEqual([3, 0]);
  // F_TRANSLATION of stage 1 instead of the access.
  expect(replay.play(ok + 1).differences.join()).toMatch(/event 0: 10000000[0-9a-f]+, recorded none/);
  expect(word()).toBe(before);
});

test("steps before a scenario: found by its name, or by the part before a dash", () => {
  const header = (scenario: string, todo: string): Parameters<typeof settingsOf>[0] => [
    { t: "header", scenario, cmdline: `lab_todo=${todo} lab_tag=t` },
  ];
  const canwbs = (scenario: string, todo: string): boolean => settingsOf(header(scenario, todo), PLAIN).canwbs;
  expect(canwbs("c0-viommu-without-canwbs", "bind,s:c0:b,canwbs,s:d")).toBe(false);
  expect(canwbs("d", "bind,s:c0:b,canwbs,s:d")).toBe(true);
  expect(canwbs("a-edu", "bind,s:a,canwbs,s:a-edu")).toBe(true);
});
