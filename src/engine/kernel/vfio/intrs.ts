/** VFIO_DEVICE_SET_IRQS. Source: linux 7.2 drivers/vfio/pci/vfio_pci_intrs.c, vfio_main.c. */
import { errno } from "../../uapi/errno.ts";
import { decode } from "../../uapi/codec.ts";
import { IRQ_SET_FLAGS, VFIO_DEVICE_SET_IRQS } from "../../uapi/vfio.ts";
import { EventfdCtx, eventfd_ctx_fdget, eventfd_signal } from "../eventfd.ts";
import type { Kernel } from "../kernel.ts";
import { handle_arch_irq } from "../irq/dispatch.ts";
import { free_irq, type IrqDesc, request_irq } from "../irq/irqdesc.ts";
import { copy_from_user } from "../mm/uaccess.ts";
import {
  pci_compose_msi_msg,
  pci_free_irq_vectors,
  pci_irq_unmask,
  pci_msix_alloc_irq_at,
  pci_msix_can_alloc_dyn,
  pci_write_msi_msg,
} from "../pci/msi.ts";
import { pci_intx, pci_is_pcie } from "../pci/pci_dev.ts";
import { the_platform } from "../platform.ts";
import { vfio_copy_args } from "./info.ts";
import { IRQ, NUM_IRQS, vfio_pci_get_irq_count, VfioPciDevice } from "./vfio_pci.ts";

const { DATA_NONE, DATA_BOOL, DATA_EVENTFD, ACTION_MASK, ACTION_UNMASK, ACTION_TRIGGER } = IRQ_SET_FLAGS;
const DATA_TYPES = DATA_NONE | DATA_BOOL | DATA_EVENTFD;
const ACTIONS = ACTION_MASK | ACTION_UNMASK | ACTION_TRIGGER;
const U32_MAX = 0xffffffff;

interface IrqSet {
  flags: number;
  index: number;
  start: number;
  count: number;
  /** One byte or one s32 (eventfd) a vector; empty without data. */
  data: Uint8Array;
}

function bytes_each(flags: number): number {
  switch (flags & DATA_TYPES) {
    case DATA_NONE:
      return 0;
    case DATA_BOOL:
      return 1;
    case DATA_EVENTFD:
      return 4;
    default:
      return -1;
  }
}

/** `vfio_set_irqs_validate_and_prepare`. */
function read_irq_set(k: Kernel, vdev: VfioPciDevice, arg: bigint): IrqSet | number {
  const bytes = vfio_copy_args(k, arg, VFIO_DEVICE_SET_IRQS);
  if (typeof bytes === "number") return bytes;
  const { argsz, flags, index, start, count } = decode(VFIO_DEVICE_SET_IRQS, bytes);
  const plain = index < NUM_IRQS && count < U32_MAX - start && (flags & ~(DATA_TYPES | ACTIONS)) === 0;
  if (!k.check(plain, "known index and flags, start + count does not wrap")) return -errno.EINVAL;
  const have = vfio_pci_get_irq_count(vdev.pdev, index);
  const detail = () => ({ left: `${start} + ${count}`, right: `${have} vectors` });
  if (!k.check(start < have && start + count <= have, "the device has these vectors", detail)) return -errno.EINVAL;
  const each = bytes_each(flags);
  if (!k.check(each >= 0, "one kind of data")) return -errno.EINVAL;
  let data = new Uint8Array(0);
  if (each > 0) {
    const { size } = VFIO_DEVICE_SET_IRQS;
    if (!k.check(argsz - size >= count * each, "argsz covers the data")) return -errno.EINVAL;
    const copied = copy_from_user(k, arg + BigInt(size), count * each);
    if (copied === null) return -errno.EFAULT;
    data = copied.slice();
  }
  return { flags, index, start, count, data };
}

function fd_at(set: IrqSet, i: number): number {
  return new DataView(set.data.buffer, set.data.byteOffset).getInt32(4 * i, true);
}

/** Somebody's interrupt: the eventfd of its vector counts. */
function vfio_msihandler(_k: Kernel, desc: IrqDesc): void {
  if (desc.handler_data instanceof EventfdCtx) eventfd_signal(desc.handler_data);
}

