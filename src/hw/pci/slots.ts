/**
 * Cards that come and go while the machine runs. A card that is plugged in shows its configuration space as after a reset;
 * one that was pulled answers nothing any more: reads give all ones, writes are lost, it masters no bus.
 * Source: PCIe 5.0 6.7 (hot plug), 7.5.3.11 (slot status), 2.3.1 (unsupported requests read as all ones).
 */
import { bytesOf } from "../base/bits.ts";
import { freezeDeep } from "../base/freeze.ts";
import { type BarDesc, ConfigSpace } from "./config.ts";
import type { FunctionDesc, PciBus, PciFunction } from "./function.ts";
import { CAP, EXT, PCI } from "./regs.ts";

/** Slot status: presence detect changed, presence detect state. */
const SLOT_STATUS = 0x1a;
const PRESENCE_CHANGED = 0x08;
const PRESENT = 0x40;

/** A card with nothing set up: decoders, bus mastering and interrupts off, every BAR at 0. */
export function afterReset(desc: FunctionDesc): FunctionDesc {
  const config = new ConfigSpace(desc.configSize, desc.config, desc.bars);
  const clear = (off: number, size: number, mask: number): void => {
    for (let i = 0; i < size; i++) config.bytes[off + i] = (config.bytes[off + i] ?? 0) & ~((mask >>> (8 * i)) & 0xff);
  };
  clear(PCI.COMMAND, 2, 0xffff);
  for (const bar of desc.bars) {
    const reg = config.barRegister(bar.index);
    clear(reg, 4, bar.index === 6 ? 0xffffffff : bar.kind === "io" ? 0xfffffffc : 0xfffffff0);
    if (bar.kind === "mem64") clear(reg + 4, 4, 0xffffffff);
  }
  for (const { id, extended, offset } of config.capabilities()) {
    if (!extended && id === CAP.MSI) clear(offset + 2, 2, 0x71);
    if (!extended && id === CAP.MSIX) clear(offset + 2, 2, 0xc000);
    if (extended && (id === EXT.ATS || id === EXT.ACS || id === EXT.PASID)) clear(offset + 6, 2, 0xffff);
    if (extended && id === EXT.PRI) clear(offset + 4, 2, 3);
  }
  const bars = desc.bars.map((bar): BarDesc => ({ ...bar, start: 0, last: bar.last - bar.start }));
  return freezeDeep({ ...desc, config: hexOf(config.bytes), bars });
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0"))
    .join("")
    .replace(/(00)+$/, "");
}

/** Puts a card into its slot: a description from `afterReset` in most cases. Throws where there already is one. */
export function plug(bus: PciBus, desc: FunctionDesc): PciFunction {
  if (bus.byBdf.has(desc.bdf)) throw new Error(`there already is a ${desc.bdf}`);
  const f = bus.add(desc);
  presence(bus.parentOf(f), true);
  return f;
}

/** Pulls a function and all that hangs below it; what was pulled, lowest first. Throws where there is none. */
export function pull(bus: PciBus, bdf: string): PciFunction[] {
  const top = bus.byBdf.get(bdf);
  if (top === undefined) throw new Error(`there is no ${bdf}`);
  const gone = [...bus.childrenOf(top).flatMap((child) => pull(bus, child.bdf)), top];
  const slot = bus.parentOf(top);
  top.config.absent = true;
  top.atc.entries = [];
  bus.remove(top);
  if (bus.childrenOf(slot).length === 0) presence(slot, false);
  return gone;
}

/** A port with a slot shows what it senses. */
function presence(port: PciFunction | null, on: boolean): void {
  const cap = port === null ? 0 : port.config.find(CAP.EXP);
  if (port === null || cap === 0 || (port.config.read(cap + 2, 2) & 0x100) === 0) return;
  const at = cap + SLOT_STATUS;
  port.config.bytes[at] = ((port.config.read(at, 1) & ~PRESENT) | (on ? PRESENT : 0) | PRESENCE_CHANGED) & 0xff;
}

/** Bytes of a description's configuration space, for those who make a variation of a machine. */
export function patched(desc: FunctionDesc, changes: readonly (readonly [at: number, ...bytes: number[]])[]): string {
  const bytes = new Uint8Array(desc.configSize);
  bytes.set(bytesOf(desc.config).subarray(0, desc.configSize));
  for (const [at, ...values] of changes) bytes.set(values, at);
  return hexOf(bytes);
}
