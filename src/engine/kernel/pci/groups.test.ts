import { describe, expect, it, test } from "vitest";
import { Machine, type MachineDesc, type RmrDesc } from "../../../hw/machine.ts";
import { EXT } from "../../../hw/pci/regs.ts";
import { Txn, TxnResult } from "../../../hw/smmuv3/txn.ts";
import { ACPI_RMR } from "../../presets/acpi_rmr.ts";
import { NOACS } from "../../presets/noacs.ts";
import { PLAIN } from "../../presets/plain.ts";
import { machineById } from "../../sim/machines.ts";
import { fixture } from "../../testing/fixtures.ts";
import { boot } from "../boot.ts";
import { iommu_group_show_resv_regions } from "../iommu/resv.ts";
import type { Kernel } from "../kernel.ts";
import { baseOps } from "../ops.ts";
import { type BootOptions, the_platform } from "../platform.ts";
import type { ResolvedProfile } from "../profile.ts";
import { NEWEST_FEATURES } from "../resolve.ts";

const profile: ResolvedProfile = {
  profile: { id: "linux-7.2", title: "7.2", date: "2026-08-16", changes: "" },
  features: NEWEST_FEATURES,
  ops: baseOps,
};

function booted(desc: MachineDesc, options: Partial<BootOptions> = {}): Kernel {
  return boot(new Machine(desc), profile, options);
}

function regions(k: Kernel, bdf: string): string {
  const group = the_platform(k).pci.get(bdf)?.dev.iommu_group ?? null;
  return group === null ? "no group" : iommu_group_show_resv_regions(k, group);
}

const SW_MSI = "0x0000000008000000 0x00000000080fffff msi\n";

interface Recorded {
  groups: { id: number; devices: string[]; reserved_regions: { start: string; end: string; type: string }[] }[];
}

describe("a booted preset has the groups and the reserved_regions files that the machine had", () => {
  const names = ["plain", "acpi", "acpi-rmr", "gicv2m", "mfrp", "noacs", "nomsi", "rmr", "stage1"];
  it.each(names)("%s", (name) => {
    const desc = machineById(name);
    if (desc === undefined) throw new Error(`no preset ${name}`);
    const k = booted(desc);
    const ours = [...k.iommu.groups.values()].map((group) => ({
      id: group.id,
      devices: group.devices.map((d) => d.name).sort(),
      reserved_regions: iommu_group_show_resv_regions(k, group),
    }));
    const { groups } = JSON.parse(fixture(`machines/arm/${name}/iommu_groups.json`)) as Recorded;
    const want = groups.map((g) => ({
      id: g.id,
      devices: g.devices.toSorted(),
      reserved_regions: g.reserved_regions.map((r) => `${r.start} ${r.end} ${r.type}\n`).join(""),
    }));
    expect(ours).toEqual(want);
    const grouped = new Set(groups.flatMap((g) => g.devices));
    const alone = [...the_platform(k).pci.values()].filter((d) => d.dev.iommu_group === null).map((d) => d.bdf);
    expect(alone).toEqual(desc.functions.map((f) => f.bdf).filter((bdf) => !grouped.has(bdf)));
  });
});

describe("RMR nodes", () => {
  const [rmr] = ACPI_RMR.firmware?.rmrs ?? [];
  const firmware = ACPI_RMR.firmware;
  if (rmr === undefined || firmware === undefined) throw new Error("a machine with an RMR");
  const kept = (...rmrs: RmrDesc[]): MachineDesc => ({
    ...ACPI_RMR,
    firmware: { ...firmware, preserveConfig: true, rmrs },
  });

  test("count only where the host bridge keeps its configuration", () => {
    expect(regions(booted(ACPI_RMR), "0000:00:01.0")).toBe(SW_MSI);
    const k = booted(kept(...firmware.rmrs));
    expect(regions(k, "0000:00:01.0")).toBe(`${SW_MSI}0x0000000061000000 0x000000006101ffff direct\n`);
    expect(regions(k, "0000:00:02.0")).toBe(`${SW_MSI}0x0000000060000000 0x000000006000ffff direct-relaxable\n`);
    expect(the_platform(k).pci.get("0000:00:01.0")?.dev.require_direct).toBe(true);
    expect(the_platform(k).pci.get("0000:00:02.0")?.dev.require_direct).toBe(false);
  });

  test("their streams pass untranslated from the start of the SMMU on", () => {
    const spare: RmrDesc = { ...rmr, firstSid: 0x123, lastSid: 0x124 };
    const { machine } = the_platform(booted(kept(spare)));
    const out = new TxnResult();
    const pass = (sid: number): boolean => {
      machine.smmus[0]?.translate(new Txn().set(sid, false, 0, 0x4000_0000), out);
      return out.ok;
    };
    expect([0x122, 0x123, 0x124, 0x125].map(pass)).toEqual([false, true, true, false]);
  });

  test("an odd range goes on with whole pages; one for an alias of the device counts", () => {
    const odd: RmrDesc = { ...rmr, firstSid: 0x600, lastSid: 0x607, start: 0x6000_0800, last: 0x6000_1fff };
    expect(regions(booted(kept(odd)), "0000:06:01.0")).toBe(`${SW_MSI}0x0000000060000000 0x0000000060001fff direct\n`);
  });
});

