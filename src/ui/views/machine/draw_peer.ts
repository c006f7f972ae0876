/** The way of one function's write towards another, over the buses of the tree. */
import type { MachineView, PeerView } from "../../../engine/views/types.ts";
import { crisp, DASH, type Mark, n, type Token } from "../../draw/marks.ts";
import { indent, type MachineLayout } from "./layout.ts";

const TONE: Record<PeerView["end"], Token> = { direct: "fault", redirected: "ink", up: "ink", blocked: "fault" };

export function drawPeer(peer: PeerView, { functions }: MachineView, at: MachineLayout): Mark[] {
  const { rem, rows, columns: c, top } = at;
  const byBdf = new Map(functions.map((f) => [f.bdf, f]));
  /** The bus line that a function hangs on. */
  const busX = (bdf: string): number => crisp(indent(byBdf.get(bdf) ?? fail(bdf), rem) - 0.75 * rem);
  const y = (bdf: string): number => crisp(rows.get(bdf) ?? 0);
  const stub = (bdf: string): number => busX(bdf) + 0.5 * rem;
  const points: [number, number][] = [];
  const start = peer.path[0];
  if (start === undefined) return [];
  points.push([stub(start), y(start)], [busX(start), y(start)]);
  for (let i = 1; i < peer.path.length; i++) {
    const before = peer.path[i - 1] ?? "";
    const now = peer.path[i] ?? "";
    if (now === "root") {
      points.push([busX(before), top - 0.3 * rem], [c.iommu, top - 0.3 * rem]);
      continue;
    }
    const up = byBdf.get(before)?.parent === now;
    if (up) {
      // Below the bridge's name, not through it.
      const under = crisp(y(now) + 0.62 * rem);
      points.push([busX(before), under], [busX(now), under]);
    } else {
      // Across a bus, or down: along the bus of the next one, then to it.
      const x = busX(now);
      points.push([x, points.at(-1)?.[1] ?? y(now)], [x, y(now)]);
    }
  }
  const last = peer.path.at(-1) ?? "";
  if (peer.end === "direct") points.push([stub(last) + 0.15 * rem, y(last)]);
  const stroke = TONE[peer.end];
  const d = points.map(([px, py], i) => `${i === 0 ? "M" : "L"}${n(px)} ${n(py)}`).join("");
  const [ex, ey] = points.at(-1) ?? [0, 0];
  const marks: Mark[] = [
    { k: "path", d, stroke: "paper", width: 5, cls: "keep" },
    { k: "path", d, stroke, width: 2.2, cls: "keep" },
  ];
  if (peer.end === "blocked")
    marks.push({ k: "path", d: `M${n(ex - 5)} ${n(ey - 5)}l10 10m0 -10l-10 10`, stroke, width: 2.2, cls: "keep" });
  else
    marks.push({
      k: "path",
      d: `M${n(ex - 6)} ${n(ey - 4)}L${n(ex)} ${n(ey)}L${n(ex - 6)} ${n(ey + 4)}`,
      stroke,
      width: 2.2,
      cls: "keep",
    });
  const target = rows.get(peer.to);
  if ((peer.end === "redirected" || peer.end === "up") && target !== undefined) {
    // Where it would have gone: the address is the target's, the way is not.
    const f = byBdf.get(peer.to);
    const x = f === undefined ? 0 : indent(f, rem) - 0.25 * rem;
    marks.push({
      k: "rect",
      x: crisp(x),
      y: crisp(target - at.rowHeight / 2 + 2),
      w: Math.round(c.group.x - x - 0.9 * rem),
      h: at.rowHeight - 5,
      fill: "none",
      stroke: "ink3",
      dash: DASH,
      cls: "keep",
    });
  }
  return marks;
}

function fail(bdf: string): never {
  throw new Error(`${bdf} is not in the picture`);
}
