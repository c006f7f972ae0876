/** What a bridge passes to its secondary side. Source: PCI-to-PCI Bridge Architecture 1.2, 3.2.5; PCIe 5.0 7.5.1.3. */
import type { Range } from "../memory.ts";
import type { ConfigSpace } from "./config.ts";
import { PCI } from "./regs.ts";

const MIB = 2 ** 20;
const PREF_BASE_UPPER = 0x28;
const PREF_LIMIT_UPPER = 0x2c;

/** Memory window and prefetchable window as the registers have them now; a window whose limit is below its base is closed. */
export function bridgeWindows(config: ConfigSpace): Range[] {
  const half = (at: number): number => (config.read(at, 2) & 0xfff0) * 0x1_0000;
  const wide = (config.read(PCI.PREF_BASE, 2) & 1) === 1;
  const upper = (at: number): number => (wide ? config.read(at, 4) * 2 ** 32 : 0);
  const windows = [
    { start: half(PCI.MEMORY_BASE), last: half(PCI.MEMORY_BASE + 2) + MIB - 1 },
    {
      start: half(PCI.PREF_BASE) + upper(PREF_BASE_UPPER),
      last: half(PCI.PREF_BASE + 2) + upper(PREF_LIMIT_UPPER) + MIB - 1,
    },
  ];
  return windows.filter((w) => w.last > w.start);
}

/** Whether a bridge with memory decoding on claims an address for its secondary side. */
export function bridgeClaims(config: ConfigSpace, enabled: boolean, address: number): boolean {
  return enabled && bridgeWindows(config).some((w) => address >= w.start && address <= w.last);
}
