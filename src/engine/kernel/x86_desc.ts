/** What an x86 machine has beyond PCI: its IOMMU as firmware and sysfs describe it. Plain JSON. */
import type { MachineDesc } from "../../hw/machine.ts";
import type { Range } from "../../hw/memory.ts";

/** A 64-bit register as two halves. */
export interface Register64 {
  lo: number;
  hi: number;
}

/** One VT-d remapping unit (DMAR DRHD). Register values as the hardware shows them. */
export interface VtdUnitDesc {
  /** `dmar0`. */
  name: string;
  base: number;
  cap: Register64;
  ecap: Register64;
  /** It covers what no other unit names (INCLUDE_PCI_ALL). */
  all: boolean;
  /** Endpoints that it names. */
  scope: string[];
}

/** Memory that firmware uses by DMA (DMAR RMRR), for the functions named. */
export interface RmrrDesc extends Range {
  bdfs: string[];
}

export interface IntelIommuDesc {
  kind: "intel";
  units: VtdUnitDesc[];
  rmrrs: RmrrDesc[];
  /** Root ports whose devices may use ATS: all of them (ATSR flag ALL_PORTS), or none. */
  ats: boolean;
  /** Interrupts are remapped: firmware allows it and the unit can. */
  interruptRemapping: boolean;
}

/** Extended features of the AMD IOMMU; interrupts are remapped. */
export interface AmdIommuDesc {
  kind: "amd";
  efr: Register64;
  efr2: Register64;
}

/** A machine whose IOMMU has no driver here, or that has none: `what` names it. */
export interface OtherIommuDesc {
  kind: "none" | "not modelled";
  what: string;
}

export interface X86MachineDesc extends MachineDesc {
  x86: {
    iommu: IntelIommuDesc | AmdIommuDesc | OtherIommuDesc;
    /** Functions given to vfio-pci, in the order of binding. */
    vfio: string[];
  };
}
