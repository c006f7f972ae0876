import { useEffect, useRef, useState } from "react";
import type { CompareRow, CompareView } from "../../../engine/views/types.ts";
import { useLab, useSession } from "../../app/context.ts";

/** Steps asked for at once. */
const CHUNK = 40;
/** A scenario of at most this many steps is compared whole; a longer one to its first difference, and where one looks. */
const WHOLE = 600;

export interface Rows {
  columns: CompareView["columns"];
  /** By step - 1; not there yet where undefined. */
  rows: readonly (CompareRow | undefined)[];
  steps: number;
  /** Steps compared without a gap from the first. */
  done: number;
  problem: string | null;
}

const NONE: Rows = { columns: [], rows: [], steps: 0, done: 0, problem: null };

/** Rows of a comparison, chunk by chunk: from the first step on, and those in sight first. `from`, `to`: rows in sight. */
export function useRows(kernels: readonly string[], from: number, to: number): Rows {
  const session = useSession();
  const opened = useLab((s) => s.opened);
  const key = kernels.join(" ");
  const [rows, set] = useState<{ of: string; opened: object | null; rows: Rows }>({ of: "", opened: null, rows: NONE });
  const sight = useRef({ from, to });
  useEffect(() => {
    sight.current = { from, to };
  }, [from, to]);
  const current = rows.of === key && rows.opened === opened ? rows.rows : null;
  const wanted = current === null ? null : missing(current, from, to);
  useEffect(() => {
    if (opened === null || kernels.length === 0) return undefined;
    let dropped = false;
    let now: Rows = current ?? NONE;
    const work = async (): Promise<void> => {
      for (;;) {
        const at = now.steps === 0 && now.columns.length === 0 ? 0 : missing(now, sight.current.from, sight.current.to);
        if (at === null) return;
        const answer = await session.ask((api) => api.compare([...kernels], at, at + CHUNK));
        if (dropped || answer === undefined) return;
        now = answer.ok ? merged(now, answer.value) : { ...now, problem: answer.problem.message };
        set({ of: key, opened, rows: now });
        if (!answer.ok) return;
      }
    };
    void work();
    return () => {
      dropped = true;
    };
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [session, opened, key, wanted === null]);
  return current ?? (rows.opened === opened && opened !== null ? { ...rows.rows, done: 0 } : NONE);
}

/** Index of the first row of the next chunk to ask for; null = nothing is wanted. */
function missing(r: Rows, from: number, to: number): number | null {
  if (r.problem !== null) return null;
  for (let i = Math.max(0, from); i < Math.min(to, r.steps); i++) if (r.rows[i] === undefined) return chunkOf(i);
  const found = r.rows.some((row) => row?.differs === true);
  const scan = r.steps <= WHOLE || !found;
  return scan && r.done < r.steps ? chunkOf(r.done) : null;
}

function chunkOf(i: number): number {
  return i - (i % CHUNK);
}

function merged(old: Rows, view: CompareView): Rows {
  const rows =
    old.steps === view.steps
      ? [...old.rows]
      : Array.from({ length: view.steps }, (): CompareRow | undefined => undefined);
  view.rows.forEach((row, i) => {
    rows[view.from + i] = row;
  });
  let { done } = old;
  while (done < view.steps && rows[done] !== undefined) done++;
  return { columns: view.columns, rows, steps: view.steps, done, problem: null };
}