/** Gives one vector a listener, or none with fd < 0. */
function vfio_msi_set_vector_signal(k: Kernel, vdev: VfioPciDevice, vector: number, fd: number): number {
  const { pdev } = vdev;
  let desc = pdev.msi?.irqs.find(({ index }) => index === vector);
  const old = vdev.ctx.get(vector);
  if (old !== undefined) {
    if (desc !== undefined) {
      free_irq(desc);
      pci_irq_unmask(k, pdev, desc, false);
    }
    vdev.ctx.delete(vector);
  }
  if (fd < 0) return 0;
  if (desc === undefined && pdev.msi?.kind === "msix" && pci_msix_can_alloc_dyn(k, pdev)) {
    const more = pci_msix_alloc_irq_at(k, pdev, vector);
    if (typeof more === "number") return more;
    desc = more;
  }
  if (!k.check(desc !== undefined, "the vector was allocated when the interrupts were enabled") || desc === undefined) {
    return -errno.EINVAL;
  }
  if (k.fails()) return -errno.ENOMEM;
  const trigger = eventfd_ctx_fdget(k.current, fd);
  if (typeof trigger === "number") {
    k.check(false, `fd ${fd} is an eventfd`);
    return trigger;
  }
  if (pdev.msi?.kind === "msix") pci_write_msi_msg(k, pdev, "msix", vector, pci_compose_msi_msg(k, desc));
  request_irq(desc, vfio_msihandler, trigger);
  pci_irq_unmask(k, pdev, desc, true);
  vdev.ctx.set(vector, { trigger });
  return 0;
}

/** Listeners for a run of vectors; on an error none of the run has one. */
function vfio_msi_set_block(k: Kernel, vdev: VfioPciDevice, set: IrqSet): number {
  for (let i = 0; i < set.count; i++) {
    const rc = vfio_msi_set_vector_signal(k, vdev, set.start + i, fd_at(set, i));
    if (rc === 0) continue;
    for (let back = set.start; back <= set.start + i; back++) vfio_msi_set_vector_signal(k, vdev, back, -1);
    return rc;
  }
  return 0;
}

/** Allocates `nvec` vectors at once. A positive result: only so many can be had, and none is kept. */
export function vfio_msi_enable(k: Kernel, vdev: VfioPciDevice, nvec: number, msix: boolean): number {
  if (!k.check(vdev.irq_type < 0, "no other kind of interrupt is enabled")) return -errno.EINVAL;
  const got = k.ops.pci_alloc_irq_vectors(k, vdev.pdev, msix ? "msix" : "msi", nvec);
  if (got < nvec) {
    if (got > 0) pci_free_irq_vectors(k, vdev.pdev);
    return got;
  }
  vdev.irq_type = msix ? IRQ.MSIX : IRQ.MSI;
  return 0;
}

function vfio_msi_disable(k: Kernel, vdev: VfioPciDevice): void {
  for (const vector of [...vdev.ctx.keys()]) vfio_msi_set_vector_signal(k, vdev, vector, -1);
  pci_free_irq_vectors(k, vdev.pdev);
  vdev.irq_type = -1;
}

function set_msi_trigger(k: Kernel, vdev: VfioPciDevice, set: IrqSet): number {
  const mine = vdev.irq_type === set.index;
  if (mine && set.count === 0 && (set.flags & DATA_NONE) !== 0) {
    vfio_msi_disable(k, vdev);
    return 0;
  }
  if (!k.check(mine || vdev.irq_type < 0, "no other kind of interrupt is enabled")) return -errno.EINVAL;
  if ((set.flags & DATA_EVENTFD) !== 0) {
    if (mine) return vfio_msi_set_block(k, vdev, set);
    let rc = k.ops.vfio_msi_enable(k, vdev, set.start + set.count, set.index === IRQ.MSIX);
    if (rc !== 0) return rc;
    rc = vfio_msi_set_block(k, vdev, set);
    if (rc !== 0) vfio_msi_disable(k, vdev);
    return rc;
  }
  if (!k.check(mine, "this kind of interrupt is enabled")) return -errno.EINVAL;
  for (let i = 0; i < set.count; i++) {
    const ctx = vdev.ctx.get(set.start + i);
    if (ctx !== undefined && ((set.flags & DATA_NONE) !== 0 || set.data[i] !== 0)) eventfd_signal(ctx.trigger);
  }
  return 0;
}

/** The wire of a level interrupt: the device is made quiet until the program unmasks it. */
function vfio_intx_handler(_k: Kernel, data: object): void {
  if (!(data instanceof VfioPciDevice)) return;
  pci_intx(data.pdev, false);
  data.intx_masked = true;
  const ctx = data.ctx.get(0);
  if (ctx !== undefined) eventfd_signal(ctx.trigger);
}

