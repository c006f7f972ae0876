/** The address bar always holds the link to what is on screen; a link pasted there is followed. */
import { recordingLink } from "./recording.ts";
import type { Session } from "./session.ts";

const SETTLE_MS = 120;

export function installAddressBar(session: Session): () => void {
  const { store } = session;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let written = location.hash.slice(1);
  let turn = 0;
  const write = async (): Promise<void> => {
    const mine = ++turn;
    const link = recordingLink(store.getState()) ?? (await session.link());
    // A link that was pasted meanwhile goes first.
    if (link === null || mine !== turn) return;
    written = link;
    if (location.hash.slice(1) !== link) history.replaceState(null, "", `#${link}`);
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
  const follow = async (fragment: string): Promise<void> => {
    if (fragment === written) return;
    clearTimeout(timer);
    turn++;
    const went = await session.follow(fragment);
    if (went) written = fragment;
    else {
      // Refused: the bar goes back to the link of what is still on screen.
      written = "";
      await write();
    }
  };
  // The event tells what was pasted; the bar itself may hold another link by now.
  const changed = (e: HashChangeEvent): void => void follow(new URL(e.newURL).hash.slice(1));
  addEventListener("hashchange", changed);
  return () => {
    stop();
    clearTimeout(timer);
    removeEventListener("hashchange", changed);
  };
}
