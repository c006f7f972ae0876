/** Every page table of a world with what it holds: the hwpts' own, and the guest's stage 1 in guest memory. */
import { guestToUser } from "../../sim/guest.ts";
import { refOf } from "../../sim/refs.ts";
import type { World } from "../../sim/world.ts";
import { objectsOf, pgtableOf, userToPhys } from "../context.ts";
import { type LeafRun, leafRuns, leaves, type TableShape } from "../leaves.ts";

export interface TableView {
  kind: "guest" | "hwpt";
  ref: string;
  /** Id of its track. */
  track: string;
  title: string;
  /** Where it starts: physical, or guest-physical for the guest's. */
  address: bigint;
  runs: LeafRun[];
}

/** The guest's tables first, then the hwpts by id. */
export function tablesOf(world: World): TableView[] {
  return [...guestTables(world), ...hwptTables(world)];
}

/** The guest's tables start at level 0: 48 bits in, 4K granule. */
export function guestShape(root: bigint): TableShape {
  return { root: Number(root), stage: 1, granule: 12, startLevel: 0, topEntries: 512 };
}

/** Physical address of a guest-physical one, through the VMM's memory. */
export function guestToPhys(world: World, ipa: number): number | null {
  const va = guestToUser(world, BigInt(ipa));
  return va === null ? null : userToPhys(world, va);
}

function guestTables(world: World): TableView[] {
  return [...world.guestTables.values()].map((t) => ({
    kind: "guest",
    ref: `s1:${t.name}`,
    track: `s1:${t.name}`,
    title: world.guestTables.size === 1 ? "S1" : t.name,
    address: t.cd,
    runs: leafRuns(
      leaves(world.machine.mem, guestShape(t.root), (ipa) => guestToPhys(world, ipa)),
      1,
    ),
  }));
}

function hwptTables(world: World): TableView[] {
  return objectsOf(world, "HWPT_PAGING").flatMap((hwpt) => {
    const table = pgtableOf(hwpt.domain);
    if (table === null) return [];
    const { stage } = table.cfg;
    const shape: TableShape = {
      root: table.pgd,
      stage,
      granule: table.geo.pg_shift,
      startLevel: table.geo.start_level,
      topEntries: 2 ** table.geo.pgd_bits,
    };
    const ref = refOf(world, hwpt);
    return [
      {
        kind: "hwpt" as const,
        ref,
        track: `${ref}:table`,
        title: ref.replace(":", " "),
        address: BigInt(table.pgd),
        runs: leafRuns(
          leaves(world.machine.mem, shape, (pa) => pa),
          stage,
        ),
      },
    ];
  });
}
