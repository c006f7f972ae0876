import { describe, expect, it } from "vitest";
import type { MachineDesc } from "../../../hw/machine.ts";
import { PLAIN } from "../../presets/plain.ts";
import { plainResv } from "../../sim/machine_variations.ts";
import { windowsLimit } from "../../sim/machine_windows.ts";
import { bootedKernel } from "../../testing/device_program.ts";
import type { Kernel } from "../kernel.ts";
import { the_machine, the_platform } from "../platform.ts";
import { pci_host_windows, pci_window_regions } from "./pci_windows.ts";
import { iommu_group_show_resv_regions, resv_excludes } from "./resv.ts";

const NVME = "0000:00:02.0";
const EDU = "0000:00:03.0";

/** Address of the first MSI-X entry of a NVME that has its own driver: a doorbell that the DMA API placed. */
function doorbell(desc: MachineDesc): number {
  const message = the_machine(bootedKernel(desc, undefined, { vfio: false }))
    .pci.byBdf.get(NVME)
    ?.message(0);
  return typeof message === "object" ? message.lo >>> 0 : -1;
}

function dev(k: Kernel, bdf: string): { name: string; group: number } {
  return { name: bdf, group: the_platform(k).pci.get(bdf)?.dev.iommu_group?.id ?? -1 };
}

describe("the DMA API", () => {
  it("takes its addresses from below 4 GiB down, and keeps host windows free", () => {
    expect(doorbell(PLAIN)).toBe(0xffff_f040);
    const windows = PLAIN.windows.map((w) =>
      w.kind === "mem" ? { ...w, start: 0xf000_0000, last: 0xffff_ffff, pci: 0xf000_0000 } : w,
    );
    expect(doorbell({ ...PLAIN, windows })).toBe(0xefff_f040);
  });

  it("keeps regions of the device free as well", () => {
    const region = { kind: "reserved" as const, start: 0xffff_0000, last: 0xffff_ffff };
    const functions = PLAIN.functions.map((f) => (f.bdf === NVME ? Object.assign({}, f, { regions: [region] }) : f));
    expect(doorbell({ ...PLAIN, functions })).toBe(0xfffe_f040);
  });

  it("reserves by PCI address, which an offset of the window can make another than the CPU's", () => {
    const windows = PLAIN.windows.map((w) => (w.kind === "mem" ? { ...w, pci: w.start + 0x4000_0000 } : w));
    const k = bootedKernel({ ...PLAIN, windows });
    expect(pci_host_windows(k)[0]).toEqual({ start: 0x5000_0000n, last: 0x7efe_ffffn });
  });
});

describe("what a user sees of the windows", () => {
  it("is nothing, and limits of firmware are what they were", () => {
    const k = bootedKernel(plainResv);
    const group = [...k.iommu.groups.values()].find((g) => g.id === dev(k, EDU).group);
    const text = group === undefined ? "" : iommu_group_show_resv_regions(k, group);
    expect(text).toBe("0x0000000008000000 0x00000000080fffff msi\n0x0000000040000000 0x00000000400fffff reserved\n");
    const limited = bootedKernel(windowsLimit);
    const first = [...limited.iommu.groups.values()][0];
    expect(first === undefined ? "" : iommu_group_show_resv_regions(limited, first)).toContain("reserved");
  });

  it("are regions of any kind only where a kernel makes them so, and for PCI functions alone", () => {
    const k = bootedKernel();
    const nvme = the_platform(k).pci.get(NVME)?.dev;
    const regions = nvme === undefined ? [] : pci_window_regions(k, nvme, "pci-window");
    expect(regions.map((r) => [r.start, r.length, r.type])).toEqual([
      [0x1000_0000n, 0x2eff_0000n, "pci-window"],
      [0x80_0000_0000n, 0x80_0000_0000n, "pci-window"],
    ]);
    expect(nvme === undefined ? [] : pci_window_regions(k, { ...nvme, name: "a platform device" }, "reserved")).toEqual(
      [],
    );
    expect((["cautious", "pci-window", "direct-relaxable"] as const).some(resv_excludes)).toBe(false);
    expect((["direct", "reserved", "msi", "sw-msi"] as const).every(resv_excludes)).toBe(true);
  });
});
