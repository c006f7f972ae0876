import { describe, expect, it } from "vitest";
import { EXT, PCI } from "../../../hw/pci/regs.ts";
import { route } from "../../../hw/pci/route.ts";
import { afterReset } from "../../../hw/pci/slots.ts";
import { windowsAcs, windowsAcsSlot, windowsNoacs, windowsNoacsSlot } from "../../sim/machine_windows.ts";
import { bootedKernel, DeviceProgram } from "../../testing/device_program.ts";
import { PLAIN } from "../../presets/plain.ts";
import { MFRP } from "../../presets/mfrp.ts";
import { NOACS } from "../../presets/noacs.ts";
import { the_machine, the_platform } from "../platform.ts";
import type { Kernel } from "../kernel.ts";
import { pci_p2p_ranges } from "./p2p.ts";
import { pci_set_master, type PciDev } from "./pci_dev.ts";
import { sys_eventfd } from "../eventfd.ts";
import { IRQ } from "../vfio/vfio_pci.ts";

const D1 = "0000:04:00.0";
const D2 = "0000:05:00.0";
const PORT = "0000:03:01.0";
const USER = 0x4000_0000_0000n;

function plug(k: Kernel, bdf: string): PciDev {
  the_machine(k).plug(bdf);
  const pdev = k.ops.pciehp_configure_device(k, bdf);
  if (typeof pdev === "number") throw new Error(`${bdf}: ${pdev}`);
  return pdev;
}

function dev(k: Kernel, bdf: string): PciDev {
  const pdev = the_platform(k).pci.get(bdf);
  if (pdev === undefined) throw new Error(`no ${bdf}`);
  return pdev;
}

describe("a card that is plugged in", () => {
  it("gets a window in the port, addresses, a group of its own behind ACS, and vfio-pci", () => {
    const k = bootedKernel(windowsAcsSlot);
    const pdev = plug(k, D2);
    expect(pdev.hw.barAddress(0)).toBe(0x40700000);
    expect(dev(k, PORT).hw.claims(0x407fffff)).toBe(true);
    expect(dev(k, PORT).hw.claims(0x40800000)).toBe(false);
    expect(pdev.dev.iommu_group?.devices.map((d) => d.name)).toEqual([D2]);
    expect(pdev.dev.iommu_group?.domain).toBe(pdev.dev.iommu_group?.default_domain);
    expect(pdev.driver).toBe("vfio-pci");
    expect(the_platform(k).vfio.has(D2)).toBe(true);
    expect(typeof k.ops.pciehp_configure_device(k, D2)).toBe("number");
  });

  it("joins the group of what it is not isolated from, on its owner's tables", () => {
    const old = "0000:00:08.0";
    const late = "0000:00:08.1";
    const spares = PLAIN.functions.filter((f) => f.bdf === late).map(afterReset);
    const functions = PLAIN.functions.filter((f) => f.bdf !== late);
    const k = bootedKernel({ ...PLAIN, functions, spares });
    const group = dev(k, old).dev.iommu_group;
    const p = new DeviceProgram(k);
    const ioas = p.ioas();
    p.map(USER, 0x1000n);
    p.poke(USER, Uint8Array.of(7));
    p.mapAt(ioas, 0x5000n, USER, 0x1000n);
    expect(p.attach(p.bound(old), ioas)).toBe(0);
    const pdev = plug(k, late);
    expect(pdev.dev.iommu_group === group).toBe(true);
    expect(group?.reasons.get(late)).toContain("without ACS");
    pci_set_master(pdev);
    expect([...the_machine(k).dma(late, { write: false, hi: 0, lo: 0x5000, len: 1 }).data]).toEqual([7]);
  });

  it("is found with the same group as at boot", () => {
    for (const [all, slot] of [
      [windowsAcs, windowsAcsSlot],
      [windowsNoacs, windowsNoacsSlot],
    ] as const) {
      const booted = bootedKernel(all);
      const later = bootedKernel(slot);
      const names = (k: Kernel) =>
        dev(k, D2)
          .dev.iommu_group?.devices.map((d) => d.name)
          .toSorted();
      plug(later, D2);
      expect(names(later)).toEqual(names(booted));
    }
  });
});

