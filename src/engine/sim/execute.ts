/** Runs one step of a scenario in a world. The only place that knows which file runs which operation. */
import { Args } from "./args.ts";
import { kernel_after_device_access } from "../kernel/boot.ts";
import type { TraceEntry } from "../kernel/trace.ts";
import { contextOf, deviceNames } from "./refs.ts";
import type { Bare, StepResult } from "./result.ts";
import type { Step } from "./scenario/types.ts";
import { runAdmin } from "./steps/admin.ts";
import { runDevice } from "./steps/device.ts";
import { runClose, runOpen } from "./steps/files.ts";
import { runGuest } from "./steps/guest.ts";
import { runIoctl } from "./steps/ioctl.ts";
import { runLate } from "./steps/late.ts";
import { repeat, timesOf } from "./steps/many.ts";
import { runBind, runReset, runSetIrqs } from "./steps/vfio.ts";
import { traced } from "./traced.ts";
import type { World } from "./world.ts";

/** `watch`: record the trace, which the result then holds. The world is the same afterwards either way. */
export function execute(world: World, step: Step, watch: boolean): StepResult {
  const args = new Args(world, step);
  const run = (): Bare => {
    const result = runStep(world, args);
    // Whatever answered a held access let it go on: the kernel handles what that caused.
    if (world.actors.held.size > 0) kernel_after_device_access(world.kernel);
    return result;
  };
  const { value: first, trace } = watch ? traced(world.kernel, world.machine, run) : { value: run(), trace: [] };
  // Of many calls the first one is watched.
  const value = timesOf(args) > 1 ? repeat(world, args, args.num("iommufd", world.iommufd), first) : first;
  if (step.label !== undefined) {
    const id = value.seen["id"];
    const fd = value.seen["fd"];
    const named = { what: args.op.makes ?? "", id: typeof id === "bigint" ? Number(id) : 0 };
    world.names.set(step.label, typeof fd === "bigint" ? { ...named, fd: Number(fd) } : named);
  }
  const told = trace.filter((e) => step.actor !== "vmm" || !isCopy(e)).map((e) => withNames(world, e));
  return { ...value, args: args.text(), trace: told };
}

/** The program and the kernel copying a struct: the bytes stand in the result. */
function isCopy(e: TraceEntry): boolean {
  return e.t === "mem" && e.who === "cpu" && e.what.endsWith(" bytes");
}

/** Kernel words with the scenario's device names in the place of PCI addresses. */
function withNames(world: World, e: TraceEntry): TraceEntry {
  if (e.t === "note" || e.t === "msi") return { ...e, what: deviceNames(world, e.what) };
  if (e.t === "enter") return { ...e, args: e.args.map((a) => deviceNames(world, a)) };
  if (e.t !== "check") return e;
  const what = deviceNames(world, e.what);
  if (e.detail?.hits === undefined) return { ...e, what };
  const hits = e.detail.hits.map((h) => Object.assign(h, { label: deviceNames(world, h.label) }));
  return { ...e, what, detail: { ...e.detail, hits } };
}

function runStep(world: World, args: Args): Bare {
  const { op } = args;
  const late = runLate(world, args);
  if (late !== null) return late;
  if (op.actor === "guest") return runGuest(world, args);
  if (op.actor === "device") return runDevice(world, args);
  if (op.actor === "admin") return runAdmin(world, args);
  switch (op.name) {
    case "VFIO_DEVICE_BIND_IOMMUFD":
      return runBind(world, args);
    case "VFIO_DEVICE_SET_IRQS":
      return runSetIrqs(world, args);
    case "VFIO_DEVICE_RESET":
      return runReset(world, args);
    case "OPEN":
      return runOpen(world, args);
    case "CLOSE":
      return runClose(world, args);
    default:
      return op.def?.on === "vfio-device"
        ? runIoctl(world, args, args.device().fd, boundTo(world, args))
        : runIoctl(world, args, args.num("iommufd", world.iommufd));
  }
}

/** The iommufd that a device is bound to; its ids are the ones that the call speaks of. */
function boundTo(world: World, args: Args): number {
  const { id } = args.device();
  for (const fd of world.vmm.fds.keys()) if (id !== 0 && contextOf(world, fd)?.objects.has(id) === true) return fd;
  return world.iommufd;
}
