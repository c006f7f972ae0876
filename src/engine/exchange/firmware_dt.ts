/** Firmware of a machine that booted with a device tree. */
import type { MachineDesc, NamedRange, Window } from "../../hw/machine.ts";
import type { FirmwareRegion } from "../../hw/pci/function.ts";
import { allNodes, cell, compatibleNodes, type DtNode, parseDts, wide } from "./dts.ts";
import { type Facts, FIRST_SPI, itsName, type MachineFiles, optionalText, type SmmuFacts } from "./firmware.ts";

/** Null when the tree describes no PCI host bridge, as that of an ACPI boot. */
export function deviceTreeFacts(files: MachineFiles): Facts | null {
  const text = optionalText(files, "fdt.dts");
  const root = parseDts("fdt.dts", text);
  const bridges = compatibleNodes(root, "pci-host-ecam-generic");
  const bridge = bridges[0];
  if (bridge === undefined) return null;
  const notes: string[] = [];
  if (bridges.length > 1) notes.push(`${bridges.length} PCI host bridges: only ${bridge.name} is read`);
  const smmus = compatibleNodes(root, "arm,smmu-v3");
  const iommuMap = mapOf(bridge, "iommu-map");
  const msiMap = mapOf(bridge, "msi-map");
  const msiParent = cell(bridge, "msi-parent");
  const chosen = root.children.find((n) => n.name === "chosen");
  const reg = bridge.cells.get("reg") ?? [];
  return {
    smmus: smmus.map(smmuOf),
    its: itsOf(root),
    v2m: v2mOf(root),
    ecam: { start: wide(reg, 0), last: wide(reg, 0) + wide(reg, 2) - 1 },
    windows: windowsOf(bridge),
    mmio: flashOf(root),
    stream: (rid) => {
      const id = masked(bridge, "iommu-map-mask", rid);
      const entry = entryOf(iommuMap, id);
      const smmu = smmus.find((n) => cell(n, "phandle") === entry?.phandle);
      if (entry === undefined || smmu === undefined) return null;
      return { smmu: smmuOf(smmu).base, sid: entry.out + id - entry.from };
    },
    deviceId: (rid) => {
      const id = masked(bridge, "msi-map-mask", rid);
      const entry = entryOf(msiMap, id);
      if (entry !== undefined) return entry.out + id - entry.from;
      return msiMap.length === 0 && msiParent >= 0 ? rid : -1;
    },
    regions: (rid) => regionsOf(rid, root, bridge),
    qemu: text.includes("linux,dummy-virt"),
    firmware: {
      kind: "dt",
      canwbs: null,
      ...(bridge.flags.has("ats-supported") ? { ats: true } : {}),
      preserveConfig: [bridge, chosen].some((n) => n !== undefined && cell(n, "linux,pci-probe-only") > 0),
      rmrs: [],
      notes,
    },
  };
}

function smmuOf(n: DtNode): SmmuFacts {
  const names = n.strings.get("interrupt-names") ?? [];
  const cells = n.cells.get("interrupts") ?? [];
  const irq = (name: string): number => {
    const i = names.indexOf(name);
    return i < 0 ? -1 : FIRST_SPI + (cells[3 * i + 1] ?? 0);
  };
  return {
    base: wide(n.cells.get("reg") ?? [], 0),
    model: "generic",
    irq: { evtq: irq("eventq"), priq: irq("priq"), cmdqSync: irq("cmdq-sync"), gerror: irq("gerror") },
  };
}

/** Flash, which /proc/iomem does not show. */
function flashOf(root: DtNode): NamedRange[] {
  const out: NamedRange[] = [];
  for (const flash of compatibleNodes(root, "cfi-flash")) {
    const reg = flash.cells.get("reg") ?? [];
    for (let i = 0; i + 3 < reg.length; i += 4) {
      out.push({ name: "flash", start: wide(reg, i), last: wide(reg, i) + wide(reg, i + 2) - 1 });
    }
  }
  return out;
}

function itsOf(root: DtNode): MachineDesc["its"] {
  const n = compatibleNodes(root, "arm,gic-v3-its")[0];
  if (n === undefined) return null;
  const base = wide(n.cells.get("reg") ?? [], 0);
  return { name: itsName(base), base, deviceBits: 16, eventBits: 16 };
}

/** QEMU's frame has 64 SPIs from SPI 48 on; the frame itself tells it in a register that is not saved. */
function v2mOf(root: DtNode): MachineDesc["v2m"] {
  const n = compatibleNodes(root, "arm,gic-v2m-frame")[0];
  if (n === undefined) return null;
  const base = wide(n.cells.get("reg") ?? [], 0);
  return { name: `v2m@0x${base.toString(16)}`, base, spiBase: FIRST_SPI + 48, spiCount: 64 };
}

/** `iommu-map`, `msi-map`: requester IDs from..from+length-1 -> out.. at the controller `phandle`. */
interface MapEntry {
  from: number;
  phandle: number;
  out: number;
  length: number;
}

function mapOf(bridge: DtNode, property: string): MapEntry[] {
  const cells = bridge.cells.get(property) ?? [];
  const out: MapEntry[] = [];
  for (let i = 0; i + 3 < cells.length; i += 4) {
    const [from = 0, phandle = 0, to = 0, length = 0] = cells.slice(i, i + 4);
    out.push({ from, phandle, out: to, length });
  }
  return out;
}

function entryOf(map: MapEntry[], rid: number): MapEntry | undefined {
  return map.find((e) => rid >= e.from && rid < e.from + e.length);
}

/** An id under the map's mask; without one as it is. */
function masked(bridge: DtNode, property: string, rid: number): number {
  const mask = cell(bridge, property);
  return mask < 0 ? rid : (rid & mask) >>> 0;
}

const SPACES: Readonly<Record<number, Window["kind"]>> = Object.freeze({ 1: "io", 2: "mem", 3: "mem64" });

function windowsOf(bridge: DtNode): Window[] {
  const cells = bridge.cells.get("ranges") ?? [];
  const out: Window[] = [];
  for (let i = 0; i + 6 < cells.length; i += 7) {
    const start = wide(cells, i + 3);
    const kind = SPACES[((cells[i] ?? 0) >>> 24) & 3];
    if (kind !== undefined) out.push({ kind, start, last: start + wide(cells, i + 5) - 1, pci: wide(cells, i + 1) });
  }
  return out;
}

/** `memory-region` of the function's node, and the `iommu-addresses` in those regions that name it. */
function regionsOf(rid: number, root: DtNode, bridge: DtNode): FirmwareRegion[] {
  const device = bridge.children.find((n) => cell(n, "reg") === rid << 8);
  if (device === undefined) return [];
  const own = cell(device, "phandle");
  const regions = [...allNodes(root)].filter((n) => n.parent?.name === "reserved-memory");
  const out: FirmwareRegion[] = [];
  for (const phandle of device.cells.get("memory-region") ?? []) {
    const region = regions.find((n) => cell(n, "phandle") === phandle);
    if (region === undefined) continue;
    const reg = region.cells.get("reg");
    const cells = region.cells.get("iommu-addresses") ?? [];
    for (let i = 0; i + 5 < cells.length; i += 6) {
      if (cells[i] !== own) continue;
      const start = wide(cells, i + 2);
      const last = start + wide(cells, i + 4) - 1;
      const direct = reg !== undefined && wide(reg, 0) === start && wide(reg, 2) === last - start + 1;
      out.push({ kind: direct ? "direct" : "reserved", start, last });
    }
  }
  return out;
}
