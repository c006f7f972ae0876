/**
 * What a search may do: how many objects of each kind may live at once, which blocks of IOVA are used, which operations. The
 * world that it starts from is a scenario without steps. All plain data: a person chooses it, a message carries it.
 */
import type { MachineDesc } from "../../hw/machine.ts";
import type { MemoryDecl, Scenario, Step } from "../sim/scenario/types.ts";

/** Groups of operations that can be left out. */
export const OP_GROUPS = Object.freeze({
  bind: "bind devices",
  attach: "attach and replace",
  detach: "detach",
  map: "map blocks",
  unmap: "unmap blocks",
  irqs: "enable MSI while attached",
  "irqs-early": "enable MSI before",
  "irqs-off": "disable MSI",
  msi: "device raises MSI",
  dma: "device writes",
  destroy: "destroy objects",
  ranges: "ask for IOVA ranges",
  pasid: "attach and detach a PASID",
  faults: "fault queues and page tables with one",
  copy: "copy blocks between IOASes",
  allow: "allow a block only",
  dirty: "dirty tracking",
  info: "ask for hardware information",
});
export type OpGroup = keyof typeof OP_GROUPS;

/** The PASID of a search; one is enough to tell what a PASID is to others. */
export const PASID = 1n;

/** Guest stream table entries for nested page tables: their first two words. */
export const VSTES = Object.freeze({
  bypass: Object.freeze([0x9n, 0n] as const),
  abort: Object.freeze([0x1n, 0n] as const),
  translate: Object.freeze([0x4000000bn, 0xd4n] as const),
});
export type Vste = keyof typeof VSTES;

/** Objects of a kind that may live at the same time. */
export interface Counts {
  ioas: number;
  /** Page tables on an IOAS. */
  hwpt: number;
  /** Page tables made to be parents of nested ones. */
  parent: number;
  viommu: number;
  nested: number;
  vdevice: number;
  /** Fault queues; none without `faults`. */
  fault: number;
}

export interface Block {
  iova: bigint;
  /** Bytes. */
  length: bigint;
  /** A memory of the world; the block shows its first bytes. */
  memory: string;
}

export interface Universe {
  machine: string;
  devices: readonly { name: string; bdf: string }[];
  memory: readonly MemoryDecl[];
  /** Run before the search, not counted. */
  given: readonly Step[];
  counts: Counts;
  vstes: readonly Vste[];
  blocks: readonly Block[];
  ops: readonly OpGroup[];
}

const PAGE = 0x1000n;
const BUFFER: MemoryDecl = Object.freeze({ name: "BUF", length: PAGE, pages: "contiguous" });
/** SW_MSI of every Arm device. */
const WINDOW: Block = Object.freeze({ iova: 0x8000000n, length: PAGE, memory: "BUF" });
const PLAIN_BLOCK: Block = Object.freeze({ iova: 0x40000000n, length: PAGE, memory: "BUF" });

/** Another function of the default machine, in a group of its own. */
export const SECOND_DEVICE = Object.freeze({ name: "D2", bdf: "0000:01:00.0" });

/** What shows a difference that only facts tell. */
export const ASKING: readonly OpGroup[] = ["ranges", "msi", "dma", "map"];

/** Where a search starts when nobody says otherwise: one device, a page in the SW_MSI window and one outside. */
export const DEFAULT_UNIVERSE: Universe = Object.freeze<Universe>({
  machine: "plain",
  devices: [{ name: "D1", bdf: "0000:00:03.0" }],
  memory: [BUFFER],
  given: [],
  counts: { ioas: 1, hwpt: 1, parent: 1, viommu: 1, nested: 1, vdevice: 0, fault: 1 },
  vstes: ["bypass", "translate"],
  blocks: [WINDOW, PLAIN_BLOCK],
  ops: ["bind", "attach", "detach", "map", "unmap", "irqs", "irqs-early", "msi", "dma", "destroy"],
});

/** Operations that a search has only when somebody names them, or a scenario has them. */
const FAMILIES: Readonly<Record<string, OpGroup>> = Object.freeze({
  IOMMU_FAULT_QUEUE_ALLOC: "faults",
  IOMMU_IOAS_COPY: "copy",
  IOMMU_IOAS_ALLOW_IOVAS: "allow",
  IOMMU_HWPT_SET_DIRTY_TRACKING: "dirty",
  IOMMU_HWPT_GET_DIRTY_BITMAP: "dirty",
  IOMMU_GET_HW_INFO: "info",
});

