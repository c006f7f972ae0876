/** One translation as numbered memory reads, row by row of the two-dimensional walk. */
import type { WalkRead, WalkView } from "../types.ts";
import { heading, hex, wrap } from "./page.ts";

/** Each read: its number, of what, at which address, the value, what it means. */
export function walkLines(walk: WalkView): string[] {
  const every = walk.rows.flatMap(readsOf).map(cells);
  const widths = [0, 1, 2, 3].map((c) => Math.max(0, ...every.map((r) => (r[c] ?? "").length)));
  const rows = walk.rows.flatMap((row, i) => {
    const head = `${row.title}${row.sub === "" || row.sub === "not reached" ? "" : `, ${row.sub}`}`;
    if (!row.reached) return wrap(`${head}: not reached`);
    const lines = readsOf(row).flatMap((r) => {
      const [n = "", of = "", at = "", value = "", decoded = ""] = cells(r);
      const [a = 0, b = 0, c = 0, d = 0] = widths;
      const lead = `  ${n.padStart(a)}  ${of.padEnd(b)}  ${at.padStart(c)}  ${value.padStart(d)}  `;
      return wrap(decoded, lead, " ".repeat(Math.min(lead.length, 40)));
    });
    const cached = row.cached === undefined ? [] : wrap(row.cached.text, row.cached.bad ? "    ! " : "    ", "      ");
    return [
      ...wrap(head),
      ...cached,
      ...lines,
      ...(walk.failing?.row === i ? wrap(walk.failing.why, "    ! ", "      ") : []),
    ];
  });
  return [
    ...rows,
    "",
    ...wrap(`${walk.ok ? "" : "STOPPED: "}${walk.end}`, "=> ", "   "),
    ...wrap(walk.tlb),
    ...wrap(walk.stale ?? "", "! ", "  ").filter((l) => l !== "!"),
  ];
}

function readsOf(row: WalkView["rows"][number]): WalkRead[] {
  return [...row.s2, row.entry].filter((r): r is WalkRead => r !== null).sort((a, b) => a.n - b.n);
}

function cells(r: WalkRead): string[] {
  const value = hex((BigInt(r.hi >>> 0) << 32n) | BigInt(r.lo >>> 0));
  return [String(r.n), r.what, hex(r.pa), value, `${r.decoded}${r.ok ? "" : " FAILS"}`];
}

export function walkPage(walk: WalkView): string[] {
  const pasid = walk.pasid === undefined ? "" : ` PASID ${hex(walk.pasid)}`;
  const caches = walk.asNow === true ? ", with the caches as they are" : "";
  const way = `${walk.write ? "write" : "read"}, ${walk.reads} reads${caches}`;
  const title = `Walk ${walk.device}${pasid} ${hex(walk.iova)} ${way}`;
  return [...heading(title), ...walkLines(walk)];
}
