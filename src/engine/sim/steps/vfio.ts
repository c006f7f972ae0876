/** Steps on a VFIO device that are more than their ioctl. */
import { messageOf } from "../../../hw/pci/msi.ts";
import { sys_eventfd } from "../../kernel/eventfd.ts";
import { sys_close } from "../../kernel/syscall.ts";
import { IRQ } from "../../kernel/vfio/vfio_pci.ts";
import { encodeInto } from "../../uapi/codec.ts";
import { errnoName } from "../../uapi/errno.ts";
import { defineIoctl, s32 } from "../../uapi/layout.ts";
import { IRQ_SET_FLAGS, VFIO_DEVICE_RESET, VFIO_DEVICE_SET_IRQS } from "../../uapi/vfio.ts";
import type { Args } from "../args.ts";
import type { Bare, Seen } from "../result.ts";
import type { World, WorldDevice } from "../world.ts";
import { answer } from "./files.ts";
import { ioctl, runIoctl } from "./ioctl.ts";
import { setMaster } from "./master.ts";
import { sys_ioctl } from "../../kernel/syscall.ts";

/** Bind; then the program lets the device master the bus, as a VMM does when the guest's driver asks for it. */
export function runBind(world: World, args: Args): Bare {
  const device = args.device();
  const iommufd = args.num("iommufd", world.iommufd);
  const bound = runIoctl(world, args, device.fd, iommufd, { iommufd: BigInt(iommufd) });
  if (bound.outcome !== "ok") return bound;
  const id = bound.seen["id"];
  device.id = typeof id === "bigint" ? Number(id) : 0;
  setMaster(world, device);
  return bound;
}

export const KINDS: Readonly<Record<string, number>> = Object.freeze({ INTX: IRQ.INTX, MSI: IRQ.MSI, MSIX: IRQ.MSIX });

/** Enables vectors with a new eventfd each, or disables all. */
export function runSetIrqs(world: World, args: Args): Bare {
  const device = args.device();
  const index = args.num("index", KINDS["MSI"] ?? 1);
  const off = args.word("off") === "off";
  const start = args.num("start", 0);
  const count = off ? 0 : args.num("count", 1);
  const fds = Array.from({ length: count }, () => sys_eventfd(world.kernel, world.vmm));
  const { def, bytes } = irqSet(index, off ? 0 : start, off ? [] : fds);
  const { ret, call } = ioctl(world, device.fd, def, bytes);
  const failed = ret !== 0;
  if (failed) for (const fd of fds) sys_close(world.kernel, world.vmm, fd);
  if (!failed && off) {
    for (const fd of device.eventfds) sys_close(world.kernel, world.vmm, fd);
    device.eventfds = [];
  } else if (!failed) device.eventfds = [...device.eventfds.slice(0, start), ...fds];
  const errno = ret < 0 ? errnoName(ret) : "ok";
  const seen: Record<string, Seen> = { ret: BigInt(ret), errno };
  const msi = off || failed ? null : messageAddress(world, device, start);
  if (msi !== null) seen["msi"] = msi;
  const summary = ret < 0 ? errno : ret > 0 ? `only ${ret} vectors` : "0";
  return { outcome: failed ? "errno" : "ok", errno, summary, seen, refs: [`dev:${device.name}`], call };
}

/** The struct with its array of eventfds: `data[]` becomes fields, so that the inspector shows them. */
function irqSet(
  index: number,
  start: number,
  fds: readonly number[],
): { def: typeof VFIO_DEVICE_SET_IRQS; bytes: Uint8Array } {
  const base = VFIO_DEVICE_SET_IRQS;
  const data = Object.fromEntries(fds.map((_, i) => [`data[${i}]`, s32(base.size + 4 * i, { kind: "fd" })]));
  const size = base.size + 4 * fds.length;
  const def = defineIoctl({ ...base, size }, { ...base.fields, ...data });
  const bytes = new Uint8Array(size);
  const kind = fds.length === 0 ? IRQ_SET_FLAGS.DATA_NONE : IRQ_SET_FLAGS.DATA_EVENTFD;
  encodeInto(base, bytes, { argsz: size, flags: kind | IRQ_SET_FLAGS.ACTION_TRIGGER, index, start, count: fds.length });
  fds.forEach((fd, i) => new DataView(bytes.buffer).setInt32(base.size + 4 * i, fd, true));
  return { def, bytes };
}

/** The address in the device's MSI capability or MSI-X entry; null when the vector cannot fire. */
export function messageAddress(world: World, device: WorldDevice, vector: number): bigint | null {
  const f = world.machine.pci.byBdf.get(device.bdf);
  const message = f === undefined ? "" : messageOf(f.config, f.msix, vector);
  return typeof message === "string" ? null : (BigInt(message.hi) << 32n) | BigInt(message.lo);
}

export function runReset(world: World, args: Args): Bare {
  const ret = sys_ioctl(world.kernel, world.vmm, args.device().fd, VFIO_DEVICE_RESET.cmd, 0n);
  return { ...answer(ret, "0", {}), refs: [`dev:${args.device().name}`] };
}
