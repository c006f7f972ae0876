/** Every page table of a world with what it holds: the hwpts' own, and the guest's stage 1 in guest memory. */
import type { IommuDomain } from "../../kernel/iommu/types.ts";
import { containers, containerTable } from "../../sim/containers.ts";
import { guestToUser } from "../../sim/guest.ts";
import { refOf } from "../../sim/refs.ts";
import { openSpaces, spaceTable } from "../../sim/spaces.ts";
import type { World } from "../../sim/world.ts";
import { objectsOf, shapeOfDomain, userToPhys, type ViewContext } from "../context.ts";
import { type LeafRun, readRuns, type RunColumns, type TableShape } from "../leaves.ts";
import { DENSE } from "./spans.ts";

export interface TableView {
  kind: "guest" | "hwpt";
  ref: string;
  /** Id of its track. */
  track: string;
  title: string;
  /** Where it starts: physical, or guest-physical for the guest's. */
  address: bigint;
  /** Empty when there are more than DENSE: then `columns` has them. */
  runs: LeafRun[];
  columns: RunColumns;
}

/** The tables of the world after the step; read once. */
export function tablesIn(ctx: ViewContext): TableView[] {
  ctx.tables ??= tablesOf(ctx.world);
  return ctx.tables;
}

/** Every contiguous part of every run: first address, one past the last, and where it leads. */
export function eachPart({ columns: c }: TableView, told: (start: number, end: number, out: number) => void): void {
  for (let i = 0; i < c.n; i++) {
    const to = c.part[i + 1] ?? 0;
    for (let p = c.part[i] ?? 0; p < to; p++)
      told(c.partStart[p] ?? 0, p + 1 < to ? (c.partStart[p + 1] ?? 0) : (c.end[i] ?? 0), c.partOut[p] ?? 0);
  }
}

function listed(columns: RunColumns): LeafRun[] {
  return columns.n > DENSE ? [] : Array.from({ length: columns.n }, (_, i) => columns.run(i));
}

/** The guest's tables first, then the hwpts by id, then those of containers and of the designs of 2021. */
export function tablesOf(world: World): TableView[] {
  return [...guestTables(world), ...hwptTables(world), ...containerTables(world), ...spaceTables(world)];
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
  return [...world.guestTables.values()].map((t) => {
    const columns = readRuns(world.machine.mem, guestShape(t.root), (ipa) => guestToPhys(world, ipa));
    const title = world.guestTables.size === 1 ? "S1" : t.name;
    const ref = `s1:${t.name}`;
    return { kind: "guest", ref, track: ref, title, address: t.cd, runs: listed(columns), columns };
  });
}

function hwptTables(world: World): TableView[] {
  return objectsOf(world, "HWPT_PAGING").flatMap((hwpt) => {
    const ref = refOf(world, hwpt);
    return pagingTable(world, hwpt.domain, ref, `${ref}:table`, ref.replace(":", " "));
  });
}

/** The tables of VFIO's own containers. */
function containerTables(world: World): TableView[] {
  return containers(world).flatMap((one) =>
    one.type1.domains.flatMap(({ domain }, i) =>
      pagingTable(world, domain, one.ref, containerTable(one, i), one.title),
    ),
  );
}

function spaceTables(world: World): TableView[] {
  return openSpaces(world).flatMap(({ ref, title, space }) =>
    space.kind === "kernel" ? pagingTable(world, space.domain, ref, spaceTable(ref), title) : [],
  );
}

function pagingTable(world: World, domain: IommuDomain | null, ref: string, track: string, title: string): TableView[] {
  const shape = shapeOfDomain(domain);
  if (shape === null) return [];
  const columns = readRuns(world.machine.mem, shape, (pa) => pa);
  return [
    {
      kind: "hwpt" as const,
      ref,
      track,
      title,
      address: BigInt(shape.root),
      runs: listed(columns),
      columns,
    },
  ];
}
