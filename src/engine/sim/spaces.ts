/** Address spaces of the interfaces of 2021, for pictures and results. */
import type { ForeignDevice, ForeignFile, ForeignSpace } from "../kernel/foreign_api.ts";
import type { Ref } from "../views/types.ts";
import { apiPath } from "./api_node.ts";
import type { GuestTable } from "./guest.ts";
import type { World } from "./world.ts";

export interface OpenSpace {
  /** `space:3/1`: descriptor and number. */
  ref: Ref;
  /** `space 1`, `fd 6 space 0`. */
  title: string;
  fd: number;
  space: ForeignSpace;
}

/** A context descriptor of a guest's linear table. */
const CD_BYTES = 64n;

/** Open files of the kernel's design, lowest descriptor first; none where there is iommufd. */
export function foreignFiles(world: World): { fd: number; file: ForeignFile }[] {
  const files = world.kernel.devnodes.get(apiPath(world.kernel))?.files ?? [];
  const fds = [...world.vmm.fds].sort(([a], [b]) => a - b);
  return fds.flatMap(([fd, open]) => {
    const file = files.find((f) => f.file === open);
    return file === undefined ? [] : [{ fd, file }];
  });
}

export function openSpaces(world: World): OpenSpace[] {
  return foreignFiles(world).flatMap(({ fd, file }) =>
    [...file.spaces.values()].map((space) => ({
      ref: `space:${fd}/${space.id}`,
      title: fd === world.iommufd ? `space ${space.id}` : `fd ${fd} space ${space.id}`,
      fd,
      space,
    })),
  );
}

/** Null: the device is in nobody's hands. */
export function foreignDevice(world: World, bdf: string): ForeignDevice | null {
  const bound = world.kernel.devnodes.get(apiPath(world.kernel))?.bound ?? [];
  return bound.find((d) => d.vdev.pdev.dev.name === bdf) ?? null;
}

/** Id of the track of a space's page table. */
export function spaceTable(ref: Ref): string {
  return `${ref}:table`;
}

interface Through {
  space: OpenSpace;
  /** Track of the page table that its requests end in; null where there is none. */
  tableTrack: string | null;
  guest: GuestTable | null;
}

/** What a device's requests go through by way of a design; null: it is attached to nothing. */
export function throughSpace(world: World, bdf: string, pasid = 0): Through | null {
  const all = openSpaces(world);
  const at = (p: number): OpenSpace | undefined =>
    all.find(({ space }) => space.attached.some((a) => a.pasid === p && a.device.vdev.pdev.dev.name === bdf));
  const own = at(pasid);
  const space = own ?? at(0);
  if (space === undefined) return null;
  const { table, parent } = space.space;
  if (own === undefined && table === null) return null;
  const below = parent === null ? space : all.find((s) => s.space === parent);
  const cd = table === null ? null : table.address + (own === undefined ? BigInt(pasid) * CD_BYTES : 0n);
  const guest = cd === null ? null : ([...world.guestTables.values()].findLast((t) => t.cd === cd) ?? null);
  const tableTrack = below === undefined || below.space.domain === null ? null : spaceTable(below.ref);
  return { space, tableTrack, guest };
}
