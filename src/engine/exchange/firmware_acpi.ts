/** Firmware of a machine that booted with ACPI: IORT, MADT and MCFG, and what only the kernel's log tells. */
import type { RmrDesc, Window } from "../../hw/machine.ts";
import { AcpiTable, type Madt, readMadt, readMcfg } from "./acpi.ts";
import {
  bytesOfFile,
  type Facts,
  itsName,
  type MachineFiles,
  optionalText,
  type SmmuFacts,
  smmuName,
} from "./firmware.ts";
import { follow, type IortNode, readIort, type RmrNode, type RootComplexNode } from "./iort.ts";
import { BadInput } from "./parse.ts";

const MODELS: readonly SmmuFacts["model"][] = Object.freeze(["generic", "hi161x", "cn99xx"]);
/** SPIs of a frame that the MADT leaves open: those of QEMU's. */
const QEMU_V2M = Object.freeze({ spiBase: 80, spiCount: 64 });

/** Null when there are no ACPI tables among the files. */
export function acpiFacts(files: MachineFiles): Facts | null {
  const iort = table(files, "IORT");
  const mcfg = table(files, "MCFG");
  if (iort === null || mcfg === null) return null;
  const madt = table(files, "APIC");
  const notes: string[] = [];
  const nodes = readIort(iort);
  const rc = nodes.find((n) => n.kind === "rc" && n.segment === 0);
  if (rc?.kind !== "rc") throw new BadInput("acpi-IORT.bin: no root complex of PCI segment 0");
  const controllers: Madt = madt === null ? { its: [], frames: [] } : readMadt(madt);
  if (madt === null) notes.push("acpi-APIC.bin was not saved: no MSI controller is known");
  if (controllers.its.length > 1) notes.push(`${controllers.its.length} ITSs: only the first is modelled`);
  const log = optionalText(files, "dmesg-iommu.txt");
  const preserve = preserveConfig(log);
  notes.push(preserve.note);
  return {
    smmus: nodes.flatMap((n) => (n.kind === "smmuv3" ? [smmuOf(n)] : [])),
    its: itsOf(controllers),
    v2m: frameOf(controllers),
    ecam: ecamOf(mcfg),
    windows: windowsOf(log, optionalText(files, "iomem.txt"), notes),
    mmio: controllers.its.map(({ base }) => ({ name: "ITS", start: base, last: base + 0x1ffff })),
    stream: (rid) => streamOf(nodes, rc, rid),
    deviceId: (rid) => deviceIdOf(nodes, rc, rid),
    regions: () => [],
    qemu: iort.oem === "BOCHS",
    firmware: {
      kind: "acpi",
      canwbs: rc.canwbs,
      ...(rc.ats ? { ats: true } : {}),
      preserveConfig: preserve.value,
      rmrs: nodes.flatMap((n) => (n.kind === "rmr" ? rmrsOf(nodes, n) : [])),
      notes,
    },
  };
}

function table(files: MachineFiles, signature: string): AcpiTable | null {
  const name = `acpi-${signature}.bin`;
  const bytes = bytesOfFile(files, name);
  return bytes === null ? null : new AcpiTable(name, bytes, signature);
}

function smmuOf(n: Extract<IortNode, { kind: "smmuv3" }>): SmmuFacts {
  const wired = (gsiv: number): number => (gsiv === 0 ? -1 : gsiv);
  return {
    base: n.base,
    model: MODELS[n.model] ?? "generic",
    irq: {
      evtq: wired(n.irq.event),
      priq: wired(n.irq.pri),
      cmdqSync: wired(n.irq.sync),
      gerror: wired(n.irq.gerror),
    },
  };
}

function itsOf(madt: Madt): Facts["its"] {
  const [its] = madt.its;
  return its === undefined ? null : { name: itsName(its.base), base: its.base, deviceBits: 16, eventBits: 16 };
}

function frameOf(madt: Madt): Facts["v2m"] {
  const [frame] = madt.frames;
  if (frame === undefined) return null;
  const spis = frame.spiCount === 0 ? QEMU_V2M : { spiBase: frame.spiBase, spiCount: frame.spiCount };
  return { name: `v2m@0x${frame.base.toString(16)}`, base: frame.base, ...spis };
}

