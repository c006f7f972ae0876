import { useEffect, useState } from "react";
import type { Answer } from "../../engine/protocol.ts";
import type { Remote } from "../engine/client.ts";
import { useLab, useSession } from "./context.ts";
import type { Pending } from "./state.ts";

/**
 * An answer of the engine that only one view needs. Asked again when `key` or the scenario changes; null asks nothing.
 * What was there before stays until the next answer comes, so that nothing flickers; `current` says whether it is stale.
 */
export function useAnswer<T>(
  key: string | null,
  question: (api: Remote) => Promise<Answer<T>>,
): Pending<T> & { current: boolean } {
  const session = useSession();
  const opened = useLab((s) => s.opened);
  const [answer, set] = useState<Pending<T> & { key: string | null; opened: object | null }>({
    value: null,
    problem: null,
    key: null,
    opened: null,
  });
  const current = answer.key === key && answer.opened === opened;
  useEffect(() => {
    if (key === null || opened === null || current) return undefined;
    let dropped = false;
    void session.ask(question).then((got) => {
      if (dropped || got === undefined) return;
      set({ key, opened, value: got.ok ? got.value : null, problem: got.ok ? null : got.problem.message });
    });
    return () => {
      dropped = true;
    };
    // The question is a new function on every render; `key` says what it asks.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [session, opened, key, current]);
  return { value: answer.opened === opened ? answer.value : null, problem: answer.problem, current };
}