describe("a device that is removed", () => {
  it("goes at once when nobody holds it: its streams block, its group ends", () => {
    const k = bootedKernel(windowsAcs);
    const pdev = dev(k, D2);
    const group = pdev.dev.iommu_group;
    const { streamId } = pdev.hw.desc;
    expect(k.ops.pci_stop_and_remove_bus_device(k, pdev)).toBe(0);
    expect(k.iommu.groups.has(group?.id ?? -1)).toBe(false);
    expect(the_platform(k).pci.has(D2)).toBe(false);
    expect(the_machine(k).pci.byBdf.has(D2)).toBe(false);
    expect(the_platform(k).smmus[0]?.streams.has(streamId)).toBe(false);
    expect([...k.devnodes.keys()]).not.toContain(`/dev/vfio/${group?.id}`);
  });

  it("waits for the user who has it; closing unbinds and lets the removal end", () => {
    const k = bootedKernel(windowsAcs);
    const p = new DeviceProgram(k);
    const fd = p.bound(D2);
    const node = the_platform(k).vfio.get(D2)?.node ?? "";
    const request = p.eventfd();
    expect(p.irqs(fd, IRQ.REQ, [request.fd])).toBe(0);
    expect(k.ops.pci_stop_and_remove_bus_device(k, dev(k, D2))).toBe(1);
    expect(request.ctx.count).toBe(1n);
    expect(k.devnodes.has(node)).toBe(false);
    expect(dev(k, D2).dev.iommu_group?.owner_cnt).toBe(1);
    expect(p.close(fd.fd)).toBe(0);
    expect(the_platform(k).pci.has(D2)).toBe(false);
    expect(the_platform(k).vfio.has(D2)).toBe(false);
  });

  it("survives a card that is pulled with interrupts on, and takes a new one afterwards", () => {
    const k = bootedKernel(windowsAcsSlot);
    plug(k, D2);
    const p = new DeviceProgram(k);
    const fd = p.bound(D2);
    expect(p.attach(fd, p.ioas())).toBe(0);
    expect(p.irqs(fd, IRQ.MSI, [sys_eventfd(k, p.task)])).toBe(0);
    the_machine(k).pull(D2);
    expect(k.ops.pci_stop_and_remove_bus_device(k, dev(k, D2))).toBe(1);
    expect([...p.pread(fd.fd, 0, 0, 4).bytes]).toEqual([0xff, 0xff, 0xff, 0xff]);
    p.close(fd.fd);
    expect(plug(k, D2).hw.barAddress(0)).toBe(0x40700000);
    expect(dev(k, D2).dev.iommu_group?.owner_cnt).toBe(0);
  });
});

describe("the precise list of addresses that never reach the IOMMU", () => {
  /** Every address where somebody's range begins or ends, and one inside. */
  function probes(k: Kernel): number[] {
    const out = new Set<number>();
    for (const f of the_machine(k).pci.functions) {
      for (const bar of f.desc.bars) {
        const start = f.barAddress(bar.index);
        if (bar.kind === "io" || start <= 0) continue;
        for (const x of [start - 1, start, start + bar.last - bar.start, start + bar.last - bar.start + 1]) out.add(x);
      }
      for (let x = 0x40000000; x < 0x42000000; x += 0x100000) out.add(x);
      for (let x = 0x10000000; x < 0x11000000; x += 0x100000) out.add(x);
    }
    return [...out];
  }

  it.each([
    windowsAcs,
    windowsNoacs,
    { ...PLAIN, quirks: "none" as const },
    { ...NOACS, quirks: "none" as const },
    MFRP,
  ])("is what the hardware of $id does", (desc) => {
    const k = bootedKernel(desc);
    let beside = 0;
    for (const pdev of the_platform(k).pci.values()) {
      if (pdev.hw.isBridge) continue;
      const ranges = pci_p2p_ranges(k, pdev);
      for (const x of probes(k)) {
        const listed = ranges.some((r) => x >= r.start && x <= r.last);
        const root = route(the_machine(k).pci, pdev.hw, x, false).to === "root";
        if (!root) beside++;
        expect(`${pdev.bdf} ${x.toString(16)} ${listed}`).toBe(`${pdev.bdf} ${x.toString(16)} ${!root}`);
      }
    }
    expect(beside).toBeGreaterThan(0);
  });

  it("changes with a register: ACS off at a port, a BAR elsewhere, memory decoding off", () => {
    const k = bootedKernel(windowsAcs);
    const d1 = dev(k, D1);
    const reaches = (x: number) => !pci_p2p_ranges(k, d1).some((r) => x >= r.start && x <= r.last);
    expect(reaches(0x40700000)).toBe(true);
    const port = dev(k, "0000:03:00.0").hw.config;
    port.write(port.findExtended(EXT.ACS) + 6, 2, 0);
    expect(reaches(0x40700000)).toBe(false);
    const other = dev(k, PORT).hw.config;
    other.write(PCI.MEMORY_BASE, 2, 0x4080);
    expect(reaches(0x40700000)).toBe(false);
    port.write(port.findExtended(EXT.ACS) + 6, 2, 0x1d);
    other.write(PCI.COMMAND, 2, 0);
    expect(reaches(0x40800000)).toBe(false);
  });
});
