/**
 * The configuration space of one function: its bytes, which of them software may change, and its capabilities.
 *
 * `image` is what a fresh function shows (or what was recorded); writes change only bits of `writable`, and status
 * bits that are cleared by writing 1. A BAR that is written with ones reads back its size, as software sizes BARs.
 */
import { bytesOf, TWO32 } from "../base/bits.ts";
import type { Range } from "../memory.ts";
import { CAP, EXT, PCI } from "./regs.ts";

export interface Capability {
  /** `CAP` or `EXT` id. */
  id: number;
  extended: boolean;
  offset: number;
}

/** Size in bytes is last - start + 1. Index 6 is the expansion ROM. */
export interface BarDesc extends Range {
  index: number;
  kind: "io" | "mem" | "mem64";
  prefetch: boolean;
}

/** Masks of single bytes by offset; absent = 0. Frozen once the function is built, so that copies share them. */
type ByteMasks = Record<number, number>;

export class ConfigSpace {
  readonly bytes: Uint8Array;
  /** 1 bits may be written. */
  readonly writable: Readonly<ByteMasks>;
  /** 1 bits are cleared by writing 1. */
  readonly clears: Readonly<ByteMasks>;
  /** The function was pulled: nothing answers. */
  absent = false;

  constructor(size: number, image: string, bars: readonly BarDesc[] = []) {
    this.bytes = new Uint8Array(size);
    this.bytes.set(bytesOf(image).subarray(0, size));
    const rules = new Rules(size);
    rules.header(this);
    for (const cap of this.capabilities()) rules.capability(this, cap);
    for (const bar of bars) rules.bar(this, bar);
    this.writable = Object.freeze(rules.writable);
    this.clears = Object.freeze(rules.clears);
  }

  /** size 1, 2 or 4; little endian. Beyond the end: all ones, as an absent register. */
  read(off: number, size: number): number {
    if (this.absent) return 2 ** (8 * size) - 1;
    let v = 0;
    for (let i = size - 1; i >= 0; i--) v = v * 256 + (this.bytes[off + i] ?? 0xff);
    return v;
  }

  write(off: number, size: number, value: number): void {
    if (this.absent) return;
    for (let i = 0; i < size; i++) {
      const at = off + i;
      const b = (value >>> (8 * i)) & 0xff;
      const old = this.bytes[at] ?? 0;
      const w = this.writable[at] ?? 0;
      const c = this.clears[at] ?? 0;
      if (at < this.bytes.length) this.bytes[at] = ((old & ~w) | (b & w)) & ~(b & c);
    }
  }

  get isBridge(): boolean {
    return (this.read(PCI.HEADER_TYPE, 1) & 0x7f) === 1;
  }

  get multifunction(): boolean {
    return (this.read(PCI.HEADER_TYPE, 1) & 0x80) !== 0;
  }

  /** Offset of a capability, 0 when the function lacks it. */
  find(id: number): number {
    return this.capabilities().find((c) => !c.extended && c.id === id)?.offset ?? 0;
  }

  findExtended(id: number): number {
    return this.capabilities().find((c) => c.extended && c.id === id)?.offset ?? 0;
  }

  /** The two linked lists in order; a list that loops or leaves the space ends there. */
  capabilities(): Capability[] {
    const out: Capability[] = [];
    if (this.absent) return out;
    const seen = new Set<number>();
    if ((this.read(PCI.STATUS, 2) & 0x10) !== 0) {
      for (let at = this.read(PCI.CAPABILITIES, 1) & 0xfc; at >= 0x40 && !seen.has(at);) {
        seen.add(at);
        out.push({ id: this.read(at, 1), extended: false, offset: at });
        at = this.read(at + 1, 1) & 0xfc;
      }
    }
    for (let at = 0x100; at >= 0x100 && at < this.bytes.length && !seen.has(at);) {
      seen.add(at);
      const head = this.read(at, 4);
      if (head === 0 || head === 0xffffffff) break;
      out.push({ id: head & 0xffff, extended: true, offset: at });
      at = head >>> 20;
    }
    return out;
  }

  /** Offset of the register of a BAR or of the ROM (index 6). */
  barRegister(index: number): number {
    return index < 6 ? PCI.BAR0 + 4 * index : this.isBridge ? PCI.ROM_TYPE1 : PCI.ROM;
  }
}

