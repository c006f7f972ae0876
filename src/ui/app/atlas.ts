/**
 * What ever appears in a scenario, on any of its kernels, after any step. Axis, tracks and nodes are laid out from it, so
 * that nothing jumps between steps or kernels: new things appear, old things stay.
 */
import type { Band, Landmarks, NodeKind, Ref } from "../../engine/views/types.ts";
import { type Axis, type Landmark, buildAxis } from "../views/space/axis.ts";

export interface AtlasTrack {
  id: string;
  label: string;
  sub: string;
  group: string;
}

export interface AtlasBand {
  id: Band["id"];
  title: string;
  tracks: AtlasTrack[];
}

export interface AtlasNode {
  ref: Ref;
  kind: NodeKind;
  /** The longest text that ever stands on each of its lines. */
  texts: string[];
  /** Kernels on which it ever is; empty: not known. */
  kernels: string[];
}

export interface Atlas {
  axis: Axis;
  bands: AtlasBand[];
  nodes: AtlasNode[];
  /** Which interfaces are ever used on a kernel: `iommufd`, `container` of VFIO, `space` of 2021. */
  apis: ReadonlyMap<string, ReadonlySet<string>>;
  /** Links by which nodes are put beside each other: `from to`, in the order met. */
  links: { from: Ref; to: Ref; kind: string }[];
}

/** The interface that a thing of the address space belongs to; empty: to none, it is there on every kernel. */
export function apiOf(ref: Ref): string {
  const kind = /^(ioas|hwpt|container|space):/.exec(ref)?.[1] ?? "";
  return kind === "ioas" || kind === "hwpt" ? "iommufd" : kind;
}

/** Whether one of these kernels ever has things of this interface; unknown kernels may have anything. */
export function hasApi(atlas: Atlas, api: string, kernels: readonly string[]): boolean {
  return api === "" || kernels.some((k) => atlas.apis.get(k)?.has(api) ?? true);
}

/** From the landmarks of each kernel, in the kernels' order. */
export function buildAtlas(parts: Iterable<Landmarks & { kernel?: string }>): Atlas {
  const landmarks = new Map<string, Landmark>();
  const focus = new Set<bigint>();
  const bands = new Map<string, { title: string; tracks: Map<string, AtlasTrack> }>();
  const nodes = new Map<Ref, AtlasNode>();
  const links = new Map<string, Atlas["links"][number]>();
  const add = (l: Landmark): void => {
    landmarks.set(`${l.start}-${l.last}-${l.kind}`, l);
  };
  const apis = new Map<string, Set<string>>();
  for (const { addressSpace: space, attachments, kernel = "" } of parts) {
    const used = new Set(space.bands.flatMap((b) => b.tracks).map((t) => apiOf(t.id)));
    if (kernel !== "") apis.set(kernel, used);
    for (const band of space.bands) {
      const kept = bands.get(band.id) ?? { title: band.title, tracks: new Map<string, AtlasTrack>() };
      bands.set(band.id, kept);
      let after: string | null = null;
      for (const track of band.tracks) {
        if (!kept.tracks.has(track.id)) kept.tracks = insertAfter(kept.tracks, after, track);
        after = track.id;
        for (const { start, last, kind } of track.intervals) add({ start, last, kind });
      }
    }
    for (const r of space.ribbons) {
      add({ start: r.from.start, last: r.from.last, kind: r.kind });
      add({ start: r.to.start, last: r.to.last, kind: r.kind });
    }
    for (const a of space.asked) add({ start: a.start, last: a.last, kind: "map" });
    for (const a of space.accesses) for (const p of a.path) focus.add(p.address);
    for (const n of attachments.nodes) {
      const kept = nodes.get(n.ref);
      const texts = [...(kept?.texts ?? [])];
      n.lines.forEach((l, i) => {
        if (l.text.length > (texts[i]?.length ?? -1)) texts[i] = l.text;
      });
      const kernels = [...(kept?.kernels ?? []), ...(kernel === "" || kept?.kernels.includes(kernel) ? [] : [kernel])];
      nodes.set(n.ref, { ref: n.ref, kind: n.kind, texts, kernels });
    }
    for (const e of attachments.edges)
      links.set(`${e.from} ${e.to} ${e.kind}`, { from: e.from, to: e.to, kind: e.kind });
  }
  return {
    axis: buildAxis([...landmarks.values()], [...focus]),
    bands: (["giova", "ipa", "pa"] as const).map((id) => ({
      id,
      title: bands.get(id)?.title ?? "",
      tracks: [...(bands.get(id)?.tracks.values() ?? [])],
    })),
    nodes: [...nodes.values()],
    apis,
    links: [...links.values()],
  };
}

/** The newer atlas; the old one's axis, when it is the same, so that nothing is laid out again. */
export function merge(old: Atlas | null, now: Atlas): Atlas {
  if (old === null) return now;
  const print = (a: Atlas): string => a.axis.pieces.map((p) => `${p.start}${p.gap}${p.weight}`).join(" ");
  return print(old) === print(now) ? { ...now, axis: old.axis } : now;
}

/** A track that first shows up in a later frame stands after the one it followed there. */
function insertAfter(
  tracks: Map<string, AtlasTrack>,
  after: string | null,
  { id, label, sub, group }: AtlasTrack,
): Map<string, AtlasTrack> {
  const made: AtlasTrack = { id, label, sub, group };
  const list = [...tracks.values()];
  const at = after === null ? -1 : list.findIndex((t) => t.id === after);
  list.splice(at + 1, 0, made);
  return new Map(list.map((t) => [t.id, t]));
}
