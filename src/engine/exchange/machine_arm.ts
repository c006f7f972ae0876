/**
 * An arm64 machine from the files that were saved on it: device tree, /proc/iomem, PCI devices with their
 * configuration space, and, where a trace was made there, the SMMU's ID registers from its first line.
 */
import { z } from "zod/mini";
import type { MachineDesc, NamedRange, Window } from "../../hw/machine.ts";
import type { Range } from "../../hw/memory.ts";
import { type BarDesc, type FirmwareRegion, type FunctionDesc, PciBus, ridOf } from "../../hw/pci/function.ts";
import type { SmmuDesc } from "../../hw/smmuv3/smmu.ts";
import { allNodes, cell, compatibleNodes, type DtNode, parseDts, wide } from "./dts.ts";
import { address, BadInput, halves, parseJson, parseShape } from "./parse.ts";
import { pciName } from "./pci_names.ts";

/** File name -> text. Compressed files are given decompressed under their plain name. */
export type MachineFiles = ReadonlyMap<string, string>;

const zDevices = z.object({
  devices: z.array(
    z.object({
      bdf: z.string(),
      vendor: z.string(),
      device: z.string(),
      class: z.string(),
      iommu: z.string(),
      path: z.string(),
      driver: z.string(),
      resource: z.string(),
      config: z.string(),
    }),
  ),
});
type Device = z.infer<typeof zDevices>["devices"][number];

const zHeader = z.object({ t: z.literal("header"), smmus: z.array(z.record(z.string(), z.string())) });

/** QEMU 11.1 `virt` with `iommu=smmuv3`: taken where no trace gives the registers. */
const QEMU_IDS = Object.freeze({ IDR0: 0xd44101b, IDR1: 0x2730010, IDR3: 0x1414, IDR5: 0x74, IIDR: 0, AIDR: 1 });

const IORESOURCE_IO = 0x100;
const IORESOURCE_MEM = 0x200;
const IORESOURCE_PREFETCH = 0x2000;
const IORESOURCE_MEM_64 = 0x10_0000;
/** BARs 0..5, then the ROM. */
const BARS = 7;
const FIRST_SPI = 32;

/** Throws BadInput naming the file. */
export function importArmMachine(id: string, title: string, files: MachineFiles): MachineDesc {
  const text = (name: string): string => {
    const t = files.get(name);
    if (t === undefined) throw new BadInput(`machine ${id}: ${name} is missing`);
    return t;
  };
  const root = parseDts("fdt.dts", text("fdt.dts"));
  const bridge = compatibleNodes(root, "pci-host-ecam-generic")[0];
  if (bridge === undefined)
    throw new BadInput(`machine ${id}: fdt.dts has no generic ECAM host bridge (ACPI machines are not read)`);
  const { devices } = parseShape("pci_devices.json", zDevices, parseJson("pci_devices.json", text("pci_devices.json")));
  const smmus = smmusOf(root, files);
  const functions = devices.map((d) => functionOf(d, root, bridge));
  const bus = new PciBus(functions);
  const msi = mapOf(bridge, "msi-map");
  const iommu = mapOf(bridge, "iommu-map");
  for (const f of bus.functions) {
    const rids = bus.aliases(f);
    const wire = rids[rids.length - 1] ?? f.rid;
    f.desc.sids = rids.map((rid) => mapped(iommu, rid)).filter((sid) => sid >= 0);
    f.desc.streamId = mapped(iommu, wire);
    f.desc.msiDeviceId = mapped(msi, wire);
    f.desc.smmu = smmus.find((s) => s.phandle === target(iommu, wire))?.desc.name ?? null;
  }
  const reg = bridge.cells.get("reg") ?? [];
  return {
    id,
    title,
    quirks: text("fdt.dts").includes("linux,dummy-virt") ? "qemu" : "none",
    ...iomemOf(text("iomem.txt"), root),
    ecam: { start: wide(reg, 0), last: wide(reg, 0) + wide(reg, 2) - 1 },
    windows: windowsOf(bridge),
    smmus: smmus.map((s) => s.desc),
    its: itsOf(root),
    v2m: v2mOf(root),
    functions,
  };
}

