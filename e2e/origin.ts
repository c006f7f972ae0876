import type { BrowserContext, Page } from "@playwright/test";

/** What a page asks from anyone but its own server, and what the browser complains about, from now on. */
export interface Watch {
  foreign: string[];
  complaints: string[];
}

/** Requests of pages and workers, sockets too. `baseURL` as Playwright gives it. */
export function watch(context: BrowserContext, page: Page, baseURL: string): Watch {
  const seen: Watch = { foreign: [], complaints: [] };
  const own = new URL(baseURL).origin;
  const look = (url: string): void => {
    if (!url.startsWith(`${own}/`) && !/^(data|blob):/.test(url)) seen.foreign.push(url);
    else if (url.startsWith("blob:") && !url.startsWith(`blob:${own}/`)) seen.foreign.push(url);
  };
  context.on("request", (r) => look(r.url()));
  page.on("websocket", (s) => look(s.url()));
  page.on("console", (m) => {
    if (m.type() !== "error" && m.type() !== "warning") return;
    // Specs but offline.spec.ts run without the service worker; Playwright says so.
    if (!m.text().startsWith("Service Worker registration blocked by Playwright")) seen.complaints.push(m.text());
  });
  page.on("pageerror", (e) => seen.complaints.push(e.message));
  return seen;
}
