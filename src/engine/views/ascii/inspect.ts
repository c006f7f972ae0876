/** One object down to its bits: fields, structures bit by bit, ioctl structs byte by byte. */
import type { BitGrid, InspectorView } from "../types.ts";
import { heading, hex, plain, table, wrap } from "./page.ts";

export function inspectorLines(view: InspectorView): string[] {
  const fields = table(
    [{ head: "", most: 28 }, { head: "" }],
    view.fields.map((f) => [`${f.change === true ? "* " : "  "}${f.name}`, f.value]),
  );
  return [
    ...wrap(`${view.title} ${view.subtitle}`),
    ...(view.fields.length === 0 ? [] : fields),
    ...view.grids.flatMap((g) => ["", ...gridLines(g)]),
    ...view.structs.flatMap((s) => ["", ...structLines(s)]),
  ];
}

/** Words that are zero, and were, are left out; of the others every field, the high bits first. */
export function gridLines(g: BitGrid): string[] {
  const title = `${g.title}${g.address === undefined ? "" : ` at ${hex(g.address)}`} (${g.spec})`;
  const words = g.words.filter((w) => w.value !== 0 || (w.before ?? 0) !== 0).toSorted((a, b) => a.offset - b.offset);
  const rows = words.flatMap((w) => {
    const was = w.before === undefined || w.before === w.value ? "" : `was ${pad(w.before)}`;
    const head = [`+${hex(w.offset)}`, pad(w.value), was];
    const fields = w.fields
      .filter((f) => f.value !== 0)
      .toSorted((a, b) => b.hi - a.hi)
      .map((f) => [
        "",
        `${f.hi === f.lo ? f.hi : `${f.hi}:${f.lo}`} ${f.name} = ${hex(f.value >>> 0)}`,
        [f.meaning ?? "", f.from === "guest" ? "(from the guest)" : ""].filter((x) => x !== "").join(" "),
      ]);
    return [head].concat(fields);
  });
  return [
    ...wrap(title),
    ...(rows.length === 0 ? ["  all zero"] : table([{ head: "" }, { head: "" }, { head: "" }], rows, "  ")),
  ];
}

function pad(word: number): string {
  return `0x${(word >>> 0).toString(16).padStart(8, "0")}`;
}

function structLines(s: InspectorView["structs"][number]): string[] {
  const bytes = (offset: number, length: number): string => {
    const list = [...s.bytes.slice(offset, offset + Math.min(length, 8))];
    return list.map((b) => b.toString(16).padStart(2, "0")).join("") + (length > 8 ? ".." : "");
  };
  return [
    plain(`${s.title}, ${s.bytes.length} bytes as they lie in memory`),
    ...table(
      [{ head: "" }, { head: "", most: 24 }, { head: "" }, { head: "" }],
      s.fields.map((f) => [hex(f.offset), f.name, bytes(f.offset, f.size), `${f.value}${f.out ? " (out)" : ""}`]),
      "  ",
    ),
  ];
}

export function inspectorPage(view: InspectorView): string[] {
  return [...heading("Inspector"), ...inspectorLines(view)];
}
