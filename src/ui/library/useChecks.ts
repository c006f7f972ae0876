import { useCallback, useEffect, useRef, useState } from "react";
import type { ScenarioChecks } from "../../engine/views/types.ts";
import { useSession } from "../app/context.ts";

/** What came of a scenario's checks; a sentence where it could not be played. */
export type Checked = ScenarioChecks | string;

export interface Checks {
  of: ReadonlyMap<string, Checked>;
  /** Running through a list: how many are done. */
  progress: { done: number; total: number } | null;
  start: (ids: readonly string[]) => void;
  stop: () => void;
}

/** Rests this long on a scenario before it is played, ms. */
const DWELL = 250;

/** Plays scenarios to see which of their checks hold: the one in sight, or a list of them, one at a time. */
export function useChecks(active: string | null): Checks {
  const session = useSession();
  const [of, set] = useState<ReadonlyMap<string, Checked>>(new Map());
  const [progress, setProgress] = useState<Checks["progress"]>(null);
  const turn = useRef(0);
  const there = useRef(new Set<string>());

  const one = useCallback(
    async (id: string): Promise<void> => {
      if (there.current.has(id)) return;
      there.current.add(id);
      const answer = await session.ask((api) => api.check(id));
      if (answer === undefined) return;
      set((old) => new Map(old).set(id, answer.ok ? answer.value : answer.problem.message));
    },
    [session],
  );

  useEffect(() => {
    if (active === null) return undefined;
    const timer = setTimeout(() => void one(active), DWELL);
    return () => clearTimeout(timer);
  }, [active, one]);

  const stop = useCallback(() => {
    turn.current++;
    setProgress(null);
  }, []);
  useEffect(() => stop, [stop]);

  const start = useCallback(
    (ids: readonly string[]): void => {
      const mine = ++turn.current;
      const work = async (): Promise<void> => {
        for (const [i, id] of ids.entries()) {
          if (mine !== turn.current) return;
          setProgress({ done: i, total: ids.length });
          await one(id);
        }
        if (mine === turn.current) setProgress(null);
      };
      void work();
    },
    [one],
  );
  return { of, progress, start, stop };
}

/** `holds`, `fails`, or nothing known yet. */
export function verdict(checked: Checked | undefined): "holds" | "fails" | null {
  if (checked === undefined) return null;
  if (typeof checked === "string") return "fails";
  return checked.kernels.every((k) => k.failed.length === 0 && k.problem === null) ? "holds" : "fails";
}
