/**
 * The configuration space that a user of vfio-pci sees: some bits are his own copy, some reach the device, the rest
 * cannot be written. Source: linux 7.2 drivers/vfio/pci/vfio_pci_config.c.
 */
import type { BarDesc } from "../../../hw/pci/function.ts";
import { CAP, CMD_INTX_DISABLE, CMD_IO, CMD_MEMORY, PCI } from "../../../hw/pci/regs.ts";
import type { Kernel } from "../kernel.ts";
import { pci_read_command, type PciDev } from "../pci/pci_dev.ts";
import { pci_reset_function } from "../pci/reset.ts";
import type { VfioPciDevice } from "./vfio_pci.ts";

/** Byte by byte: `virt` 1 bits are read from `bytes`; `write` 1 bits may be written, into `bytes` or the device. */
export interface Vconfig {
  bytes: Uint8Array;
  virt: Uint8Array;
  write: Uint8Array;
}

function set(map: Uint8Array, offset: number, size: number, mask: number): void {
  for (let i = 0; i < size; i++) {
    if (offset + i < map.length) map[offset + i] = (mask >>> (8 * i)) & 0xff;
  }
}

function perm(v: Vconfig, offset: number, size: number, virt: number, write: number): void {
  set(v.virt, offset, size, virt);
  set(v.write, offset, size, write);
}

const ALL = 0xffffffff;
const ROM_INDEX = 6;
const ROM_ENABLE = 1;
const EXP_DEVCAP = 4;
const DEVCAP_FLR = 1 << 28;
const EXP_DEVCTL = 8;
const DEVCTL_FLR = 0x8000;
/** Function level reset, largest read request and payload: the user writes his own copy. */
const DEVCTL_VIRT = DEVCTL_FLR | 0x7000 | 0x00e0;
const DEVCTL_PHANTOM = 0x0200;

/** A copy of the device's space, and who owns which bit. */
export function vfio_config_init(pdev: PciDev): Vconfig {
  const { config, desc } = pdev.hw;
  const size = config.bytes.length;
  const v: Vconfig = { bytes: config.bytes.slice(), virt: new Uint8Array(size), write: new Uint8Array(size) };
  perm(v, PCI.COMMAND, 2, CMD_INTX_DISABLE, ALL);
  perm(v, 0x0c, 1, 0, ALL);
  perm(v, 0x0d, 1, 0, ALL);
  perm(v, 0x0f, 1, ALL, 0);
  for (let bar = 0; bar < 6; bar++) perm(v, PCI.BAR0 + 4 * bar, 4, ALL, ALL);
  perm(v, PCI.ROM, 4, ALL, ALL);
  perm(v, PCI.INTERRUPT_LINE, 1, ALL, ALL);
  perm(v, PCI.INTERRUPT_LINE + 1, 1, ALL, 0);
  for (const cap of config.capabilities()) {
    if (cap.extended) continue;
    if (cap.id === CAP.MSI) msi_perm(v, cap.offset);
    if (cap.id === CAP.PM) perm(v, cap.offset + 4, 2, 0x0003, 0x0003);
    if (cap.id === CAP.EXP) perm(v, cap.offset + EXP_DEVCTL, 2, DEVCTL_VIRT, ALL & ~DEVCTL_PHANTOM);
  }
  for (const bar of desc.bars) {
    if (bar.index === ROM_INDEX) continue;
    const at = PCI.BAR0 + 4 * bar.index;
    v.bytes.set(config.bytes.subarray(at, at + (bar.kind === "mem64" ? 8 : 4)), at);
  }
  return v;
}

/** The whole MSI capability is the user's own: the real one holds the host's message. */
function msi_perm(v: Vconfig, at: number): void {
  const flags = (v.bytes[at + 2] ?? 0) | ((v.bytes[at + 3] ?? 0) << 8);
  const wide = (flags & 0x80) !== 0;
  const maskable = (flags & 0x100) !== 0;
  const length = 10 + (wide ? 4 : 0) + (maskable ? 10 : 0);
  perm(v, at + 2, 2, ALL, 0x0071);
  for (let off = 4; off < length; off++) perm(v, at + off, 1, ALL, ALL);
  set(v.bytes, at + 2, 2, flags & ~0x0071);
  for (let off = 4; off < length; off++) v.bytes[at + off] = 0;
}

/** Bytes as the user sees them; beyond the end nothing is read. */
export function vfio_config_read(vdev: VfioPciDevice, offset: number, n: number): Uint8Array {
  const v = vdev.vconfig;
  const { bytes } = vdev.pdev.hw.config;
  const out = new Uint8Array(Math.max(0, Math.min(n, bytes.length - offset)));
  for (let i = 0; i < out.length; i++) {
    const at = offset + i;
    const virt = v?.virt[at] ?? 0;
    out[i] = ((v?.bytes[at] ?? 0) & virt) | ((bytes[at] ?? 0) & ~virt);
  }
  return out;
}

