/** Nothing is left when the objects are gone. */
import { objectsOf } from "../../views/context.ts";
import type { World } from "../../sim/world.ts";
import type { Invariant } from "./types.ts";

/** Objects that a process makes and destroys; a bound device is none. */
function emptied(world: World): boolean {
  for (const ctx of world.kernel.iommufd.ctxs)
    for (const object of ctx.objects.values()) if (object.kind !== "DEVICE") return false;
  return true;
}

function left(world: World): string | null {
  const { kernel: k, vmm } = world;
  if (k.mm.pins.total !== 0) return `${k.mm.pins.total} pages stay pinned`;
  if (k.iommufd.page_stores !== 0) return `${k.iommufd.page_stores} backing stores stay`;
  if (vmm.mm.pinned_vm !== 0) return `${vmm.mm.pinned_vm} pages stay charged to the process`;
  for (const user of k.mm.users.values())
    if (user.locked_vm !== 0) return `${user.locked_vm} pages stay charged to the user`;
  for (const idev of objectsOf(world, "DEVICE"))
    if (idev.users !== 2) return `device ${idev.id} keeps ${idev.users - 2} users`;
  return null;
}

export const nothingLeaks: Invariant = Object.freeze<Invariant>({
  id: "nothing-leaks",
  title: "nothing leaks",
  says: "After all objects are destroyed no page is pinned or charged and no device is in use.",
  broken: (world) => (emptied(world) ? left(world) : null),
});
