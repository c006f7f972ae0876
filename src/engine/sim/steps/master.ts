/** Bus mastering, which a device needs before it may write anything. */
import { CMD_MASTER, PCI } from "../../../hw/pci/regs.ts";
import { copy_from_mm, copy_to_mm } from "../../kernel/mm/uaccess.ts";
import { sys_read, sys_write } from "../../kernel/syscall.ts";
import { REGION, REGION_SHIFT } from "../../kernel/vfio/vfio_pci.ts";
import type { World, WorldDevice } from "../world.ts";

/** As a VMM does when the guest's driver asks for it. */
export function setMaster(world: World, device: WorldDevice): void {
  const { kernel: k, vmm } = world;
  const pos = (BigInt(REGION.CONFIG) << REGION_SHIFT) + BigInt(PCI.COMMAND);
  k.note("the program sets bus master in the device's configuration space");
  sys_read(k, vmm, device.fd, world.scratch, 2, pos);
  const command = new Uint8Array(2);
  copy_from_mm(k, vmm.mm, world.scratch, command);
  command[0] = (command[0] ?? 0) | CMD_MASTER;
  copy_to_mm(k, vmm.mm, world.scratch, command);
  sys_write(k, vmm, device.fd, world.scratch, 2, pos);
}