/** Returns bytes consumed. Switching memory decoding off takes exported BARs back. */
export function vfio_config_write(k: Kernel, vdev: VfioPciDevice, offset: number, data: Uint8Array): number {
  const v = vdev.vconfig;
  if (v === null) return 0;
  const { config, desc } = vdev.pdev.hw;
  const n = Math.max(0, Math.min(data.length, config.bytes.length - offset));
  const touches = (at: number, size: number) => offset < at + size && offset + n > at;
  if (touches(PCI.COMMAND, 2)) before_command(k, vdev, offset, data);
  for (let i = 0; i < n; i++) {
    const at = offset + i;
    const virt = v.virt[at] ?? 0;
    const write = v.write[at] ?? 0;
    const value = data[i] ?? 0;
    v.bytes[at] = ((v.bytes[at] ?? 0) & ~(virt & write)) | (value & virt & write);
    const real = write & ~virt;
    if (real !== 0) config.write(at, 1, ((config.bytes[at] ?? 0) & ~real) | (value & real));
  }
  if (touches(PCI.BAR0, 24) || touches(PCI.ROM, 4)) vfio_bar_fixup(v, desc.bars, config.bytes);
  if (touches(PCI.COMMAND, 2)) after_command(k, vdev);
  const exp = config.find(CAP.EXP);
  if (exp !== 0 && touches(exp + EXP_DEVCTL, 2)) after_devctl(k, vdev, exp);
  return n;
}

/** The reset bit is an order and reads as zero. */
function after_devctl(k: Kernel, vdev: VfioPciDevice, exp: number): void {
  const { pdev, vconfig } = vdev;
  const high = exp + EXP_DEVCTL + 1;
  const byte = vconfig?.bytes[high] ?? 0;
  if (vconfig === null || ((byte << 8) & DEVCTL_FLR) === 0) return;
  vconfig.bytes[high] = byte & ~(DEVCTL_FLR >> 8);
  if ((pdev.hw.config.read(exp + EXP_DEVCAP, 4) & DEVCAP_FLR) === 0) return;
  k.ops.vfio_pci_dma_buf_move(k, vdev, true);
  pci_reset_function(k, pdev);
  if ((pci_read_command(pdev) & CMD_MEMORY) !== 0) k.ops.vfio_pci_dma_buf_move(k, vdev, false);
}

/** BARs that were written read back with their size and type bits, those that are not there as zero. */
function vfio_bar_fixup(v: Vconfig, bars: readonly BarDesc[], real: Uint8Array): void {
  const view = new DataView(v.bytes.buffer, v.bytes.byteOffset);
  const keep = (at: number, mask: number, type: number) =>
    view.setUint32(at, ((view.getUint32(at, true) & mask) | type) >>> 0, true);
  for (let index = 0; index < 6; index++) {
    const at = PCI.BAR0 + 4 * index;
    const bar = bars.find((one) => one.index === index);
    if (bar === undefined) {
      keep(at, 0, 0);
      continue;
    }
    const [low, high] = size_mask(bar);
    keep(at, bar.kind === "io" ? low & 0xfffffffc : low & 0xfffffff0, (real[at] ?? 0) & (bar.kind === "io" ? 3 : 0xf));
    if (bar.kind !== "mem64") continue;
    keep(at + 4, high, 0);
    index++;
  }
  const rom = bars.find((one) => one.index === ROM_INDEX);
  keep(PCI.ROM, rom === undefined ? 0 : size_mask(rom)[0] | ROM_ENABLE, 0);
}

/** The address bits that a BAR of this size has, as two words. */
function size_mask({ start, last }: BarDesc): [number, number] {
  const size = last - start + 1;
  return size >= 2 ** 32 ? [0, -(size / 2 ** 32) >>> 0] : [-size >>> 0, ALL];
}

function command_of(offset: number, data: Uint8Array, at: number, old: number): number {
  const i = at - offset;
  return i >= 0 && i < data.length ? (data[i] ?? 0) : old;
}

function before_command(k: Kernel, vdev: VfioPciDevice, offset: number, data: Uint8Array): void {
  const { config } = vdev.pdev.hw;
  const now = command_of(offset, data, PCI.COMMAND, config.bytes[PCI.COMMAND] ?? 0);
  if ((now & CMD_MEMORY) === 0) k.ops.vfio_pci_dma_buf_move(k, vdev, true);
}

function after_command(k: Kernel, vdev: VfioPciDevice): void {
  const v = vdev.vconfig;
  const { config } = vdev.pdev.hw;
  const command = config.bytes[PCI.COMMAND] ?? 0;
  if (v !== null)
    v.bytes[PCI.COMMAND] = ((v.bytes[PCI.COMMAND] ?? 0) & ~(CMD_MEMORY | CMD_IO)) | (command & (CMD_MEMORY | CMD_IO));
  if ((command & CMD_MEMORY) !== 0) k.ops.vfio_pci_dma_buf_move(k, vdev, false);
}
