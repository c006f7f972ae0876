/** The reader's own choice of tracks: groups that are hidden, groups that stand first in their band. */
import type { SpaceModel } from "./model.ts";

export function arranged(model: SpaceModel, hidden: readonly string[], pinned: readonly string[]): SpaceModel {
  if (hidden.length === 0 && pinned.length === 0) return model;
  const bands = model.bands.map((band) => {
    const rows = band.rows.filter((r) => !hidden.includes(r.group));
    const first = pinned.flatMap((g) => rows.filter((r) => r.group === g));
    return Object.assign({}, band, { rows: [...first, ...rows.filter((r) => !first.includes(r))] });
  });
  const shown = new Set(bands.flatMap((b) => b.rows.map((r) => r.id)));
  const seen = (r: { from: { track: string }; to: { track: string } }): boolean =>
    shown.has(r.from.track) && shown.has(r.to.track);
  return {
    ...model,
    bands,
    ribbons: model.ribbons.filter(seen),
    ghostRibbons: model.ghostRibbons.filter(seen),
    followedRibbons: model.followedRibbons.filter(seen),
  };
}
