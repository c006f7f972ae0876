import { useEffect, useRef, useState } from "react";
import { useLab, useSession } from "../../app/context.ts";
import { ExportButton } from "../../exports/ExportButton.tsx";
import { loadTour, TOURS } from "../../tours/list.ts";
import type { Tour } from "../../tours/types.ts";
import { Empty } from "../../widgets/Pane.tsx";
import paneCss from "../../widgets/pane.module.css";
import { STOP_KINDS } from "./kinds.ts";
import { StopText } from "./StopText.tsx";
import { TourList } from "./TourList.tsx";
import { Transport } from "./Transport.tsx";

/** The tour beside the picture: a stop at a time, or the list of tours. */
export default function TourView() {
  const session = useSession();
  const state = useLab((s) => s.tour);
  const [tour, set] = useState<Tour | null>(null);
  /** The tour that could not be fetched. */
  const [missing, setMissing] = useState<string | null>(null);
  const root = useRef<HTMLElement>(null);
  const id = state?.id ?? null;
  const entry = TOURS.find((t) => t.id === id);
  useEffect(() => {
    if (id === null) return undefined;
    let dropped = false;
    loadTour(id).then(
      (loaded) => {
        if (!dropped) set(loaded);
      },
      () => {
        if (!dropped) setMissing(id);
      },
    );
    return () => {
      dropped = true;
    };
  }, [id]);
  useEffect(() => {
    root.current?.focus({ preventScroll: true });
  }, []);
  const problem = id !== null && missing === id;
  const current = tour !== null && tour.id === id ? tour : null;
  const at = Math.min(state?.stop ?? 0, (current?.stops.length ?? 1) - 1);
  const stop = current?.stops[at];
  return (
    <section ref={root} className={paneCss["pane"]} id="pane-tour" aria-labelledby="title-tour" tabIndex={-1}>
      <header className={paneCss["head"]}>
        <h2 id="title-tour">{id === null ? "Tours" : "Tour"}</h2>
        <span className={paneCss["sub"]}>{entry?.title ?? "one for each discussion"}</span>
        <span className={paneCss["actions"]}>
          {id !== null && <ExportButton id="tour" title="Tour" />}
          {id !== null && (
            <button type="button" className={paneCss["action"]} onClick={() => session.tours.list()}>
              all tours
            </button>
          )}
          <button type="button" className={paneCss["action"]} onClick={() => session.tours.leave()}>
            leave
          </button>
        </span>
      </header>
      {id === null && <TourList />}
      {id !== null && problem && <Empty>This tour could not be fetched. The simulator works on without it.</Empty>}
      {id !== null && !problem && stop === undefined && <Empty>…</Empty>}
      {current !== null && stop !== undefined && (
        <>
          <StopText key={`${current.id} ${stop.id}`} stop={stop} at={at} of={current.stops.length} />
          <Transport tour={current} at={at} />
        </>
      )}
      <div role="status" aria-live="polite" className="hidden" data-testid="tour-spoken">
        {current !== null && stop !== undefined
          ? `Stop ${at + 1} of ${current.stops.length}, ${STOP_KINDS[stop.kind].name.toLowerCase()}: ${stop.title}.`
          : ""}
      </div>
    </section>
  );
}
