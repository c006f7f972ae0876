/** Names of things in the world, the same in every view: `dev:D1`, `ioas:2`, `hwpt:3`, `viommu:4`. */
import { IommufdCtx, type IommufdObject } from "../kernel/iommufd/objects.ts";
import type { Ref } from "../views/types.ts";
import type { World } from "./world.ts";

/** The iommufd context behind a file descriptor of the VMM. */
export function contextOf(world: World, fd: number): IommufdCtx | null {
  const data = world.vmm.fds.get(fd)?.private_data ?? null;
  return data instanceof IommufdCtx ? data : null;
}

/** Every open iommufd of the VMM, lowest descriptor first. */
export function contexts(world: World): { fd: number; ctx: IommufdCtx }[] {
  const found: { fd: number; ctx: IommufdCtx }[] = [];
  for (const fd of [...world.vmm.fds.keys()].sort((a, b) => a - b)) {
    const ctx = contextOf(world, fd);
    if (ctx !== null) found.push({ fd, ctx });
  }
  return found;
}

/** Objects of the first context have bare ids, those of another carry its descriptor: `ioas:2`, `ioas:5/2`. */
export function refOf(world: World, object: IommufdObject): Ref {
  if (object.kind === "DEVICE") return devRef(world, object.dev.name);
  const fd = contexts(world).find((c) => c.ctx === object.ictx)?.fd ?? world.iommufd;
  const id = fd === world.iommufd ? String(object.id) : `${fd}/${object.id}`;
  return `${refKind(object)}:${id}`;
}

/** `dev:D1` for a device of the scenario, `dev:0000:00:05.0` for another. */
export function devRef(world: World, bdf: string): Ref {
  for (const d of world.devices.values()) if (d.bdf === bdf) return `dev:${d.name}`;
  return `dev:${bdf}`;
}

export function refKind(object: IommufdObject): string {
  switch (object.kind) {
    case "HWPT_PAGING":
    case "HWPT_NESTED":
      return "hwpt";
    default:
      return object.kind.toLowerCase();
  }
}

/** Finds the object that a ref names; null when it is gone. */
export function objectOf(world: World, ref: Ref): IommufdObject | null {
  const m = /^([a-z_]+):(?:(\d+)\/)?(\d+)$/.exec(ref);
  if (m === null) return null;
  const ctx = contextOf(world, m[2] === undefined ? world.iommufd : Number(m[2]));
  const object = ctx?.objects.get(Number(m[3])) ?? null;
  return object !== null && refKind(object) === m[1] ? object : null;
}

/** Words with the scenario's device names in the place of PCI addresses. */
export function deviceNames(world: World, text: string): string {
  let out = text;
  for (const d of world.devices.values()) out = out.replaceAll(d.bdf, d.name);
  return out;
}
