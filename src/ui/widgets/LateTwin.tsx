import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { createStore } from "zustand/vanilla";
import { LateState, useSession } from "../app/context.ts";
import type { LabState } from "../app/state.ts";

/** A table twin that is out of sight: there for a reader, and written after the picture. `useLab` in it follows it. */
export function LateTwin({ children }: { children: ReactNode }) {
  const session = useSession();
  const store = useMemo(() => createStore<LabState>(() => session.store.getState()), [session]);
  const [written, write] = useState<ReactNode>(null);
  const latest = useRef(children);
  const part = useRef<(() => void) | null>(null);
  useEffect(() => {
    const bring = (): void =>
      flushSync(() => {
        store.setState(session.store.getState(), true);
        write(latest.current);
      });
    part.current = bring;
    return session.late.add(bring);
  }, [session, store]);
  useEffect(() => {
    if (latest.current === children) return;
    latest.current = children;
    if (part.current !== null) session.late.ask(part.current);
  }, [session, children]);
  return <LateState value={store}>{written}</LateState>;
}
