/**
 * MSI and MSI-X of a function: vectors are allocated at the interrupt controller, then written into the device.
 * Source: linux 7.2 drivers/pci/msi/{msi,irqdomain}.c.
 */
import { CAP } from "../../../hw/pci/regs.ts";
import { MSIX_ENTRY_BYTES } from "../../../hw/pci/msi.ts";
import { errno, errnoName } from "../../uapi/errno.ts";
import { handle_arch_irq } from "../irq/dispatch.ts";
import { type IrqDesc, irq_alloc_desc, irq_free_desc } from "../irq/irqdesc.ts";
import {
  its_find_or_create_device,
  its_irq_compose_msi_msg,
  its_irq_domain_activate,
  its_irq_domain_deactivate,
  its_irq_domain_free,
  its_lpi_update_config,
} from "../irq/its.ts";
import { gicv2m_compose_msi_msg, gicv2m_irq_domain_free } from "../irq/gicv2m.ts";
import {
  x86_compose_msi_msg,
  x86_irq_activate,
  x86_irq_domain_alloc,
  x86_irq_domain_free,
  x86_vector_alloc,
} from "../irq/x86_vector.ts";
import { msi_desc_init, type MsiDesc, type MsiMsg } from "../irq/msi.ts";
import type { Kernel } from "../kernel.ts";
import { the_machine, the_platform } from "../platform.ts";
import { pci_intx, pci_msi_vec_count, pci_msix_vec_count, type PciDev } from "./pci_dev.ts";

const MSI_ENABLE = 1;
const MSIX_ENABLE = 0x8000;
const MSIX_MASKALL = 0x4000;
const ENTRY_MASKED = 1;

/** One allocation at the interrupt controller: `n` consecutive vectors. */
interface Allocated {
  /** EventID or SPI of the first. */
  hwirq: number;
  intid: number;
  msi: MsiDesc;
}

/** Interrupt controller's part for `n` vectors (a power of two). -ENOSPC ..., -ENODEV without a controller. */
function domain_alloc(k: Kernel, pdev: PciDev, kind: "msi" | "msix", n: number): Allocated | number {
  const { its, v2m, x86 } = the_platform(k).irq;
  const msi = msi_desc_init(pdev.bdf);
  const device_id = pdev.hw.desc.msiDeviceId;
  if (its !== null && device_id >= 0) {
    const nvec = kind === "msix" ? pci_msix_vec_count(pdev) : pci_msi_vec_count(pdev);
    const its_dev = its_find_or_create_device(k, its, device_id, nvec);
    if (typeof its_dev === "number") return its_dev;
    const irqs = k.ops.its_irq_domain_alloc(k, its, its_dev, pdev.dev, msi, n);
    if (typeof irqs === "number") return irqs;
    return { hwirq: irqs.event, intid: its_dev.lpi_base + irqs.event, msi };
  }
  if (v2m !== null) {
    const spi = k.ops.gicv2m_irq_domain_alloc(k, v2m, pdev.dev, msi, n);
    return spi < 0 ? spi : { hwirq: spi, intid: spi, msi };
  }
  if (x86 !== null) {
    const hwirq = x86_irq_domain_alloc(k, x86, n);
    const intid = hwirq < 0 ? hwirq : x86_vector_alloc(k, x86, hwirq, n);
    return intid < 0 ? intid : { hwirq, intid, msi };
  }
  k.check(false, "the function has an MSI controller");
  return -errno.ENODEV;
}

/** The message of a vector as it must stand in the device. */
export function pci_compose_msi_msg(k: Kernel, desc: IrqDesc): MsiMsg {
  const { its, v2m, x86 } = the_platform(k).irq;
  if (its !== null) return its_irq_compose_msi_msg(its, desc.msi, desc.hwirq);
  if (v2m !== null) return gicv2m_compose_msi_msg(v2m, desc.msi, desc.hwirq);
  if (x86 !== null) return x86_compose_msi_msg(x86, desc.hwirq);
  throw new Error("an MSI without controller");
}

/** Switches the interrupt on or off at the controller. */
function activate(k: Kernel, pdev: PciDev, desc: IrqDesc, on: boolean): void {
  const { its, x86 } = the_platform(k).irq;
  if (x86 !== null) return x86_irq_activate(k, x86, pdev, desc, on);
  const dev = its?.devices.get(pdev.hw.desc.msiDeviceId);
  if (its === null || dev === undefined) return;
  if (on) {
    its_irq_domain_activate(k, its, dev, desc.hwirq);
    its_lpi_update_config(k, its, dev, desc.hwirq, true);
  } else {
    its_lpi_update_config(k, its, dev, desc.hwirq, false);
    its_irq_domain_deactivate(k, its, dev, desc.hwirq);
  }
}

