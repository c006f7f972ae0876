/** The machine as a picture: what stands in configuration space and in the kernel's groups after one step. Plain data. */
import type { IntervalKind, Ref } from "../types.ts";

/** One bit of an ACS control register: `SV`, `TB`, `RR`, `CR`, `UF`, `EC`, `DT`. */
export interface AcsBit {
  name: string;
  /** `Source Validation`. */
  title: string;
  /** The capability register says that the function has it. */
  can: boolean;
  on: boolean;
  /** A group boundary needs it. */
  needed: boolean;
}

export interface PciRange {
  /** `BAR0`, `window`, `prefetchable window`. */
  name: string;
  start: number;
  /** Inclusive. */
  last: number;
  /** The decoder is on and the address is set. */
  on: boolean;
}

export interface MachineFunction {
  bdf: string;
  /** `dev:D1` for a device of the scenario, else `pci:0000:00:05.0`. */
  ref: Ref;
  /** Every ref of the same thing: `pci:...`, `dev:D1`, `ste:0x18`, `group:3`. */
  refs: Ref[];
  /** `D1` where the scenario gave it a name. */
  alias: string;
  /** `edu`, `root port`. */
  name: string;
  /** `endpoint`, `root port`, `conventional`, ... from the PCI Express capability. */
  type: string;
  bridge: boolean;
  parent: string | null;
  /** Bridges above it. */
  depth: number;
  multifunction: boolean;
  /** False: a card in the drawer, or one that was pulled. Its place is kept. */
  present: boolean;
  /** `1234:11e8`, class `0604`. */
  id: string;
  class: string;
  /** `pcieport`, `vfio-pci`; empty = none. */
  driver: string;
  memory: boolean;
  busMaster: boolean;
  /** Secondary and subordinate bus of a bridge; null for others. */
  buses: { secondary: number; subordinate: number } | null;
  /** Null: no ACS capability. */
  acs: AcsBit[] | null;
  /** What the kernel concludes from it, with its quirks: does it keep peers apart? */
  isolates: boolean;
  /** Windows of a bridge, then BARs. */
  ranges: PciRange[];
  rid: number;
  /** Requester IDs that its traffic may carry, its own first, with who puts it there. */
  aliases: { rid: number; by: string }[];
  /** The one that reaches the root complex. */
  requesterId: number;
  /** Name of its IOMMU; null = none. */
  iommu: string | null;
  streamId: number;
  sids: number[];
  /** What its stream table entry says: `S1`, `nested`, `bypass`, `abort`, `invalid`; empty without one. */
  stream: string;
  msiDeviceId: number;
  /** Vectors that are enabled, with the interrupt behind each; empty = none. */
  vectors: { index: number; intid: number }[];
  /** Where vector 0 writes, or why it does not: `0x8090040`, `MSI off`. */
  msi: string;
  /** `ATS on`, `PASID`, `PRI`, `MSI-X 65`. */
  caps: string[];
  /** Id of its iommu group, -1 = none. */
  group: number;
  /** Reserved regions as the kernel reports them for it. Both ends inclusive. */
  reserved: { start: bigint; last: bigint; kind: IntervalKind; label: string }[];
  change?: "added" | "changed" | "removed";
  /** What the step changed, in words: `MSI enabled`, `group 3 to nested`. */
  changes: string[];
}

export interface MachineGroup {
  id: number;
  ref: Ref;
  /** In the order in which the kernel added them, each with its reason. */
  members: { bdf: string; reason: string }[];
  /** `dma`, `unmanaged`, `nested`, `blocked`, `identity`, `none`. */
  domain: string;
  /** A user of the device (iommufd, VFIO) owns its DMA. */
  owned: boolean;
}

export interface MachineIommu {
  ref: Ref;
  name: string;
  /** `SMMUv3`. */
  kind: string;
  base: number;
  /** `S1 S2`, `44 bit`, `2-level streams`. */
  facts: string[];
}

export interface MachineMsi {
  ref: Ref;
  /** `ITS`, `GICv2m`. */
  kind: string;
  base: number;
  /** The address that a message must reach. */
  doorbell: number;
  facts: string[];
}

export interface MachineView {
  title: string;
  /** Parents before children, by bus number; cards in the drawer too. */
  functions: MachineFunction[];
  groups: MachineGroup[];
  iommus: MachineIommu[];
  msis: MachineMsi[];
  /** Windows of the host bridge, CPU addresses. */
  windows: { name: string; start: number; last: number }[];
  /** How this machine deviates: `QEMU: no peer-to-peer ...`; empty = as the architecture says. */
  notes: string[];
}

/** The way of a write from one function to a BAR of another, by the bits as they stand. */
export interface PeerView {
  from: string;
  to: string;
  /** `BAR0`. */
  bar: string;
  address: number;
  /** `direct`: never sees the IOMMU; `redirected` by ACS, or `up` because nobody claims it: through the IOMMU; `blocked`. */
  end: "direct" | "redirected" | "up" | "blocked";
  /** In one sentence. */
  why: string;
  /** Functions that the request passes, the sender first, the last one it reaches at the end; `root` = root complex. */
  path: string[];
  hops: { bdf: string; what: string }[];
  /** What the address becomes behind the IOMMU when it is redirected; empty otherwise. */
  after: string;
}
