/** A small machine with two root ports, a card behind the first and one in the drawer for the second. */
import type { MachineDesc } from "../machine.ts";
import type { FunctionDesc } from "../pci/function.ts";
import { CAP, CMD_MASTER, CMD_MEMORY, PCI } from "../pci/regs.ts";
import { afterReset } from "../pci/slots.ts";

/** Offsets in a port's configuration space. */
export const CAP_BITS = Object.freeze({ slotStatus: 0x5a });

const NONE = { name: "x", driver: "", smmu: null, sids: [], streamId: -1, msiDeviceId: -1, regions: [] };

/** Bytes from [offset, bytes...] rows, as text. */
function image(...rows: [number, ...number[]][]): string {
  const bytes = new Uint8Array(256);
  for (const [at, ...values] of rows) bytes.set(values, at);
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

/** A root port with a slot; its window is the second MiB of the host window per bus number. */
function port(bdf: string, bus: number): FunctionDesc {
  const base = 0x4000 + 0x10 * (bus - 1);
  const config = image(
    [PCI.COMMAND, CMD_MASTER | CMD_MEMORY],
    [6, 0x10],
    [0x0e, 1],
    [PCI.SECONDARY_BUS, bus, bus],
    [PCI.MEMORY_BASE, base & 0xff, base >> 8, base & 0xff, base >> 8],
    [PCI.PREF_BASE, 0xf0, 0xff, 0, 0],
    [0x34, 0x40],
    [0x40, CAP.EXP, 0, 0x42, 0x01],
  );
  return { ...NONE, bdf, parent: null, configSize: 256, config, bars: [] };
}

/** An endpoint with one BAR of 1 MiB. */
export function card(bdf: string, parent: string, at: number, command: number): FunctionDesc {
  const config = image([0, 0x34, 0x12], [PCI.COMMAND, command], [PCI.BAR0, 0, 0, (at >> 16) & 0xff, at >>> 24]);
  const bars = [{ index: 0, kind: "mem" as const, prefetch: false, start: at, last: at + 0xfffff }];
  return { ...NONE, bdf, parent, configSize: 256, config, bars };
}

export const SLOT_MACHINE: MachineDesc = {
  id: "slots",
  title: "slots",
  quirks: "none",
  ram: [{ start: 0x8000_0000, last: 0x800f_ffff }],
  mmio: [],
  ecam: null,
  windows: [{ kind: "mem", start: 0x4000_0000, last: 0x7fff_ffff, pci: 0x4000_0000 }],
  smmus: [],
  its: null,
  v2m: null,
  functions: [
    port("0000:00:01.0", 1),
    port("0000:00:02.0", 2),
    card("0000:01:00.0", "0000:00:01.0", 0x4000_0000, CMD_MASTER | CMD_MEMORY),
  ],
  spares: [afterReset(card("0000:02:00.0", "0000:00:02.0", 0x4010_0000, 0))],
};
