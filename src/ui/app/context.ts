import { createContext, useContext } from "react";
import { useStore } from "zustand";
import type { Session } from "./session.ts";
import type { LabState, LabStore } from "./state.ts";

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) throw new Error("no session above this component");
  return session;
}

/** The state as what is out of sight follows it; null: as it is. */
export const LateState = createContext<LabStore | null>(null);

/** A part of the state; renders again only when that part changes. */
export function useLab<T>(pick: (state: LabState) => T): T {
  const { store } = useSession();
  return useStore(useContext(LateState) ?? store, pick);
}
