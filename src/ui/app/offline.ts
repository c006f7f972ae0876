/** Keeps the whole build in the browser once the first picture stands, so that the page opens without a network. */
import type { LabStore } from "./state.ts";

/** After the picture: fetching the rest must not delay it. */
const AFTER_MS = 1500;

/** Only the built page has a service worker (scripts/page-plugin.ts); without one, or where it is forbidden, all works as before. */
export function keepOffline(store: LabStore): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  const register = (): void => {
    navigator.serviceWorker.register("./sw.js").catch(() => undefined);
  };
  const stop = store.subscribe((now) => {
    if (now.phase.name !== "ready") return;
    stop();
    setTimeout(register, AFTER_MS);
  });
}
