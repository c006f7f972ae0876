/** The address bar always holds the link to what is on screen; a link pasted there is followed. */
import { recordingLink } from "./recording.ts";
import type { Session } from "./session.ts";

const SETTLE_MS = 120;

export function installAddressBar(session: Session): () => void {
  const { store } = session;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let written = location.hash.slice(1);
  const write = async (): Promise<void> => {
    const link = recordingLink(store.getState()) ?? (await session.link());
    if (link === null || link === written) return;
    written = link;
    history.replaceState(null, "", `#${link}`);
  };
  const later = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void write(), SETTLE_MS);
  };
  const stop = store.subscribe((now, old) => {
    if (now.phase.name !== "ready") return;
    const title = now.opened?.scenario.title;
    if (title !== undefined) document.title = `${title} · IOMMUFD Lab`;
    const keys = [
      "phase",
      "opened",
      "kernel",
      "compare",
      "step",
      "window",
      "trueScale",
      "selected",
      "picked",
      "target",
      "asNow",
      "entry",
      "peers",
      "columns",
      "stage",
      "maximised",
      "tables",
      "hidden",
      "branches",
      "pinned",
      "tour",
    ] as const;
    if (keys.some((k) => now[k] !== old[k])) later();
  });
  const follow = async (): Promise<void> => {
    const fragment = location.hash.slice(1);
    if (fragment === written) return;
    const went = await session.follow(fragment);
    if (went) written = fragment;
    else {
      // Refused: the bar goes back to the link of what is still on screen.
      written = "";
      await write();
    }
  };
  const changed = (): void => void follow();
  addEventListener("hashchange", changed);
  return () => {
    stop();
    clearTimeout(timer);
    removeEventListener("hashchange", changed);
  };
}
