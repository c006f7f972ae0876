/**
 * An x86 machine from the files that were saved on it: DMAR, configuration space of every function, `lspci -vvv` (sizes
 * of BARs), sysfs of the IOMMU (capability registers), the memory map in dmesg, and what vfio-pci was given.
 */
import { freezeDeep } from "../../hw/base/freeze.ts";
import type { Range } from "../../hw/memory.ts";
import type { BarDesc, FunctionDesc } from "../../hw/pci/function.ts";
import type { AmdIommuDesc, VtdUnitDesc, X86MachineDesc } from "../kernel/x86_desc.ts";
import { AcpiTable } from "./acpi.ts";
import { readDmar } from "./dmar.ts";
import { type MachineFiles, optionalText } from "./firmware.ts";
import { toHex } from "./hex.ts";
import { BadInput, halves } from "./parse.ts";
import { pciName } from "./pci_names.ts";

const HEADER_TYPE = 0x0e;
const SECONDARY_BUS = 0x19;
const BRIDGE = 1;
const IR_SUPPORT = 8;

/** Names of `files` are paths below the machine's folder: `acpi/DMAR.bin`, `config/0000:00:01.0.bin`. Throws BadInput. */
export function importX86Machine(id: string, title: string, files: MachineFiles): X86MachineDesc {
  const bars = barsOf(optionalText(files, "lspci-vvv.txt"));
  const drivers = driversOf(optionalText(files, "devices.txt"));
  const functions = functionsOf(files, bars, drivers);
  if (functions.length === 0) throw new BadInput(`machine ${id}: no configuration space in config/`);
  const ram = memoryOf(optionalText(files, "dmesg-boot.txt"));
  if (ram.length === 0) throw new BadInput(`machine ${id}: dmesg-boot.txt: no usable memory`);
  return freezeDeep<X86MachineDesc>({
    id,
    title,
    quirks: "qemu",
    ram,
    mmio: [],
    ecam: null,
    windows: [],
    smmus: [],
    its: null,
    v2m: null,
    functions,
    firmware: {
      kind: "acpi",
      cmdline: optionalText(files, "cmdline.txt").trim(),
      canwbs: null,
      preserveConfig: null,
      rmrs: [],
      notes: [],
    },
    x86: { iommu: iommuOf(id, files), vfio: vfioOf(optionalText(files, "vfio-bind.txt")) },
  });
}

function bytesOf(files: MachineFiles, name: string): Uint8Array | undefined {
  const value = files.get(name);
  return typeof value === "string" ? undefined : value;
}

/** `/sys/class/iommu/ivhd0/amd-iommu/features: 29d7:0`: EFR and EFR2. */
function amdOf(id: string, files: MachineFiles): AmdIommuDesc {
  const m = /\/ivhd0\/amd-iommu\/features: ([0-9a-f]+):([0-9a-f]+)/.exec(optionalText(files, "class-iommu.txt"));
  if (m === null) throw new BadInput(`machine ${id}: class-iommu.txt: no features of ivhd0`);
  return { kind: "amd", efr: halves(m[1] ?? ""), efr2: halves(m[2] ?? "") };
}

/** The unit's registers come from sysfs: `/sys/class/iommu/dmar0/intel-iommu/cap: 80d2008c222f0686`. */
function iommuOf(id: string, files: MachineFiles): X86MachineDesc["x86"]["iommu"] {
  if (bytesOf(files, "acpi/IVRS.bin") !== undefined) return amdOf(id, files);
  if (bytesOf(files, "acpi/VIOT.bin") !== undefined) return { kind: "not modelled", what: "virtio-iommu" };
  const table = bytesOf(files, "acpi/DMAR.bin");
  if (table === undefined) return { kind: "none", what: "no IOMMU" };
  const dmar = readDmar(new AcpiTable("acpi/DMAR.bin", table, "DMAR"));
  const sysfs = optionalText(files, "class-iommu.txt");
  const units = dmar.units.map((unit, i): VtdUnitDesc => {
    const name = `dmar${i}`;
    const register = (what: string): VtdUnitDesc["cap"] => {
      const text = new RegExp(`/${name}/intel-iommu/${what}: ([0-9a-f]+)`).exec(sysfs)?.[1];
      if (text === undefined) throw new BadInput(`machine ${id}: class-iommu.txt: no ${what} of ${name}`);
      return halves(text);
    };
    return { name, base: unit.base, cap: register("cap"), ecap: register("ecap"), all: unit.all, scope: unit.scope };
  });
  return {
    kind: "intel",
    units,
    rmrrs: dmar.rmrrs.map(({ start, last, scope }) => ({ start, last, bdfs: scope })),
    ats: dmar.atsAllPorts,
    interruptRemapping: dmar.interruptRemapping && units.every(({ ecap }) => (ecap.lo & IR_SUPPORT) !== 0),
  };
}

