/** What the palette offers, by what it was opened for. */
import type { Session } from "../app/session.ts";
import type { LabState } from "../app/state.ts";
import { hex, parseAddress, range } from "../draw/format.ts";
import { KINDS } from "../views/space/kinds.ts";
import { COMMANDS } from "./registry.ts";

export interface Item {
  id: string;
  title: string;
  /** Smaller, beside or below. */
  detail: string;
  /** At the right edge: a key, a kind. */
  end: string;
  mono?: boolean;
  run: (session: Session) => void;
}

export type Purpose = "commands" | "find";

export function itemsFor(purpose: Purpose, state: LabState): Item[] {
  switch (purpose) {
    case "commands":
      return [
        ...COMMANDS.filter((c) => c.id !== "palette" && (c.can === undefined || c.can(state))).map((c) => ({
          id: c.id,
          title: c.title,
          detail: c.group,
          end: c.keys.map((k) => k.label).join(", "),
          run: c.run,
        })),
        ...kernels(state),
      ];
    case "find":
      return [...steps(state), ...objects(state), ...intervals(state)];
  }
}

function kernels(state: LabState): Item[] {
  return (state.catalogue?.kernels ?? []).map((k) => ({
    id: `kernel:${k.id}`,
    title: `Kernel ${k.title}`,
    detail: k.subtitle,
    end: k.id,
    run: (session) => session.setKernel(k.id),
  }));
}

function steps(state: LabState): Item[] {
  return (state.frame?.steps ?? []).map((s) => ({
    id: `step:${s.index}`,
    title: `${s.index}  ${s.prefix}${s.op}`,
    detail: [s.args, s.note ?? ""].filter((x) => x !== "").join("  "),
    end: s.result,
    mono: true,
    run: (session) => session.seek(s.index),
  }));
}

function objects(state: LabState): Item[] {
  return (state.frame?.attachments.nodes ?? []).map((n) => ({
    id: n.ref,
    title: `${n.kind} ${n.title.replace(new RegExp(`^${n.kind}\\s+`), "")}`,
    detail: n.lines.map((l) => l.text).join(", "),
    end: n.ref,
    run: (session) => session.select(n.ref),
  }));
}

function intervals(state: LabState): Item[] {
  const tracks = state.frame?.addressSpace.bands.flatMap((b) => b.tracks) ?? [];
  return tracks.flatMap((t) =>
    t.intervals.map((i) => ({
      id: `${t.id} ${i.ref} ${i.start}`,
      title: range(i.start, i.last),
      detail: [KINDS[i.kind].name, i.detail === "" ? i.label : i.detail].filter((x) => x !== "").join(", "),
      end: t.label,
      mono: true,
      run: (session: Session) => {
        session.select(i.ref, { track: t.id, start: i.start, last: i.last });
        session.viewport.show(i.start, i.last);
      },
    })),
  );
}

/** An address as it was typed: the place itself, and every interval that holds it. */
export function addressItems(typed: string, state: LabState): Item[] {
  const at = parseAddress(typed);
  if (at === null || !/^\s*0x|\d{4}/i.test(typed)) return [];
  const tracks = state.frame?.addressSpace.bands.flatMap((b) => b.tracks) ?? [];
  const holding = tracks.flatMap((t) =>
    t.intervals
      .filter((i) => i.start <= at && i.last >= at)
      .map((i): Item => ({
        id: `at ${t.id} ${i.ref} ${i.start}`,
        title: range(i.start, i.last),
        detail: `holds it: ${[KINDS[i.kind].name, i.detail === "" ? i.label : i.detail].filter((x) => x !== "").join(", ")}`,
        end: t.label,
        mono: true,
        run: (session) => {
          session.select(i.ref, { track: t.id, start: i.start, last: i.last });
          session.viewport.show(at, at);
        },
      })),
  );
  const place: Item = {
    id: `address ${at}`,
    title: hex(at),
    detail: "show this address",
    end: "address",
    mono: true,
    run: (session) => session.viewport.show(at, at),
  };
  return [place, ...holding];
}

/** Every word typed must stand somewhere in the item; items that begin with the text come first. */
export function filterItems(items: readonly Item[], typed: string): Item[] {
  const text = typed.trim().toLowerCase();
  if (text === "") return [...items];
  const words = text.split(/\s+/);
  const hay = (i: Item): string => `${i.title} ${i.detail} ${i.end}`.toLowerCase();
  const found = items.filter((i) => words.every((w) => hay(i).includes(w)));
  return found.toSorted(
    (a, b) => Number(b.title.toLowerCase().startsWith(text)) - Number(a.title.toLowerCase().startsWith(text)),
  );
}
