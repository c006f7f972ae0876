/** Calls on a VFIO device that VMMs make and scenarios rarely need: every use of SET_IRQS, BARs as files. */
import { sys_eventfd } from "../../kernel/eventfd.ts";
import { sys_close } from "../../kernel/syscall.ts";
import { encodeInto } from "../../uapi/codec.ts";
import { defineIoctl, s32, u32, u64 } from "../../uapi/layout.ts";
import { IRQ_SET_FLAGS as F, VFIO_DEVICE_FEATURE, VFIO_DEVICE_SET_IRQS } from "../../uapi/vfio.ts";
import type { Args } from "../args.ts";
import type { Bare } from "../result.ts";
import type { World } from "../world.ts";
import { answer } from "./files.ts";
import { ioctl } from "./ioctl.ts";

/** Null where the operation is none of these. */
export function runDeviceFile(world: World, args: Args): Bare | null {
  if (args.op.name === "IRQ_ACTION") return irqAction(world, args);
  return args.op.name === "EXPORT_BAR" ? exportBar(world, args) : null;
}

/** What each use says: kind of data, action, and whether there are eventfds (`new`), none (-1), or no data. */
const USES: Readonly<Record<string, readonly [flags: number, data: "new" | "none" | "minus"]>> = Object.freeze({
  trigger: [F.DATA_EVENTFD | F.ACTION_TRIGGER, "new"],
  mask: [F.DATA_NONE | F.ACTION_MASK, "none"],
  unmask: [F.DATA_NONE | F.ACTION_UNMASK, "none"],
  resample: [F.DATA_EVENTFD | F.ACTION_UNMASK, "new"],
  clear: [F.DATA_EVENTFD | F.ACTION_TRIGGER, "minus"],
  off: [F.DATA_NONE | F.ACTION_TRIGGER, "none"],
});

function irqAction(world: World, args: Args): Bare {
  const device = args.device();
  const how = args.word("how") ?? "trigger";
  const [flags, data] = USES[how] ?? [0, "none"];
  const count = args.num("count", how === "off" ? 0 : 1);
  const fds = Array.from({ length: data === "none" ? 0 : count }, () =>
    data === "new" ? sys_eventfd(world.kernel, world.vmm) : -1,
  );
  const base = VFIO_DEVICE_SET_IRQS;
  const fields = Object.fromEntries(fds.map((_, i) => [`data[${i}]`, s32(base.size + 4 * i, { kind: "fd" })]));
  const size = base.size + 4 * fds.length;
  const bytes = new Uint8Array(size);
  const head = { argsz: size, flags, index: args.num("index", 0), start: args.num("start", 0), count };
  encodeInto(base, bytes, head);
  fds.forEach((fd, i) => new DataView(bytes.buffer).setInt32(base.size + 4 * i, fd, true));
  const def = defineIoctl({ ...base, size }, { ...base.fields, ...fields });
  const { ret, call } = ioctl(world, device.fd, def, bytes);
  if (ret < 0) for (const fd of fds) if (fd >= 0) sys_close(world.kernel, world.vmm, fd);
  return { ...answer(ret, "0", {}), refs: [`dev:${device.name}`], call };
}

const FEATURE_GET_DMA_BUF = 0x10000 | 11;
const O_RDWR = 2;

function exportBar(world: World, args: Args): Bare {
  const device = args.device();
  const base = VFIO_DEVICE_FEATURE;
  const at = base.size;
  const size = at + 32;
  const def = defineIoctl(
    { ...base, size },
    {
      ...base.fields,
      region_index: u32(at),
      open_flags: u32(at + 4),
      range_flags: u32(at + 8),
      nr_ranges: u32(at + 12),
      offset: u64(at + 16),
      length: u64(at + 24, { kind: "length" }),
    },
  );
  const bytes = new Uint8Array(size);
  encodeInto(def, bytes, {
    argsz: size,
    flags: FEATURE_GET_DMA_BUF,
    region_index: args.num("bar", 0),
    open_flags: O_RDWR,
    nr_ranges: 1,
    offset: args.big("offset", 0n),
    length: args.big("len", 0n),
  });
  const { ret, call } = ioctl(world, device.fd, def, bytes);
  return { ...answer(ret, `fd ${ret}`, ret < 0 ? {} : { id: BigInt(ret) }), refs: [`dev:${device.name}`], call };
}
