import { createContext, useContext, useEffect, useMemo, useRef, type ReactNode } from "react";
import css from "./tip.module.css";
import { type TipHost, createTip } from "./tip.ts";

const none: TipHost = { show: () => undefined, hide: () => undefined };
const TipContext = createContext<TipHost>(none);

export function useTip(): TipHost {
  return useContext(TipContext);
}

export function TipProvider({ children }: { children: ReactNode }) {
  const host = useRef<HTMLDivElement>(null);
  const tip = useMemo<TipHost>(() => {
    let made: TipHost | null = null;
    const get = (): TipHost => (made ??= host.current === null ? none : createTip(host.current));
    return { show: (lines, x, y) => get().show(lines, x, y), hide: () => get().hide() };
  }, []);
  useEffect(() => {
    const hide = (): void => tip.hide();
    addEventListener("scroll", hide, true);
    addEventListener("keydown", hide, true);
    return () => {
      removeEventListener("scroll", hide, true);
      removeEventListener("keydown", hide, true);
    };
  }, [tip]);
  return (
    <TipContext value={tip}>
      {children}
      <div ref={host} className={css["tip"]} aria-hidden="true" hidden />
    </TipContext>
  );
}