/** Which bits of a function software may write, worked out once. */
class Rules {
  readonly writable: ByteMasks = {};
  readonly clears: ByteMasks = {};
  private readonly size: number;

  constructor(size: number) {
    this.size = size;
  }

  private allow(off: number, size: number, mask: number): void {
    this.put(this.writable, off, size, mask);
  }

  private clearable(off: number, size: number, mask: number): void {
    this.put(this.clears, off, size, mask);
  }

  private put(masks: ByteMasks, off: number, size: number, mask: number): void {
    for (let i = 0; i < size; i++) {
      const b = (mask >>> (8 * i)) & 0xff;
      if (b !== 0 && off + i < this.size) masks[off + i] = (masks[off + i] ?? 0) | b;
    }
  }

  header(config: ConfigSpace): void {
    this.allow(PCI.COMMAND, 2, 0x0547);
    this.clearable(PCI.STATUS, 2, 0xf900);
    this.allow(0x0c, 1, 0xff);
    this.allow(PCI.INTERRUPT_LINE, 1, 0xff);
    if (!config.isBridge) return;
    this.allow(PCI.PRIMARY_BUS, 4, 0xffffffff);
    this.allow(0x1c, 2, 0xf0f0);
    this.clearable(0x1e, 2, 0xf900);
    this.allow(PCI.MEMORY_BASE, 4, 0xfff0fff0);
    this.allow(PCI.PREF_BASE, 4, 0xfff0fff0);
    this.allow(0x28, 4, 0xffffffff);
    this.allow(0x2c, 4, 0xffffffff);
    this.allow(0x30, 4, 0xffffffff);
    this.allow(PCI.BRIDGE_CONTROL, 2, 0x0fff);
  }

  /** The address bits above the size of a BAR. */
  bar(config: ConfigSpace, bar: BarDesc): void {
    const size = bar.last - bar.start + 1;
    const kept = bar.index === 6 ? 0xfffff801 : bar.kind === "io" ? 0xfffffffc : 0xfffffff0;
    const sizeMask = size >= TWO32 ? 0 : -size;
    const reg = config.barRegister(bar.index);
    this.allow(reg, 4, ((sizeMask & kept) | (bar.index === 6 ? 1 : 0)) >>> 0);
    if (bar.kind === "mem64") this.allow(reg + 4, 4, size >= TWO32 ? -(size / TWO32) : 0xffffffff);
  }

  capability(config: ConfigSpace, cap: Capability): void {
    const at = cap.offset;
    if (cap.extended) {
      if (cap.id === EXT.ACS) {
        const can = config.read(at + 4, 2);
        this.allow(at + 6, 2, can & 0x7f);
        const ports = can >>> 8 === 0 ? 256 : can >>> 8;
        if ((can & 0x20) !== 0) for (let i = 0; i < ports; i += 8) this.allow(at + 8 + (i >> 3), 1, 0xff);
      }
      if (cap.id === EXT.ATS) this.allow(at + 6, 2, 0x801f);
      if (cap.id === EXT.PRI) this.allow(at + 4, 2, 0x3);
      if (cap.id === EXT.PRI) this.allow(at + 12, 4, 0xffffffff);
      if (cap.id === EXT.PASID) this.allow(at + 6, 2, 0x7);
      return;
    }
    if (cap.id === CAP.PM) {
      this.allow(at + 4, 2, 0x0103);
      this.clearable(at + 4, 2, 0x8000);
    }
    if (cap.id === CAP.MSI) {
      const control = config.read(at + 2, 2);
      const data = at + ((control & 0x80) !== 0 ? 12 : 8);
      this.allow(at + 2, 2, 0x0071);
      this.allow(at + 4, 4, 0xfffffffc);
      if ((control & 0x80) !== 0) this.allow(at + 8, 4, 0xffffffff);
      this.allow(data, 2, 0xffff);
      if ((control & 0x100) !== 0) this.allow(data + 4, 4, 0xffffffff);
    }
    if (cap.id === CAP.MSIX) this.allow(at + 2, 2, 0xc000);
    if (cap.id === CAP.EXP) {
      this.allow(at + 8, 2, 0x7fff);
      this.clearable(at + 10, 2, 0x000f);
      this.allow(at + 16, 2, 0x0fff);
      this.clearable(at + 0x1a, 2, 0x011f);
      this.allow(at + 0x28, 2, 0xffff);
    }
  }
}