/** Lines such as `0000:01:00.0 0x8086:0x10d3 driver=vfio-pci group=12 vfio=vfio1`, in the order of binding. */
function vfioOf(text: string): string[] {
  return [...text.matchAll(/^([0-9a-f:.]+) \S+ driver=vfio-pci group=\d+ vfio=vfio(\d+)/gm)]
    .sort((a, b) => Number(a[2]) - Number(b[2]))
    .map((m) => m[1] ?? "");
}

function driversOf(text: string): Map<string, string> {
  return new Map([...text.matchAll(/^(\S+) class=.* driver=(\S*)/gm)].map((m) => [m[1] ?? "", m[2] ?? ""]));
}

function memoryOf(text: string): Range[] {
  return [...text.matchAll(/BIOS-e820: \[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\]\s+(?:System RAM|usable)/g)].map((m) => ({
    start: Number(m[1]),
    last: Number(m[2]),
  }));
}

function functionsOf(
  files: MachineFiles,
  bars: ReadonlyMap<string, BarDesc[]>,
  drivers: ReadonlyMap<string, string>,
): FunctionDesc[] {
  const configs = new Map<string, Uint8Array>();
  for (const [name, bytes] of files) {
    const bdf = /^config\/([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])\.bin$/.exec(name)?.[1];
    if (bdf !== undefined && typeof bytes !== "string") configs.set(bdf, bytes);
  }
  const bridges = new Map<number, string>();
  for (const [bdf, bytes] of configs) {
    if (((bytes[HEADER_TYPE] ?? 0) & 0x7f) === BRIDGE) bridges.set(bytes[SECONDARY_BUS] ?? 0, bdf);
  }
  return [...configs.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([bdf, bytes]) => {
      const word = (at: number): number => (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
      return {
        bdf,
        name: pciName(word(0), word(2), (word(0x0a) << 8) | (bytes[9] ?? 0)),
        driver: drivers.get(bdf) ?? "",
        parent: bridges.get(Number.parseInt(bdf.slice(5, 7), 16)) ?? null,
        configSize: bytes.length,
        config: toHex(bytes).replace(/(00)+$/, ""),
        bars: bars.get(bdf) ?? [],
        smmu: null,
        sids: [],
        streamId: -1,
        msiDeviceId: -1,
        regions: [],
      };
    });
}

const UNITS: Readonly<Record<string, number>> = Object.freeze({ "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 });

/** `Region 0: Memory at fe840000 (32-bit, non-prefetchable) [size=128K]`, `Expansion ROM at fe800000 [disabled] [size=256K]`. */
function barsOf(text: string): Map<string, BarDesc[]> {
  const out = new Map<string, BarDesc[]>();
  let list: BarDesc[] = [];
  for (const line of text.split("\n")) {
    const head = /^(?:([0-9a-f]{4}):)?([0-9a-f]{2}:[0-9a-f]{2}\.[0-7]) /.exec(line);
    if (head !== null) {
      list = [];
      out.set(`${head[1] ?? "0000"}:${head[2]}`, list);
    }
    const m = /^\s+(?:Region (\d): (Memory|I\/O ports)|(Expansion ROM)) at ([0-9a-f]+)(.*)\[size=(\d+)([KMG]?)\]/.exec(
      line,
    );
    if (m === null) continue;
    const start = Number.parseInt(m[4] ?? "0", 16);
    const rest = m[5] ?? "";
    const wide = rest.includes("64-bit") ? "mem64" : "mem";
    list.push({
      index: m[3] === undefined ? Number(m[1]) : 6,
      kind: m[2] === "I/O ports" ? "io" : wide,
      prefetch: rest.includes(" prefetchable"),
      start,
      last: start + Number(m[6]) * (UNITS[m[7] ?? ""] ?? 1) - 1,
    });
  }
  return out;
}
