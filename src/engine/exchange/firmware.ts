/** What a machine description takes from firmware, the same from a device tree and from ACPI tables. */
import type { FirmwareDesc, MachineDesc, NamedRange, Window } from "../../hw/machine.ts";
import type { Range } from "../../hw/memory.ts";
import type { FirmwareRegion } from "../../hw/pci/function.ts";
import { BadInput } from "./parse.ts";

/** File name -> text, or bytes of a binary file. Compressed files are given decompressed under their plain name. */
export type MachineFiles = ReadonlyMap<string, string | Uint8Array>;

/** An SMMU as firmware describes it; its ID registers come from elsewhere. */
export interface SmmuFacts {
  base: number;
  model: "generic" | "hi161x" | "cn99xx";
  /** INTIDs, -1 = not wired. */
  irq: { evtq: number; priq: number; cmdqSync: number; gerror: number };
}

export interface Facts {
  smmus: SmmuFacts[];
  its: MachineDesc["its"];
  v2m: MachineDesc["v2m"];
  ecam: Range | null;
  windows: Window[];
  /** Register blocks that /proc/iomem does not show. */
  mmio: NamedRange[];
  /** Where a requester ID's transactions go: base of the SMMU and StreamID; null = past every SMMU. */
  stream(rid: number): { smmu: number; sid: number } | null;
  /** DeviceID of a requester ID's MSIs, -1 = none. */
  deviceId(rid: number): number;
  regions(rid: number): FirmwareRegion[];
  /** Emulated by QEMU. */
  qemu: boolean;
  firmware: Omit<FirmwareDesc, "cmdline">;
}

/** INTID of SPI 0. */
export const FIRST_SPI = 32;

/** Names of SMMUs as Linux prints them. */
export function smmuName(base: number): string {
  return `smmu3.0x${base.toString(16).padStart(16, "0")}`;
}

export function itsName(base: number): string {
  return `ITS@0x${base.toString(16).padStart(16, "0")}`;
}

/** A text file, "" when it is absent. */
export function optionalText(files: MachineFiles, name: string): string {
  const t = files.get(name);
  return typeof t === "string" ? t : "";
}

export function bytesOfFile(files: MachineFiles, name: string): Uint8Array | null {
  const t = files.get(name);
  if (typeof t === "string") throw new BadInput(`${name}: given as text, it is a binary file`);
  return t ?? null;
}
