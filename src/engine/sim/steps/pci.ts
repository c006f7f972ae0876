/** Steps on the PCI bus: cards come and go, registers are written behind the kernel's back. */
import { kernel_after_device_access } from "../../kernel/boot.ts";
import { the_platform } from "../../kernel/platform.ts";
import { sys_open } from "../../kernel/syscall.ts";
import type { Args } from "../args.ts";
import type { Bare, Seen } from "../result.ts";
import type { World, WorldDevice } from "../world.ts";
import { answer } from "./files.ts";

/** Null where the operation is none of these. */
export function runPci(world: World, args: Args): Bare | null {
  switch (args.op.name) {
    case "PCI_HOTPLUG":
      return hotplug(world, args.device());
    case "PCI_REMOVE":
      return remove(world, args.device(), args.word("how") === "surprise");
    case "SETPCI":
      return setpci(world, args);
    case "IOMMU_GROUP":
      return group(world, args.device());
    default:
      return null;
  }
}

function refusal(device: WorldDevice, errno: string): Bare {
  const seen: Record<string, Seen> = { ret: -1n, errno };
  return { outcome: "errno", errno, summary: errno, seen, refs: [`dev:${device.name}`] };
}

function hotplug(world: World, device: WorldDevice): Bare {
  const { machine, kernel: k, vmm } = world;
  const { bdf } = device;
  if (machine.pci.byBdf.has(bdf)) return refusal(device, "EEXIST");
  if (machine.desc.spares?.some((spare) => spare.bdf === bdf) !== true) return refusal(device, "ENODEV");
  machine.plug(bdf);
  const pdev = k.ops.pciehp_configure_device(k, bdf);
  if (typeof pdev === "number") return { ...answer(pdev, "", {}), refs: [`dev:${device.name}`] };
  const node = the_platform(k).vfio.get(bdf)?.node ?? "";
  device.fd = k.devnodes.has(node) ? sys_open(k, vmm, node) : -1;
  return group(world, device);
}

/** Pending: files of the device are open, and the removal waits until they are closed. */
function remove(world: World, device: WorldDevice, surprise: boolean): Bare {
  const { kernel: k, machine } = world;
  const pdev = the_platform(k).pci.get(device.bdf);
  if (pdev === undefined) return refusal(device, "ENODEV");
  if (surprise && !pdev.hw.config.absent) machine.pull(device.bdf);
  const files = k.ops.pci_stop_and_remove_bus_device(k, pdev);
  kernel_after_device_access(k);
  const done = answer(0, files === 0 ? "gone" : "waits for the user", { entries: BigInt(files) });
  return { ...done, outcome: files === 0 ? "ok" : "pending", refs: [`dev:${device.name}`] };
}

function setpci(world: World, args: Args): Bare {
  const at = args.word("at") ?? "";
  const device = world.devices.get(at);
  const f = world.machine.pci.byBdf.get(device?.bdf ?? at);
  const refs = device === undefined ? [] : [`dev:${device.name}`];
  if (f === undefined)
    return {
      ...answer(0, "", {}),
      outcome: "errno",
      errno: "ENODEV",
      summary: "ENODEV",
      seen: { ret: -1n, errno: "ENODEV" },
      refs,
    };
  const size = args.num("size", 4);
  const reg = args.num("reg", 0);
  f.config.write(reg, size, args.num("value", 0));
  const now = f.config.read(reg, size);
  return { ...answer(0, `0x${now.toString(16)}`, { value: BigInt(now) }), refs };
}

function group(world: World, device: WorldDevice): Bare {
  const found = world.kernel.platform?.pci.get(device.bdf)?.dev.iommu_group ?? null;
  if (found === null) return refusal(device, "ENOENT");
  const members = found.devices.length;
  const why = found.reasons.get(device.bdf) ?? "";
  world.kernel.note(`${device.bdf} is in group ${found.id}: ${why}`);
  const summary = `group ${found.id}, ${members === 1 ? "alone" : `${members} members`}`;
  return { ...answer(0, summary, { id: BigInt(found.id), members: BigInt(members) }), refs: [`dev:${device.name}`] };
}
