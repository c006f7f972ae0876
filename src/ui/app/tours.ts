/** Drives the simulator through a tour. It only moves what a person could move, and never holds it. */
import { isTour, loadTour, TOURS } from "../tours/list.ts";
import type { Place, TourId } from "../tours/types.ts";
import { STAGE } from "./stage.ts";
import type { Session } from "./session.ts";
import type { LabState } from "./state.ts";

/** Which tour is open and where it is; without an id, the list of tours. */
export interface TourState {
  id: TourId | null;
  /** Counted from 0. */
  stop: number;
}

const KEPT = "iommufd-lab-tours";

export class Tours {
  private readonly session: Session;
  /** The stop that was asked for last; others that are still on their way are dropped. */
  private asked = 0;
  private going: Promise<void> = Promise.resolve();

  constructor(session: Session) {
    this.session = session;
  }

  /** The list, beside whatever is on screen. */
  list(): void {
    this.asked++;
    this.session.store.setState({ tour: { id: null, stop: 0 } });
  }

  /** The picture stays; the tour is found again where it was left. */
  leave(): void {
    this.asked++;
    this.session.store.setState({ tour: null });
  }

  /** Opens the list, closes the tour, or goes on with the one that was left last. */
  toggle(): void {
    if (this.session.store.getState().tour !== null) return this.leave();
    const { last, at } = keptStops();
    if (last === null) this.list();
    else void this.go(last, at[last] ?? 0);
  }

  /** To a stop: what it tells at once, the picture as soon as it is there. */
  async go(id: TourId, stop: number): Promise<void> {
    const ticket = ++this.asked;
    const { store } = this.session;
    const tour = await loadTour(id);
    if (ticket !== this.asked) return;
    const to = Math.max(0, Math.min(tour.stops.length - 1, stop));
    const place = tour.stops[to]?.at;
    store.setState({ tour: { id, stop: to } });
    keep(id, to);
    this.going = this.going.then(async () => {
      if (place !== undefined && ticket === this.asked) await this.stand(place);
    });
    await this.going;
  }

  /** What a link says. */
  async follow(to: TourState): Promise<boolean> {
    if (to.id === null) {
      this.list();
      return false;
    }
    await this.go(to.id, to.stop);
    return this.session.store.getState().opened !== null;
  }

  /** Forward or back; past the ends nothing happens. */
  move(by: number): void {
    const { tour } = this.session.store.getState();
    if (tour !== null && tour.id !== null && tour.stop + by >= 0) void this.go(tour.id, tour.stop + by);
  }

  /** The picture of the stop once more, after a look elsewhere. */
  again(): void {
    this.move(0);
  }

  private async stand(at: Place): Promise<void> {
    const { session } = this;
    const { opened, tables } = session.store.getState();
    const view = {
      selected: at.select ?? null,
      picked: null,
      target: null,
      asNow: false,
      entry: null,
      peers: null,
      columns: at.columns ?? null,
      window: null,
      trueScale: false,
      stage: at.stage ?? STAGE,
      maximised: at.columns === undefined ? null : "compare",
      tables,
    } satisfies Partial<LabState>;
    const where = { kernel: at.kernel, step: at.step, compare: at.compare ?? null };
    session.runner.pause();
    if (opened?.scenario.id === at.scenario) await session.visit(where, view);
    else await session.open({ id: at.scenario }, { ...where, ...view });
  }
}

/** Whether the simulator stands where the stop put it. */
export function standsAt(state: Pick<LabState, "opened" | "kernel" | "step">, at: Place): boolean {
  return state.opened?.scenario.id === at.scenario && state.kernel === at.kernel && state.step === at.step;
}

/** Where each tour was left, on this machine. */
export function keptStops(): { last: TourId | null; at: Partial<Record<TourId, number>> } {
  const at: Partial<Record<TourId, number>> = {};
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
    const record = typeof kept === "object" && kept !== null ? (kept as Record<string, unknown>) : {};
    for (const { id } of TOURS) {
      const stop = record[id];
      if (typeof stop === "number" && Number.isInteger(stop) && stop >= 0) at[id] = stop;
    }
    const last = record["last"];
    return { last: typeof last === "string" && isTour(last) ? last : null, at };
  } catch {
    return { last: null, at };
  }
}

function keep(id: TourId, stop: number): void {
  try {
    localStorage.setItem(KEPT, JSON.stringify({ ...keptStops().at, last: id, [id]: stop }));
  } catch {
    // Without storage a tour begins at its first stop.
  }
}

/** `sw-msi.4` of a link, counted from 1; null: none, or one that this version does not have. */
export function readTourState(text: string | undefined): TourState | null {
  const match = /^([a-z-]+)(?:\.(\d{1,3}))?$/.exec(text ?? "");
  const id = match?.[1] ?? "";
  if (id === "all") return { id: null, stop: 0 };
  return isTour(id) ? { id, stop: Math.max(0, Number(match?.[2] ?? "1") - 1) } : null;
}

export function writeTourState({ id, stop }: TourState): string {
  return id === null ? "all" : `${id}.${stop + 1}`;
}

/** A link that names a tour and nothing else: `v=1&tour=sw-msi` or `v=1&tour=sw-msi.4`. */
export function readTourLink(fragment: string): TourState | string | null {
  const match = /^v=1&tour=([^&]*)$/.exec(fragment);
  if (match === null) return null;
  return (
    readTourState(match[1]) ??
    `The link names the tour "${match[1] ?? ""}", which is not known here; there are ${TOURS.map((t) => t.id).join(", ")}.`
  );
}