function domain_free(k: Kernel, pdev: PciDev, desc: IrqDesc): void {
  const { its, v2m, x86 } = the_platform(k).irq;
  const dev = its?.devices.get(pdev.hw.desc.msiDeviceId);
  if (dev !== undefined) its_irq_domain_free({ dev, event: desc.hwirq, n: 1 });
  else if (v2m !== null) gicv2m_irq_domain_free(v2m, desc.hwirq, 1);
  else if (x86 !== null) x86_irq_domain_free(x86, desc.hwirq, desc.intid);
}

/** CPU address of a word of an MSI-X table entry. */
function msix_entry(pdev: PciDev, index: number, word: number): number {
  const place = pdev.hw.msix?.place;
  if (place === undefined) throw new Error(`${pdev.bdf} has no MSI-X`);
  return pdev.hw.barAddress(place.tableBar) + place.tableOffset + index * MSIX_ENTRY_BYTES + 4 * word;
}

/** Puts a message into the MSI-X entry or the MSI capability, which has that of the first vector alone. */
export function pci_write_msi_msg(k: Kernel, pdev: PciDev, kind: "msi" | "msix", index: number, msg: MsiMsg): void {
  if (pdev.hw.config.absent || (kind === "msi" && index !== 0)) return;
  const lo = Number(msg.address & 0xffff_ffffn);
  const hi = Number(msg.address >> 32n);
  if (kind === "msix") {
    const machine = the_machine(k);
    machine.write32(msix_entry(pdev, index, 0), lo);
    machine.write32(msix_entry(pdev, index, 1), hi);
    machine.write32(msix_entry(pdev, index, 2), msg.data);
    return;
  }
  const { config } = pdev.hw;
  const cap = config.find(CAP.MSI);
  config.write(cap + 4, 4, lo);
  const wide = (config.read(cap + 2, 2) & 0x80) !== 0;
  if (wide) config.write(cap + 8, 4, hi);
  config.write(cap + (wide ? 12 : 8), 2, msg.data);
}

function msix_mask(k: Kernel, pdev: PciDev, index: number, masked: boolean): void {
  if (pdev.hw.config.absent) return;
  the_machine(k).write32(msix_entry(pdev, index, 3), masked ? ENTRY_MASKED : 0);
}

function update_flags(pdev: PciDev, cap: number, clear: number, set: number): void {
  const { config } = pdev.hw;
  config.write(cap + 2, 2, (config.read(cap + 2, 2) & ~clear) | set);
}

/**
 * `pci_alloc_irq_vectors` for 1 to `most` vectors: how many there are now. -EINVAL: enabled already, or no MSI controller
 * (-ENODEV where ACPI describes the machine); -ENOSPC: none could be set up, whatever the reason. A set-up that fails half
 * way is tried again with what had succeeded.
 */
export function pci_alloc_irq_vectors(k: Kernel, pdev: PciDev, kind: "msi" | "msix", most: number): number {
  if (pdev.msi !== null) return -errno.EINVAL;
  const { its, v2m, x86 } = the_platform(k).irq;
  const controller = its !== null || v2m !== null || x86 !== null;
  // A bus whose device tree names no MSI controller has no MSIs at all; else the PCI core finds out when it sets up.
  const described = the_machine(k).desc.firmware?.kind === "acpi";
  if (!k.check(controller, "the machine has an MSI controller")) return described ? -errno.ENODEV : -errno.EINVAL;
  const have = kind === "msix" ? pci_msix_vec_count(pdev) : pci_msi_vec_count(pdev);
  if (!k.check(have > 0, "the function has the capability")) return -errno.EINVAL;
  for (let n = Math.min(most, have); ;) {
    const got = enable(k, pdev, kind, n);
    if (got <= 0) return got < 0 ? got : n;
    n = got;
  }
}

