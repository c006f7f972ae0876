/**
 * Machines of the discussion on host bridge windows: the recorded Arm machine with its memory above 2 GiB and its PCI MEM
 * window at [0x40000000, 0x7fffffff], where a VMM puts a guest's memory. Requests are routed as hardware does. Frozen.
 */
import { freezeDeep } from "../../hw/base/freeze.ts";
import type { MachineDesc } from "../../hw/machine.ts";
import type { BarDesc, FunctionDesc } from "../../hw/pci/function.ts";
import { CMD_MEMORY, EXT, PCI } from "../../hw/pci/regs.ts";
import { afterReset, patched } from "../../hw/pci/slots.ts";
import { PLAIN } from "../presets/plain.ts";

const OLD = Object.freeze({ start: 0x10000000, last: 0x3efeffff });
const WINDOW = Object.freeze({ start: 0x40000000, last: 0x7fffffff });
const SHIFT = WINDOW.start - OLD.start;
/** The ports of the switch, and the card in the second one. */
const PORTS: readonly string[] = ["0000:03:00.0", "0000:03:01.0"];
const CARD = "0000:05:00.0";
const CARD_PORT = "0000:03:01.0";

const le = (value: number, n: number): number[] =>
  Array.from({ length: n }, (_, i) => Math.floor(value / 256 ** i) % 256);
const moves = (at: number): boolean => at >= OLD.start && at <= OLD.last;

/** One function with its BARs and its window moved along; the card decodes memory from the start. */
function moved(f: FunctionDesc): FunctionDesc {
  const changes: [number, ...number[]][] = [];
  const bars = f.bars.map((bar): BarDesc => {
    if (bar.kind === "io" || !moves(bar.start)) return bar;
    const flags = (bar.kind === "mem64" ? 4 : 0) + (bar.prefetch ? 8 : 0);
    if (bar.index < 6) changes.push([PCI.BAR0 + 4 * bar.index, ...le(bar.start + SHIFT + flags, 4)]);
    return { ...bar, start: bar.start + SHIFT, last: bar.last + SHIFT };
  });
  const half = (at: number): number =>
    Number.parseInt(f.config.slice(2 * at + 2, 2 * at + 4) + f.config.slice(2 * at, 2 * at + 2), 16);
  const bridge = (Number.parseInt(f.config.slice(28, 30), 16) & 0x7f) === 1;
  if (bridge && moves(half(PCI.MEMORY_BASE) * 0x1_0000)) {
    const up = SHIFT / 0x1_0000;
    changes.push([PCI.MEMORY_BASE, ...le(half(PCI.MEMORY_BASE) + up, 2), ...le(half(PCI.MEMORY_BASE + 2) + up, 2)]);
  }
  if (f.bdf === CARD) changes.push([PCI.COMMAND, CMD_MEMORY, 0]);
  return { ...f, bars, config: patched({ ...f, bars }, changes) };
}

/** An ACS capability with SV, RR, CR, UF on, behind the one that the recorded ports have. */
function withAcs(f: FunctionDesc): FunctionDesc {
  const first: [number, ...number[]] = [0x100, 0x01, 0x00, 0x82, 0x14];
  return { ...f, config: patched(f, [first, [0x148, EXT.ACS, 0, 1, 0, 0x5f, 0, 0x1d, 0]]) };
}

function machine(id: string, title: string, acs: boolean, more: Partial<MachineDesc> = {}): MachineDesc {
  const functions = PLAIN.functions.map((f) => (acs && PORTS.includes(f.bdf) ? withAcs(moved(f)) : moved(f)));
  const windows = PLAIN.windows.map((w) => (w.kind === "mem" ? { ...w, ...WINDOW, pci: WINDOW.start } : w));
  const ram = [{ start: 0x80000000, last: 0xffffffff }];
  return freezeDeep<MachineDesc>({ ...PLAIN, id, title, quirks: "none", ram, windows, functions, ...more });
}

/** The card of the second port in the drawer, and the port's window closed. */
function emptySlot(id: string, title: string, base: MachineDesc): MachineDesc {
  const functions = base.functions.flatMap((f) => {
    if (f.bdf === CARD) return [];
    const closed: [number, ...number[]] = [PCI.MEMORY_BASE, 0xf0, 0xff, 0, 0];
    return [f.bdf === CARD_PORT ? { ...f, config: patched(f, [closed]) } : f];
  });
  const spares = base.functions.filter((f) => f.bdf === CARD).map(afterReset);
  return freezeDeep<MachineDesc>({ ...base, id, title, functions, spares });
}

/** The function becomes a USB controller for which firmware asks for a 1:1 mapping. */
function withRmrr(base: MachineDesc): FunctionDesc[] {
  return base.functions.map((f) =>
    f.bdf === CARD
      ? {
          ...f,
          name: "usb",
          config: patched(f, [[0x09, 0x30, 0x03, 0x0c]]),
          regions: [{ kind: "direct", start: 0xfff00000, last: 0xfff0ffff }],
        }
      : f,
  );
}

export const windowsAcs: MachineDesc = machine("windows-acs", "Arm, window at 1 GiB, switch with ACS", true);
export const windowsNoacs: MachineDesc = machine("windows-noacs", "Arm, window at 1 GiB, switch without ACS", false);

export const windowsAcsSlot: MachineDesc = emptySlot(
  "windows-acs-slot",
  "Arm, window at 1 GiB, switch with ACS and a free slot",
  windowsAcs,
);
export const windowsNoacsSlot: MachineDesc = emptySlot(
  "windows-noacs-slot",
  "Arm, window at 1 GiB, switch without ACS, a free slot",
  windowsNoacs,
);

/** Firmware uses memory at the top for the USB controller. */
export const windowsRmrr: MachineDesc = machine(
  "windows-rmrr",
  "Arm, window at 1 GiB, a USB controller with an RMRR",
  true,
  {
    ram: [{ start: 0x80000000, last: 0xffefffff }],
    mmio: [...PLAIN.mmio, { name: "reserved", start: 0xfff00000, last: 0xffffffff }],
    functions: withRmrr(windowsAcs),
  },
);

/** A root complex that ends requests for its own windows, and firmware that says so for every function behind the SMMU. */
export const windowsLimit: MachineDesc = machine(
  "windows-limit",
  "Arm, window at 1 GiB that the root complex keeps to itself",
  true,
  {
    ownWindow: "terminated",
    functions: windowsAcs.functions.map((f) => ({ ...f, regions: [{ kind: "reserved" as const, ...WINDOW }] })),
  },
);