function familyOf({ op, args }: Step): OpGroup | undefined {
  return op.endsWith("_IOMMUFD_PT") && args["pasid"] !== undefined ? "pasid" : FAMILIES[op];
}

/**
 * The world of a scenario: as many objects as it makes, the blocks that it maps and the window, the families of operations
 * that it has; its steps are not run.
 */
export function universeOf(scenario: Scenario, base: Universe = DEFAULT_UNIVERSE): Universe {
  const all = [...scenario.given, ...scenario.steps];
  const made = (op: string, kind: (s: Step) => boolean = () => true): number =>
    all.filter((s) => s.op === op && kind(s)).length;
  const nests = (s: Step): boolean => s.args["flags"]?.k === "flags" && s.args["flags"].v.includes("NEST_PARENT");
  const nested = (s: Step): boolean => s.args["vste"] !== undefined;
  const blocks = new Map<string, Block>();
  for (const s of all) {
    const { iova, len, va } = s.args;
    if (s.op !== "IOMMU_IOAS_MAP" || iova?.k !== "int" || len?.k !== "int" || va?.k !== "name") continue;
    if (va.plus === undefined) blocks.set(`${iova.v} ${len.v}`, { iova: iova.v, length: len.v, memory: va.v });
  }
  const families = new Set(all.map(familyOf));
  const ops = (Object.keys(OP_GROUPS) as OpGroup[]).filter((g) => base.ops.includes(g) || families.has(g));
  const memory = scenario.memory.length === 0 ? base.memory : scenario.memory;
  const first = memory[0]?.name ?? "BUF";
  const more = base.blocks
    .filter((b) => [...blocks.values()].every((o) => o.iova + o.length <= b.iova || b.iova + b.length <= o.iova))
    .map(({ iova, length }) => ({ iova, length, memory: first }));
  return {
    ...base,
    machine: scenario.machine,
    devices: scenario.devices.length === 0 ? base.devices : scenario.devices,
    memory,
    given: scenario.given,
    counts: {
      ioas: Math.max(1, made("IOMMU_IOAS_ALLOC")),
      hwpt: made("IOMMU_HWPT_ALLOC", (s) => !nests(s) && !nested(s)),
      parent: made("IOMMU_HWPT_ALLOC", nests),
      viommu: Math.min(1, made("IOMMU_VIOMMU_ALLOC")),
      nested: made("IOMMU_HWPT_ALLOC", nested),
      vdevice: made("IOMMU_VDEVICE_ALLOC"),
      fault: Math.max(1, made("IOMMU_FAULT_QUEUE_ALLOC")),
    },
    blocks: [...blocks.values(), ...more],
    ops,
  };
}

/** A function behind an IOMMU that is neither a bridge nor one of those that carry the machine's files (virtio). */
function isEndpoint({ smmu, config }: MachineDesc["functions"][number]): boolean {
  const bridge = config.slice(22, 24) === "06" || (Number.parseInt(config.slice(28, 30), 16) & 0x7f) !== 0;
  return smmu !== null && !bridge && !config.startsWith("f41a");
}

/** The same on another machine: a device that it does not have becomes one that VFIO can take there. */
export function onMachine(u: Universe, machine: MachineDesc): Universe {
  const bdfs = machine.functions.filter(isEndpoint).map((f) => f.bdf);
  const kept = new Set(u.devices.map((d) => d.bdf));
  const spare = bdfs.filter((bdf) => !kept.has(bdf));
  const devices = u.devices.map((d) => ({
    name: d.name,
    bdf: bdfs.includes(d.bdf) ? d.bdf : (spare.shift() ?? d.bdf),
  }));
  return { ...u, machine: machine.id, devices };
}

/** The scenario that a sequence of steps in this universe is. */
export function scenarioOf(
  u: Universe,
  kernels: readonly string[],
  words: { title: string; question: string; source?: string },
  steps: readonly Step[],
): Scenario {
  const { title, question, source = "" } = words;
  const { machine, devices, memory, given } = u;
  return { title, source, question, machine, kernels, devices, memory, given, steps };
}