function ecamOf(mcfg: AcpiTable): Facts["ecam"] {
  const entry = readMcfg(mcfg).find((e) => e.segment === 0);
  if (entry === undefined) return null;
  const { base, firstBus, lastBus } = entry;
  return { start: base + firstBus * 2 ** 20, last: base + (lastBus + 1) * 2 ** 20 - 1 };
}

/** A requester ID at its SMMU. */
function streamOf(nodes: readonly IortNode[], rc: RootComplexNode, rid: number): ReturnType<Facts["stream"]> {
  const hit = follow(nodes, rc, rid);
  return hit?.node.kind === "smmuv3" ? { smmu: hit.node.base, sid: hit.id } : null;
}

/** Through every mapping on the way to an ITS group. */
function deviceIdOf(nodes: readonly IortNode[], rc: RootComplexNode, rid: number): number {
  let at: { node: IortNode; id: number } | null = { node: rc, id: rid };
  for (let steps = 0; at !== null && steps < nodes.length; steps++) {
    if (at.node.kind === "its") return at.id;
    at = follow(nodes, at.node, at.id);
  }
  return -1;
}

/** One entry for each memory range and each SMMU that the node's mappings name. */
function rmrsOf(nodes: readonly IortNode[], rmr: RmrNode): RmrDesc[] {
  return rmr.mappings.flatMap((m) => {
    const smmu = nodes.find((n) => n.offset === m.target);
    if (smmu?.kind !== "smmuv3") return [];
    return rmr.ranges.map(({ base, length }) => ({
      smmu: smmuName(smmu.base),
      firstSid: m.out,
      lastSid: m.out + m.last - m.first,
      start: base,
      last: base + length - 1,
      relaxable: rmr.remapPermitted,
      privileged: rmr.privileged,
      memory: rmr.attributes <= 3 ? "device" : rmr.attributes === 5 ? "cached" : "none",
    }));
  });
}

/**
 * _DSM function 5 of the host bridge stands in the DSDT, which is AML and is not read. The log can show that the kernel
 * did not keep what firmware had set up: it moved a BAR.
 */
function preserveConfig(log: string): { value: boolean | null; note: string } {
  const found = new Map<string, string>();
  for (const m of log.matchAll(/pci (\S+): (BAR \d) \[mem (0x[0-9a-f]+)-[^\]]*\](: assigned)?/g)) {
    const [, bdf = "", bar = "", start = "", assigned] = m;
    const before = found.get(`${bdf} ${bar}`);
    if (assigned === undefined) found.set(`${bdf} ${bar}`, before ?? start);
    else if (before !== undefined && before !== start) {
      return {
        value: false,
        note: `the kernel moved ${bar} of ${bdf} from ${before} to ${start}: the host bridge does not ask for its configuration to be kept`,
      };
    }
  }
  return { value: null, note: "whether the host bridge asks for its configuration to be kept (_DSM 5) was not saved" };
}

/** Windows of the host bridge stand in the DSDT as well: from the log, else from /proc/iomem. */
function windowsOf(log: string, iomem: string, notes: string[]): Window[] {
  const out: Window[] = [];
  const add = (start: number, last: number, pci: number): void => {
    out.push({ kind: start >= 2 ** 32 ? "mem64" : "mem", start, last, pci });
  };
  const hex = (text: string | undefined): number => Number.parseInt(text ?? "", 16);
  for (const line of log.split("\n")) {
    const m = /root bus resource \[mem 0x([0-9a-f]+)-0x([0-9a-f]+)[^\]]*\](?: \(bus address \[0x([0-9a-f]+))?/.exec(
      line,
    );
    if (m !== null) add(hex(m[1]), hex(m[2]), hex(m[3] ?? m[1]));
  }
  if (out.length === 0) {
    for (const m of iomem.matchAll(/^([0-9a-f]+)-([0-9a-f]+) : PCI Bus 0000:00$/gm))
      add(hex(m[1]), hex(m[2]), hex(m[1]));
  }
  notes.push("the I/O window of the host bridge is not known: its CPU address stands in the DSDT only");
  return out;
}
