import { useCallback, useMemo, useRef } from "react";
import type { CompareSpaces } from "../../../engine/views/types.ts";
import { useLab, useSession } from "../../app/context.ts";
import { hex, size } from "../../draw/format.ts";
import { Picture } from "../../draw/Picture.tsx";
import { DataTable } from "../../widgets/DataTable.tsx";
import { Hex } from "../../widgets/Hex.tsx";
import { useBox } from "../../widgets/measure.ts";
import { scrollable } from "../../widgets/scroll.ts";
import { KINDS } from "../space/kinds.ts";
import { WHOLE } from "../space/scale.ts";
import css from "./compare.module.css";
import { drawSpaces } from "./draw_spaces.ts";

/** The address spaces of two kernels after the step, with what only one of them has. */
export function Spaces({ spaces, titles }: { spaces: CompareSpaces; titles: readonly [string, string] }) {
  const session = useSession();
  const window = useLab((s) => s.window);
  const host = useRef<HTMLDivElement>(null);
  const box = useBox(host);
  const [one, two] = titles;
  const width = Math.max(box.width - 2.2 * box.rem, 30 * box.rem);
  const drawing = useMemo(
    () => (box.width === 0 ? null : drawSpaces(spaces, [one, two], window ?? WHOLE, width, box.rem)),
    [spaces, one, two, window, width, box],
  );
  const pick = useCallback(
    (refs: readonly string[]) => {
      const ref = refs[0];
      if (ref !== undefined) session.select(ref);
    },
    [session],
  );
  const different = spaces.tracks.flatMap((t) => t.parts.flatMap((p) => (p.in === "both" ? [] : [{ t, p }])));
  return (
    <section className={css["spaces"]} aria-label={`Address spaces after step ${spaces.step}`}>
      <header>
        <h3>Address spaces after step {spaces.step}</h3>
        <span>
          {different.length === 0
            ? "the same in every track"
            : `${different.length} ${different.length === 1 ? "interval" : "intervals"} that only one has`}
        </span>
      </header>
      <div ref={host} className={css["host"]} {...scrollable("Drawing of two address spaces")}>
        {drawing !== null && <Picture marks={drawing.marks} width={width} height={drawing.height} onPick={pick} />}
      </div>
      <div className="hidden">
        <DataTable
          caption="What only one of the two address spaces has"
          rows={different}
          keyOf={({ t, p }) => `${t.id} ${p.in} ${p.kind} ${p.start}`}
          empty="Nothing: both are the same."
          columns={[
            { head: "Kernel", render: ({ p }) => (p.in === "a" ? one : two) },
            { head: "Track", render: ({ t }) => t.label },
            { head: "Start", render: ({ p }) => <Hex>{hex(p.start)}</Hex> },
            { head: "Last", render: ({ p }) => <Hex>{hex(p.last)}</Hex> },
            { head: "Size", render: ({ p }) => size(p.last - p.start + 1n) },
            { head: "Kind", render: ({ p }) => `${KINDS[p.kind].name} ${p.label}` },
          ]}
        />
      </div>
    </section>
  );
}
