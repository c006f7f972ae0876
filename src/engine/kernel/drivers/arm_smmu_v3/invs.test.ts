import { describe, expect, it } from "vitest";
import { PLAIN } from "../../../presets/plain.ts";
import { bootedKernel } from "../../../testing/device_program.ts";
import { the_platform } from "../../platform.ts";
import { OP } from "./cmd.ts";
import { queued_commands } from "./cmdq.ts";
import { ArmSmmuDomain, dev_master } from "./device.ts";
import { arm_smmu_domain_alloc_paging_flags, HWPT_NEST_PARENT } from "./domain.ts";
import { arm_smmu_domain_inv_range, arm_smmu_invs_add, atc_span } from "./invs.ts";

const K4 = 4096;
const M2 = 2 ** 21;
const G1 = 2 ** 30;

interface Range {
  start: number;
  end: number;
}

function words(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Uint32Array.from({ length: 4 }, (_, i) => view.getUint32(4 * i, true));
}

/** The span that a range command names; IHI 0070 4.4.1.1. */
function rangeOf(cmd: Uint32Array): Range {
  const [w0, , w2, w3] = [cmd[0] ?? 0, cmd[1] ?? 0, cmd[2] ?? 0, cmd[3] ?? 0];
  const tg = (w2 >>> 10) & 3;
  const start = w3 * 2 ** 32 + ((w2 & 0xfffff000) >>> 0);
  if (tg === 0) return { start, end: start + K4 };
  const granule = 2 ** (10 + 2 * tg);
  const num = (w0 >>> 12) & 31;
  const scale = (w0 >>> 20) & 31;
  return { start, end: start + (num + 1) * 2 ** scale * granule };
}

type Invalidate = (iova: number, size: number, granule: number, leaf: boolean) => Uint32Array[];

/** Commands that an invalidation of an attached domain queues. */
function setup(nest_parent: boolean, range_inv = true): Invalidate {
  const without = { ...PLAIN, smmus: PLAIN.smmus.map((s) => ({ ...s, idr3: s.idr3 & ~(1 << 10) })) };
  const k = bootedKernel(range_inv ? PLAIN : without);
  const { smmus, pci } = the_platform(k);
  const dev = pci.get("0000:00:03.0")?.dev;
  const smmu = smmus[0];
  if (smmu === undefined || dev === undefined) throw new Error("no SMMU or device");
  expect(smmu.features.range_inv).toBe(range_inv);
  const domain = arm_smmu_domain_alloc_paging_flags(k, dev, nest_parent ? HWPT_NEST_PARENT : 0, null);
  const paging = typeof domain === "number" ? null : domain.priv;
  if (!(paging instanceof ArmSmmuDomain)) throw new Error("no domain");
  arm_smmu_invs_add(paging, { master: dev_master(dev), ssid: 0, nested_ats_flush: false, using_iopf: false });
  return (iova, size, granule, leaf) => {
    const from = smmu.cmdq.prod;
    arm_smmu_domain_inv_range(k, paging, iova, size, granule, leaf);
    return queued_commands(k, smmu, from).map(words);
  };
}

const op = (cmd: Uint32Array) => (cmd[0] ?? 0) & 0xff;

describe("range invalidation", () => {
  const inv = setup(false);
  it.each([
    ["one page", 0x1000, K4, K4],
    ["31 pages", 0x10_0000, 31 * K4, K4],
    ["32 pages", 0x10_0000, 32 * K4, K4],
    ["33 pages", 0x10_0000, 33 * K4, K4],
    ["1000 pages", 0x7f_0000_0000, 1000 * K4, K4],
    ["a block of 2 MiB", 0x4000_0000, M2, M2],
    ["7 blocks of 2 MiB", 0x4000_0000, 7 * M2, M2],
    ["a block of 1 GiB", 0x8_4000_0000, G1, G1],
    ["most of the space", 0, 2 ** 40 - K4, K4],
  ])("%s: the ranges are the request, without gap or overlap", (_name, iova, size, granule) => {
    const cmds = inv(iova, size, granule, true).filter((cmd) => op(cmd) === OP.TLBI_NH_VA);
    let at = iova;
    for (const range of cmds.map(rangeOf)) {
      expect(range.start).toBe(at);
      at = range.end;
    }
    expect(at).toBe(iova + size);
    const ttl = (4 - Math.floor((Math.log2(granule) - 3) / 9)) & 3;
    for (const cmd of cmds) expect(((cmd[2] ?? 0) >>> 8) & 3).toBe(ttl);
  });

  it("a single page and one more for a table walk: no range of one page without level", () => {
    const cmds = inv(0x1000, K4, K4, false).filter((cmd) => op(cmd) === OP.TLBI_NH_VA);
    expect(cmds.map(rangeOf)).toEqual([{ start: 0x1000, end: 0x3000 }]);
    expect(cmds.map((cmd) => (cmd[2] ?? 0) & 0x301)).toEqual([0]);
  });
});

describe("invalidation without ranges", () => {
  const inv = setup(false, false);
  it("one command a page, up to 511", () => {
    const cmds = inv(0x10_0000, 511 * K4, K4, true).filter((cmd) => op(cmd) === OP.TLBI_NH_VA);
    expect(cmds.length).toBe(511);
    expect(rangeOf(cmds[510] ?? new Uint32Array(4))).toEqual({
      start: 0x10_0000 + 510 * K4,
      end: 0x10_0000 + 511 * K4,
    });
  });
  it("from 512 on the whole ASID", () => {
    expect(inv(0x10_0000, 512 * K4, K4, true).map(op)).toEqual([OP.TLBI_NH_ASID, OP.SYNC]);
  });
});

describe("a nest parent", () => {
  const inv = setup(true);
  it("drops its stage-2 entries, waits, then everything combined of its VMID", () => {
    expect(inv(0x1000, K4, K4, true).map(op)).toEqual([OP.TLBI_S2_IPA, OP.SYNC, OP.TLBI_NH_ALL, OP.SYNC]);
  });
});

it.each([
  [0, 4096, 0, 0],
  [0x7000, 0x2000, 0, 4],
  [0x8000, 0x8000, 0x8000, 3],
  [0x10_0000, 0, 0, 52],
])("ATS: 0x%i + 0x%i lies in the span at 0x%i of 2^%i pages", (iova, size, at, log2pages) => {
  expect(atc_span(iova, size)).toEqual({ iova: at, log2pages });
});
