/** Configuration space: registers and capabilities. Sources: PCI 3.0 chapter 6, PCIe 5.0 chapter 7. */
import { bitTable } from "../base/fields.ts";

/** Offsets in the header. */
export const PCI = Object.freeze({
  VENDOR: 0x00,
  DEVICE: 0x02,
  COMMAND: 0x04,
  STATUS: 0x06,
  CLASS: 0x08,
  HEADER_TYPE: 0x0e,
  BAR0: 0x10,
  PRIMARY_BUS: 0x18,
  SECONDARY_BUS: 0x19,
  SUBORDINATE_BUS: 0x1a,
  MEMORY_BASE: 0x20,
  PREF_BASE: 0x24,
  ROM: 0x30,
  ROM_TYPE1: 0x38,
  CAPABILITIES: 0x34,
  INTERRUPT_LINE: 0x3c,
  BRIDGE_CONTROL: 0x3e,
});

export const CMD_IO = 0x1;
export const CMD_MEMORY = 0x2;
export const CMD_MASTER = 0x4;
export const CMD_INTX_DISABLE = 0x400;
/** Status register: an INTx is pending inside the function. */
export const STATUS_INTERRUPT = 0x8;

/** Capability ids. */
export const CAP = Object.freeze({
  PM: 0x01,
  MSI: 0x05,
  VENDOR: 0x09,
  PCIX: 0x07,
  SSID: 0x0d,
  SHPC: 0x0c,
  EXP: 0x10,
  MSIX: 0x11,
});

/** Extended capability ids. */
export const EXT = Object.freeze({ AER: 0x01, DSN: 0x03, ACS: 0x0d, ATS: 0x0f, PRI: 0x13, PASID: 0x1b });

/** Enable bits of the control registers of extended capabilities. */
export const CAP_ENABLE = Object.freeze({ ATS: 0x8000, PRI: 0x1 });

/** PCIe device/port type (PCI Express Capabilities, bits 7:4). */
export const EXP_TYPE = Object.freeze({
  0: "endpoint",
  1: "legacy endpoint",
  4: "root port",
  5: "upstream port",
  6: "downstream port",
  7: "PCIe-to-PCI bridge",
  8: "PCI-to-PCIe bridge",
  9: "root complex integrated endpoint",
  10: "root complex event collector",
});

/** MSI capability, 64-bit address, per-vector masking. Shorter forms lack the words they do not have. */
export const MSI_CAP = bitTable("MSI", "PCI 3.0 6.8.1", 6, {
  ID: [0, 7, 0],
  Next: [0, 15, 8],
  Enable: [0, 16, 16],
  MultipleMessageCapable: [0, 19, 17, null, "log2 of the vectors the function asks for"],
  MultipleMessageEnable: [0, 22, 20, null, "log2 of the vectors software gave"],
  "64BitAddress": [0, 23, 23],
  PerVectorMasking: [0, 24, 24],
  "Address[31:2]": [1, 31, 2],
  "Address[63:32]": [2, 31, 0],
  Data: [3, 15, 0],
  Mask: [4, 31, 0],
  Pending: [5, 31, 0],
});

export const MSIX_CAP = bitTable("MSIX", "PCI 3.0 6.8.2", 3, {
  ID: [0, 7, 0],
  Next: [0, 15, 8],
  TableSize: [0, 26, 16, null, "entries - 1"],
  FunctionMask: [0, 30, 30],
  Enable: [0, 31, 31],
  TableBIR: [1, 2, 0],
  "TableOffset[31:3]": [1, 31, 3],
  PBABIR: [2, 2, 0],
  "PBAOffset[31:3]": [2, 31, 3],
});

/** One entry of the MSI-X table. */
export const MSIX_ENTRY = bitTable("MSIX entry", "PCI 3.0 6.8.2.6", 4, {
  "Address[31:2]": [0, 31, 2],
  "Address[63:32]": [1, 31, 0],
  Data: [2, 31, 0],
  Mask: [3, 0, 0],
});

/** ACS extended capability: capability and control register. */
export const ACS_CAP = bitTable("ACS", "PCIe 5.0 7.7.8", 2, {
  ID: [0, 15, 0],
  Version: [0, 19, 16],
  Next: [0, 31, 20],
  CapSourceValidation: [1, 0, 0],
  CapTranslationBlocking: [1, 1, 1],
  CapRequestRedirect: [1, 2, 2],
  CapCompletionRedirect: [1, 3, 3],
  CapUpstreamForwarding: [1, 4, 4],
  CapEgressControl: [1, 5, 5],
  CapDirectTranslated: [1, 6, 6],
  SourceValidation: [1, 16, 16],
  TranslationBlocking: [1, 17, 17],
  RequestRedirect: [1, 18, 18],
  CompletionRedirect: [1, 19, 19],
  UpstreamForwarding: [1, 20, 20],
  EgressControl: [1, 21, 21],
  DirectTranslated: [1, 22, 22],
});
