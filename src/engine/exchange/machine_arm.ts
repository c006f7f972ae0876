/**
 * An arm64 machine from the files that were saved on it: device tree or ACPI tables, /proc/iomem, PCI devices with
 * their configuration space, and, where a trace was made there, the SMMU's ID registers from its first line.
 */
import { z } from "zod/mini";
import type { MachineDesc, NamedRange } from "../../hw/machine.ts";
import type { Range } from "../../hw/memory.ts";
import { type BarDesc, type FunctionDesc, PciBus, ridOf } from "../../hw/pci/function.ts";
import type { SmmuDesc } from "../../hw/smmuv3/smmu.ts";
import { type Facts, type MachineFiles, optionalText, type SmmuFacts, smmuName } from "./firmware.ts";
import { acpiFacts } from "./firmware_acpi.ts";
import { deviceTreeFacts } from "./firmware_dt.ts";
import { address, BadInput, halves, parseJson, parseShape } from "./parse.ts";
import { pciName } from "./pci_names.ts";

export type { MachineFiles } from "./firmware.ts";

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

const zHeader = z.object({
  t: z.literal("header"),
  smmus: z.array(z.record(z.string(), z.string())),
  cmdline: z.optional(z.string()),
});

/** QEMU 11.1 `virt` with `iommu=smmuv3`: taken where no trace gives the registers. */
const QEMU_IDS = Object.freeze({ IDR0: 0xd44101b, IDR1: 0x2730010, IDR3: 0x1414, IDR5: 0x74, IIDR: 0, AIDR: 1 });

const IORESOURCE_IO = 0x100;
const IORESOURCE_MEM = 0x200;
const IORESOURCE_PREFETCH = 0x2000;
const IORESOURCE_MEM_64 = 0x10_0000;
/** BARs 0..5, then the ROM. */
const BARS = 7;

/** Throws BadInput naming the file. */
export function importArmMachine(id: string, title: string, files: MachineFiles): MachineDesc {
  const text = (name: string): string => {
    const t = files.get(name);
    if (typeof t !== "string") throw new BadInput(`machine ${id}: ${name} is missing`);
    return t;
  };
  const facts = (files.has("fdt.dts") ? deviceTreeFacts(files) : null) ?? acpiFacts(files);
  if (facts === null)
    throw new BadInput(
      `machine ${id}: neither a host bridge in fdt.dts nor ACPI tables (acpi-IORT.bin, acpi-MCFG.bin)`,
    );
  const { devices } = parseShape("pci_devices.json", zDevices, parseJson("pci_devices.json", text("pci_devices.json")));
  const headers = headersOf(files);
  const functions = devices.map((d) => functionOf(d, facts));
  const bus = new PciBus(functions);
  for (const f of bus.functions) place(f.desc, bus.aliases(f), facts);
  const saved = optionalText(files, "cmdline.txt").trim();
  const { ram, mmio } = iomemOf(text("iomem.txt"), facts);
  return {
    id,
    title,
    quirks: facts.qemu ? "qemu" : "none",
    ram,
    mmio,
    ecam: facts.ecam,
    windows: facts.windows,
    smmus: facts.smmus.map((s) => smmuOf(s, headers)),
    its: facts.its,
    v2m: facts.v2m,
    functions,
    firmware: { ...facts.firmware, cmdline: saved === "" ? (headers[0]?.cmdline ?? "").trim() : saved },
  };
}

/** Gives a function the ids that firmware maps its requester IDs to: `rids`, its own first, then those put in its place. */
function place(desc: FunctionDesc, rids: readonly number[], facts: Facts): void {
  const wire = rids[rids.length - 1] ?? ridOf(desc.bdf);
  const streams = rids.map((rid) => facts.stream(rid)).filter((s) => s !== null);
  const own = facts.stream(wire);
  desc.sids = streams.map((s) => s.sid);
  desc.streamId = own === null ? -1 : own.sid;
  desc.msiDeviceId = facts.deviceId(wire);
  desc.smmu = own === null ? null : smmuName(own.smmu);
}

type Header = z.infer<typeof zHeader>;

/** First lines of the traces among the files. */
function headersOf(files: MachineFiles): Header[] {
  const out: Header[] = [];
  for (const [name, text] of files) {
    if (!/^scenario-.*\.jsonl$/.test(name) || typeof text !== "string") continue;
    const end = text.indexOf("\n");
    out.push(parseShape(name, zHeader, parseJson(name, end < 0 ? text : text.slice(0, end))));
  }
  return out;
}

function smmuOf({ base, irq, model }: SmmuFacts, headers: readonly Header[]): SmmuDesc {
  const regs = headers.flatMap((h) => h.smmus).findLast((r) => address(r["base"] ?? "0x0") === base);
  const id = (name: keyof typeof QEMU_IDS): number => {
    const text = regs?.[name];
    return text === undefined ? QEMU_IDS[name] : halves(text).lo;
  };
  const [idr0, idr1, idr3, idr5] = [id("IDR0"), id("IDR1"), id("IDR3"), id("IDR5")];
  const desc = { name: smmuName(base), base, idr0, idr1, idr3, idr5, iidr: id("IIDR"), aidr: id("AIDR"), irq };
  return model === "generic" ? desc : { ...desc, model };
}

/** RAM and register blocks of /proc/iomem, and what is not in it. */
function iomemOf(text: string, facts: Facts): { ram: Range[]; mmio: NamedRange[] } {
  const ram: Range[] = [];
  const mmio: NamedRange[] = [...facts.mmio];
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

function functionOf(d: Device, facts: Facts): FunctionDesc {
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
    regions: facts.regions(ridOf(d.bdf)),
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