/** 0, the number of vectors to try instead, or -ENOSPC. */
function enable(k: Kernel, pdev: PciDev, kind: "msi" | "msix", n: number): number {
  const cap = pdev.hw.config.find(kind === "msix" ? CAP.MSIX : CAP.MSI);
  if (kind === "msix") {
    update_flags(pdev, cap, 0, MSIX_ENABLE | MSIX_MASKALL);
    for (let i = 0; i < pci_msix_vec_count(pdev); i++) msix_mask(k, pdev, i, true);
  }
  const irqs = setup_irqs(k, pdev, kind, n);
  if (typeof irqs === "number") {
    if (kind === "msix") update_flags(pdev, cap, MSIX_ENABLE | MSIX_MASKALL, 0);
    return irqs;
  }
  pdev.msi = { kind, irqs };
  pci_intx(pdev, false);
  for (const desc of irqs) pci_write_msi_msg(k, pdev, kind, desc.index, pci_compose_msi_msg(k, desc));
  if (kind === "msix") update_flags(pdev, cap, MSIX_MASKALL, MSIX_ENABLE);
  else update_flags(pdev, cap, 0x70, MSI_ENABLE | (Math.ceil(Math.log2(n)) << 4));
  for (const desc of irqs) activate(k, pdev, desc, true);
  return 0;
}

/** MSI-X vectors are allocated one by one, those of MSI in one aligned run. Irqs, or as `enable`. */
function setup_irqs(k: Kernel, pdev: PciDev, kind: "msi" | "msix", n: number): IrqDesc[] | number {
  const { irq } = the_platform(k);
  const irqs: IrqDesc[] = [];
  const each = kind === "msix" ? 1 : 2 ** Math.ceil(Math.log2(n));
  for (let index = 0; index < n; index += each) {
    const got = domain_alloc(k, pdev, kind, each);
    if (typeof got === "number") {
      const done = irqs.length;
      for (const desc of irqs) release(k, pdev, desc);
      k.note(`${pdev.bdf}: vector ${index} could not be set up (${errnoName(got)}): the PCI core says ENOSPC`);
      if (kind === "msi" && n > 1) return 1;
      return done > 0 ? done : -errno.ENOSPC;
    }
    for (let i = 0; i < Math.min(each, n - index); i++) {
      const { hwirq, intid, msi } = got;
      irqs.push(irq_alloc_desc(irq, { intid: intid + i, hwirq: hwirq + i, dev: pdev.bdf, index: index + i, msi }));
    }
  }
  return irqs;
}

function release(k: Kernel, pdev: PciDev, desc: IrqDesc): void {
  domain_free(k, pdev, desc);
  irq_free_desc(the_platform(k).irq, desc);
}

/** A vector starts (or stops) to be handled: for MSI-X the entry's own mask bit. What was pending comes at once. */
export function pci_irq_unmask(k: Kernel, pdev: PciDev, desc: IrqDesc, on: boolean): void {
  if (pdev.msi?.kind === "msix") msix_mask(k, pdev, desc.index, !on);
  if (on) handle_arch_irq(k);
}

/** Gives all vectors back and switches the capability off. */
export function pci_free_irq_vectors(k: Kernel, pdev: PciDev): void {
  const { msi } = pdev;
  if (msi === null) return;
  const cap = pdev.hw.config.find(msi.kind === "msix" ? CAP.MSIX : CAP.MSI);
  if (msi.kind === "msix") for (const desc of msi.irqs) msix_mask(k, pdev, desc.index, true);
  update_flags(pdev, cap, msi.kind === "msix" ? MSIX_ENABLE : MSI_ENABLE | 0x70, 0);
  pci_intx(pdev, true);
  for (const desc of msi.irqs) {
    activate(k, pdev, desc, false);
    pci_write_msi_msg(k, pdev, msi.kind, desc.index, { address: 0n, data: 0 });
    release(k, pdev, desc);
  }
  pdev.msi = null;
}

/** More vectors can be had while MSI-X is on: on x86. The MSI controllers of Arm set a function up as a whole. */
export function pci_msix_can_alloc_dyn(k: Kernel, pdev: PciDev): boolean {
  return the_platform(k).irq.x86 !== null && pci_msix_vec_count(pdev) > 0;
}

/** One more vector at `index`, while MSI-X is on; it stays until all are given back. */
export function pci_msix_alloc_irq_at(k: Kernel, pdev: PciDev, index: number): IrqDesc | number {
  const { msi } = pdev;
  if (!k.check(msi?.kind === "msix", "MSI-X is on") || msi === null) return -errno.ENXIO;
  const got = domain_alloc(k, pdev, "msix", 1);
  if (typeof got === "number") return got;
  const desc = irq_alloc_desc(the_platform(k).irq, { ...got, dev: pdev.bdf, index });
  msi.irqs.push(desc);
  pci_write_msi_msg(k, pdev, "msix", index, pci_compose_msi_msg(k, desc));
  activate(k, pdev, desc, true);
  return desc;
}