function set_intx_trigger(k: Kernel, vdev: VfioPciDevice, set: IrqSet): number {
  const mine = vdev.irq_type === IRQ.INTX;
  if (mine && set.count === 0 && (set.flags & DATA_NONE) !== 0) {
    intx_disable(k, vdev);
    return 0;
  }
  const one = set.start === 0 && set.count === 1;
  if (!k.check((mine || vdev.irq_type < 0) && one, "one INTx, and no other kind enabled")) return -errno.EINVAL;
  if ((set.flags & DATA_EVENTFD) !== 0) {
    const fd = fd_at(set, 0);
    const trigger = fd < 0 ? null : eventfd_ctx_fdget(k.current, fd);
    if (typeof trigger === "number") return trigger;
    // The interrupt is requested whether or not somebody listens, and stays so until INTx is disabled.
    vdev.irq_type = IRQ.INTX;
    if (trigger === null) vdev.ctx.delete(0);
    else vdev.ctx.set(0, { trigger });
    the_platform(k).irq.intx.set(vdev.pdev.bdf, { handler: vfio_intx_handler, data: vdev });
    if (!vdev.intx_masked) pci_intx(vdev.pdev, true);
    handle_arch_irq(k);
    return 0;
  }
  if (!k.check(mine, "INTx is enabled")) return -errno.EINVAL;
  const ctx = vdev.ctx.get(0);
  if (ctx !== undefined && ((set.flags & DATA_NONE) !== 0 || set.data[0] !== 0)) eventfd_signal(ctx.trigger);
  return 0;
}

function intx_disable(k: Kernel, vdev: VfioPciDevice): void {
  the_platform(k).irq.intx.delete(vdev.pdev.bdf);
  vdev.intx_masked = false;
  vdev.ctx.clear();
  vdev.irq_type = -1;
  pci_intx(vdev.pdev, true);
}

/** Masking by value; an eventfd that unmasks is remembered by the program alone, nothing here reads it. */
function set_intx_mask(k: Kernel, vdev: VfioPciDevice, set: IrqSet, masked: boolean): number {
  const one = vdev.irq_type === IRQ.INTX && set.start === 0 && set.count === 1;
  if (!k.check(one, "INTx is enabled, one vector")) return -errno.EINVAL;
  if ((set.flags & DATA_EVENTFD) !== 0) {
    const fd = fd_at(set, 0);
    const found = masked || fd < 0 ? 0 : eventfd_ctx_fdget(k.current, fd);
    return masked ? -errno.ENOTTY : typeof found === "number" ? found : 0;
  }
  if ((set.flags & DATA_NONE) !== 0 || set.data[0] !== 0) {
    vdev.intx_masked = masked;
    pci_intx(vdev.pdev, !masked);
    handle_arch_irq(k);
  }
  return 0;
}

/** ERR and REQ: one eventfd each, kept in `which`. */
function set_single(k: Kernel, vdev: VfioPciDevice, which: "err_trigger" | "req_trigger", set: IrqSet): number {
  if (!k.check(set.start === 0 && set.count <= 1, "one vector")) return -errno.EINVAL;
  const old = vdev[which];
  if ((set.flags & DATA_NONE) !== 0) {
    if (old === null) return -errno.EINVAL;
    if (set.count > 0) eventfd_signal(old);
    else vdev[which] = null;
    return 0;
  }
  if (set.count === 0) return -errno.EINVAL;
  if ((set.flags & DATA_BOOL) !== 0) {
    if (old !== null && set.data[0] !== 0) eventfd_signal(old);
    return 0;
  }
  const fd = fd_at(set, 0);
  if (fd === -1) vdev[which] = null;
  else if (fd >= 0) {
    const trigger = eventfd_ctx_fdget(k.current, fd);
    if (typeof trigger === "number") return trigger;
    vdev[which] = trigger;
  }
  return 0;
}

function apply(k: Kernel, vdev: VfioPciDevice, set: IrqSet): number {
  const action = set.flags & ACTIONS;
  switch (set.index) {
    case IRQ.INTX:
      if (action === ACTION_TRIGGER) return set_intx_trigger(k, vdev, set);
      if (action === ACTION_MASK || action === ACTION_UNMASK)
        return set_intx_mask(k, vdev, set, action === ACTION_MASK);
      return -errno.ENOTTY;
    case IRQ.MSI:
    case IRQ.MSIX:
      return action === ACTION_TRIGGER ? set_msi_trigger(k, vdev, set) : -errno.ENOTTY;
    case IRQ.ERR:
      return action === ACTION_TRIGGER && pci_is_pcie(vdev.pdev)
        ? set_single(k, vdev, "err_trigger", set)
        : -errno.ENOTTY;
    case IRQ.REQ:
      return action === ACTION_TRIGGER ? set_single(k, vdev, "req_trigger", set) : -errno.ENOTTY;
    default:
      return -errno.ENOTTY;
  }
}

export function vfio_pci_ioctl_set_irqs(k: Kernel, vdev: VfioPciDevice, arg: bigint): number {
  const set = read_irq_set(k, vdev, arg);
  return typeof set === "number" ? set : apply(k, vdev, set);
}

/** Whatever is enabled goes. */
export function vfio_pci_disable_irqs(k: Kernel, vdev: VfioPciDevice): void {
  if (vdev.irq_type === IRQ.INTX) intx_disable(k, vdev);
  else if (vdev.irq_type >= 0) vfio_msi_disable(k, vdev);
}