function smmusOf(root: DtNode, files: MachineFiles): { phandle: number; desc: SmmuDesc }[] {
  const known = new Map<number, Record<string, string>>();
  for (const [name, text] of files) {
    if (!/^scenario-.*\.jsonl$/.test(name)) continue;
    const header = parseShape(name, zHeader, parseJson(name, text.slice(0, text.indexOf("\n"))));
    for (const regs of header.smmus) known.set(address(regs["base"] ?? "0x0"), regs);
  }
  return compatibleNodes(root, "arm,smmu-v3").map((n) => {
    const base = wide(n.cells.get("reg") ?? [], 0);
    const regs = known.get(base);
    const id = (name: keyof typeof QEMU_IDS): number => {
      const text = regs?.[name];
      return text === undefined ? QEMU_IDS[name] : halves(text).lo;
    };
    const names = n.strings.get("interrupt-names") ?? [];
    const cells = n.cells.get("interrupts") ?? [];
    const irq = (name: string): number => {
      const i = names.indexOf(name);
      return i < 0 ? -1 : FIRST_SPI + (cells[3 * i + 1] ?? 0);
    };
    const desc: SmmuDesc = {
      name: `smmu3.0x${base.toString(16).padStart(16, "0")}`,
      base,
      idr0: id("IDR0"),
      idr1: id("IDR1"),
      idr3: id("IDR3"),
      idr5: id("IDR5"),
      iidr: id("IIDR"),
      aidr: id("AIDR"),
      irq: { evtq: irq("eventq"), priq: irq("priq"), cmdqSync: irq("cmdq-sync"), gerror: irq("gerror") },
    };
    return { phandle: cell(n, "phandle"), desc };
  });
}

function itsOf(root: DtNode): MachineDesc["its"] {
  const n = compatibleNodes(root, "arm,gic-v3-its")[0];
  if (n === undefined) return null;
  const base = wide(n.cells.get("reg") ?? [], 0);
  return { name: `ITS@0x${base.toString(16).padStart(16, "0")}`, base, deviceBits: 16, eventBits: 16 };
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

function mapped(map: MapEntry[], rid: number): number {
  const e = entryOf(map, rid);
  return e === undefined ? -1 : e.out + rid - e.from;
}

function target(map: MapEntry[], rid: number): number {
  return entryOf(map, rid)?.phandle ?? -1;
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

/** RAM and register blocks of /proc/iomem, and the flash, which is not in it. */
function iomemOf(text: string, root: DtNode): { ram: Range[]; mmio: NamedRange[] } {
  const ram: Range[] = [];
  const mmio: NamedRange[] = [];
  for (const flash of compatibleNodes(root, "cfi-flash")) {
    const reg = flash.cells.get("reg") ?? [];
    for (let i = 0; i + 3 < reg.length; i += 4) {
      mmio.push({ name: "flash", start: wide(reg, i), last: wide(reg, i) + wide(reg, i + 2) - 1 });
    }
  }
  for (const line of text.split("\n")) {
    const m = /^([0-9a-f]+)-([0-9a-f]+) : (.*)$/.exec(line);
    if (m === null) continue;
    const range = { start: Number.parseInt(m[1] ?? "", 16), last: Number.parseInt(m[2] ?? "", 16) };
    const name = m[3] ?? "";
    if (name === "System RAM") ram.push(range);
    else if (!/^pcie?@|PCI/.test(name)) mmio.push({ name, ...range });
  }
  if (ram.length === 0) throw new BadInput("iomem.txt: no System RAM");
  return { ram, mmio };
}

function functionOf(d: Device, root: DtNode, bridge: DtNode): FunctionDesc {
  const vendor = address(d.vendor);
  const up = d.path.split("/").slice(0, -1).at(-1) ?? "";
  return {
    bdf: d.bdf,
    name: pciName(vendor, address(d.device), address(d.class)),
    driver: d.driver,
    parent: /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/.test(up) ? up : null,
    configSize: d.config.length >> 1,
    config: d.config.replace(/(00)+$/, ""),
    bars: barsOf(d),
    smmu: null,
    sids: [],
    streamId: -1,
    msiDeviceId: -1,
    regions: regionsOf(ridOf(d.bdf), root, bridge),
  };
}

/** `start last flags` a line, joined by `;`: BARs 0..5, ROM, then bridge windows. */
function barsOf(d: Device): BarDesc[] {
  const out: BarDesc[] = [];
  d.resource
    .split(";")
    .slice(0, BARS)
    .forEach((line, index) => {
      const [start, last, flags] = line.trim().split(" ").map(Number);
      if (start === undefined || last === undefined || flags === undefined || flags === 0) return;
      const memory = (flags & IORESOURCE_MEM_64) !== 0 ? "mem64" : (flags & IORESOURCE_MEM) !== 0 ? "mem" : "io";
      const kind = (flags & IORESOURCE_IO) !== 0 ? "io" : memory;
      out.push({ index, kind, prefetch: (flags & IORESOURCE_PREFETCH) !== 0, start, last });
    });
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