test("HIP06, HIP07: the doorbell page of the ITS is a second MSI window", () => {
  const smmus = ACPI_RMR.smmus.map((s) => Object.assign({}, s, { model: "hi161x" as const }));
  const desc = { ...ACPI_RMR, smmus };
  expect(regions(booted(desc), "0000:00:01.0")).toBe(`${SW_MSI}0x0000000008090000 0x000000000809ffff msi\n`);
  expect(regions(booted({ ...PLAIN, smmus }), "0000:00:01.0")).toBe(SW_MSI);
});

describe("pci= parameters", () => {
  const control = (k: Kernel, bdf: string): number => {
    const config = the_platform(k).pci.get(bdf)?.hw.config;
    return config?.read(config.findExtended(EXT.ACS) + 6, 2) ?? -1;
  };
  const members = (k: Kernel, bdf: string): string[] =>
    the_platform(k)
      .pci.get(bdf)
      ?.dev.iommu_group?.devices.map((d) => d.name) ?? [];

  test("config_acs switches off what the recorded kernel had on, and the other way round", () => {
    const off = booted(PLAIN, { cmdline: "quiet pci=noaer,config_acs=0000000@0000:00:05.0;0000000@0000:00:06.0" });
    expect(control(off, "0000:00:05.0")).toBe(0);
    expect(members(off, "0000:01:00.0")).toEqual(["0000:00:05.0", "0000:01:00.0"]);
    const on = booted(NOACS, { cmdline: "quiet" });
    expect(control(on, "0000:00:05.0")).toBe(0x1d);
    expect(members(on, "0000:01:00.0")).toEqual(["0000:01:00.0"]);
  });

  test("single bits, x, vendor and device, disable_acs_redir", () => {
    expect(control(booted(PLAIN, { cmdline: "pci=config_acs=xx0x@pci:1b36:000c" }), "0000:00:05.0")).toBe(0x1d & ~2);
    expect(control(booted(PLAIN, { cmdline: "pci=config_acs=x0xx@pci:1b36:0" }), "0000:00:05.0")).toBe(0x19);
    const redir = booted(PLAIN, { cmdline: "pci=disable_acs_redir=00:06.0" });
    expect([control(redir, "0000:00:05.0"), control(redir, "0000:00:06.0")]).toEqual([0x1d, 0x11]);
    expect(members(redir, "0000:04:00.0").length).toBe(6);
  });

  test("a machine whose command line is not known keeps its registers", () => {
    expect(control(booted(NOACS, { cmdline: "" }), "0000:00:05.0")).toBe(0);
  });
});

/**
 * One pair does cross: downstream ports of a switch without ACS get a group each, because the kernel asks the upstream
 * port above them, which is alone and so counts as isolating. The recorded kernel grouped them so.
 */
test("where hardware routes peer to peer, groups hold what reaches each other below the IOMMU, but for one pair", () => {
  const desc = machineById("plain-p2p");
  if (desc === undefined) throw new Error("no preset plain-p2p");
  const k = booted(desc);
  const { pci, machine } = the_platform(k);
  let inside = 0;
  const crossing: string[] = [];
  for (const from of pci.values()) {
    for (const target of pci.values()) {
      const bar = target.hw.desc.bars.find((b) => b.kind !== "io" && b.index < 6);
      if (bar === undefined || from === target || from.hw.isBridge || target.hw.isBridge) continue;
      for (let d = target.parent; d !== null; d = d.parent) d.hw.config.write(4, 2, 7);
      target.hw.config.write(4, 2, 7);
      from.hw.config.write(4, 2, 7);
      const address = target.hw.barAddress(bar.index);
      const hi = Math.floor(address / 2 ** 32);
      const { runs } = machine.dma(from.bdf, { write: false, hi, lo: address % 2 ** 32, len: 4 });
      const beside = runs[0]?.peer !== undefined;
      if (beside) inside++;
      const fenced = from.dev.iommu_group !== null && from.dev.iommu_group !== target.dev.iommu_group;
      if (beside && fenced && target.dev.iommu_group !== null) crossing.push(`${from.bdf} -> ${target.bdf}`);
    }
  }
  expect(crossing).toEqual(["0000:04:00.0 -> 0000:05:00.0", "0000:05:00.0 -> 0000:04:00.0"]);
  expect(inside).toBeGreaterThan(2);
});

test("the command line of a machine decides whether unsafe interrupts are allowed, IORT whether CANWBS is set", () => {
  const options = (id: string): BootOptions => {
    const desc = machineById(id);
    if (desc === undefined) throw new Error(id);
    return the_platform(booted(desc)).boot;
  };
  expect(options("gicv2m").allow_unsafe_interrupts).toBe(false);
  expect(options("gicv2m-unsafe").allow_unsafe_interrupts).toBe(true);
  expect([options("acpi").canwbs, options("acpi-rmr").canwbs, options("plain").canwbs]).toEqual([false, true, true]);
  expect(the_platform(booted(ACPI_RMR, { canwbs: false })).boot.canwbs).toBe(true);
});
