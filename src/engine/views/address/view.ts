/** The address space: every track in its band, ribbons between them, and what the current step touched. */
import type { World } from "../../sim/world.ts";
import type { DeviceAccess } from "../../sim/result.ts";
import type { ViewContext } from "../context.ts";
import type { Access, AddressSpaceView, Band, Ribbon, Track } from "../types.ts";
import { markBands, type RawBand } from "./changes.ts";
import { containerTracks } from "./containers.ts";
import { guestMemoryTracks } from "./guest.ts";
import { spaceTracks } from "./spaces.ts";
import { MMIO_TRACK, physicalTracks, RAM_TRACK } from "./physical.ts";
import type { DenseState } from "./spans.ts";
import { type TableView, tablesIn, tablesOf } from "./tables.ts";
import { deviceTracks, guestTracks, ioasTracks, isDoorbell } from "./tracks.ts";

/** Worlds whose bands are kept: one step and its neighbours. */
const READ = 3;

/**
 * `dense` gets the columns of the tracks that are too full for a list; `read` what was read of worlds that nobody changes
 * any more: the world before a step is the one after the last.
 */
export function addressSpace(
  ctx: ViewContext,
  dense = new Map<string, DenseState>(),
  read: ReadWorlds | null = null,
): AddressSpaceView {
  const { before } = ctx;
  const was = before === null ? null : (read?.get(before) ?? readWorld(before, tablesOf(before)));
  const now = read?.get(ctx.world) ?? readWorld(ctx.world, tablesIn(ctx));
  const { tables } = now;
  ctx.tables ??= tables;
  if (before !== null && was !== null) read?.put(before, was);
  read?.put(ctx.world, now);
  const bands = markBands(now.bands, was?.bands ?? null, dense);
  const accesses = accessesOf(ctx, bands);
  for (const a of accesses) markAccess(bands, a);
  return { bands, ribbons: ribbons(ctx.world, bands, tables), accesses, asked: asked(ctx, bands) };
}

/** What stands in a world: nothing of it is marked, and nobody changes it. */
interface ReadWorld {
  readonly tables: TableView[];
  readonly bands: RawBand[];
}

function readWorld(world: World, tables: TableView[]): ReadWorld {
  return { tables, bands: bandsOf(world, tables) };
}

/** Worlds that were read last. */
export class ReadWorlds {
  private readonly worlds = new Map<World, ReadWorld>();

  get(world: World): ReadWorld | undefined {
    return this.worlds.get(world);
  }

  put(world: World, read: ReadWorld): void {
    this.worlds.delete(world);
    this.worlds.set(world, read);
    const oldest = this.worlds.keys().next();
    if (this.worlds.size > READ && oldest.done !== true) this.worlds.delete(oldest.value);
  }
}

function bandsOf(world: World, tables: readonly TableView[]): RawBand[] {
  return [
    {
      id: "giova",
      title: "gIOVA",
      tracks: [...deviceTracks(world), ...guestTracks(world, tables)],
    },
    {
      id: "ipa",
      title: "IPA = IOAS iova",
      tracks: [
        ...guestMemoryTracks(world, tables),
        ...ioasTracks(world, tables),
        ...containerTracks(world, tables),
        ...spaceTracks(world, tables),
      ],
    },
    { id: "pa", title: "Physical", tracks: physicalTracks(world, tables) },
  ];
}

/** From the guest's stage 1 down to the first track of the IOAS below it, from each hwpt down to the physical map. */
function ribbons(world: World, bands: readonly Band[], tables: readonly TableView[]): Ribbon[] {
  const top = bands.find((b) => b.id === "ipa")?.tracks[0]?.id;
  const list: Ribbon[] = [];
  for (const t of tables) {
    for (const run of t.runs)
      for (const p of run.parts) {
        const to = t.kind === "guest" ? top : isDoorbell(world, p.out) ? MMIO_TRACK : RAM_TRACK;
        if (to === undefined) continue;
        list.push({
          from: { track: t.track, start: p.start, last: p.last },
          to: { track: to, start: p.out, last: p.out + (p.last - p.start) },
          kind: to === MMIO_TRACK ? "doorbell" : "map",
          ref: t.ref,
        });
      }
  }
  return list;
}

/** The step's access as a line through the bands: where it entered, and as far as it came. */
function accessesOf(ctx: ViewContext, bands: readonly Band[]): Access[] {
  const access = ctx.result?.access;
  if (access === undefined) return [];
  const track = `dev:${access.device}:reserved`;
  return [
    {
      ref: `dev:${access.device}`,
      track,
      iova: access.iova,
      write: access.write,
      label: `${access.write ? "W" : "R"} 0x${access.iova.toString(16)}`,
      path: pathOf(ctx.world, access, bands),
      ok: access.ok,
      end: access.end,
    },
  ];
}

function pathOf(world: World, access: DeviceAccess, bands: readonly Band[]): Access["path"] {
  const path: Access["path"] = [{ band: "giova", track: `dev:${access.device}:reserved`, address: access.iova }];
  const has = (id: string): boolean => bands.some((b) => b.tracks.some((t) => t.id === id));
  if (access.s1Track !== null && has(access.s1Track))
    path.push({ band: "giova", track: access.s1Track, address: access.iova });
  if (access.ipa !== null && access.tableTrack !== null && has(access.tableTrack))
    path.push({ band: "ipa", track: access.tableTrack, address: access.ipa });
  if (access.pa !== null)
    path.push({ band: "pa", track: isDoorbell(world, access.pa) ? MMIO_TRACK : RAM_TRACK, address: access.pa });
  return path;
}

/** Says on the tracks that the access touched what it did there. */
function markAccess(bands: Band[], access: Access): void {
  const say = (id: string | undefined, words: string): void => {
    const track = find(bands, id);
    if (track !== undefined)
      track.delta = track.delta === "=" || track.delta === "" ? words : `${track.delta}, ${words}`;
  };
  say(access.track, access.write ? "+1 write" : "+1 read");
  const last = access.path.at(-1);
  if (!access.ok) say(last?.track === access.track ? undefined : last?.track, "+1 miss");
  else if (last?.band === "pa")
    say(last.track, access.end.startsWith("LPI") || access.end.startsWith("SPI") ? "+1 irq" : "+1");
}

function find(bands: readonly Band[], id: string | undefined): Track | undefined {
  for (const b of bands) for (const t of b.tracks) if (t.id === id) return t;
  return undefined;
}

function asked(ctx: ViewContext, bands: readonly Band[]): AddressSpaceView["asked"] {
  const a = ctx.result?.asked;
  if (a === undefined) return [];
  const ids = [`${a.ref}:mapped`, a.ref];
  for (const band of bands)
    for (const t of band.tracks)
      if (ids.includes(t.id))
        return [
          {
            band: band.id,
            track: t.id,
            start: a.start,
            last: a.last,
            label: a.label,
            ok: ctx.result?.outcome === "ok",
          },
        ];
  return [];
}
