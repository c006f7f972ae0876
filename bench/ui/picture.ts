/** Time to the first picture, and from a key or a click to the picture that it asks for. */
import type { Page } from "@playwright/test";
import { blank, quantile, site } from "./site.ts";

const TRIES = 5;

interface Cold {
  /** Milliseconds from the start of the navigation to the first picture. */
  time: number;
  /** Processor time of the page's main thread until then, ms. */
  work: number;
}

const starts = new Map<number, Promise<Cold[]>>();

/** TRIES cold starts in fresh contexts; `rate`: CPU slowed down by it. */
function cold(rate: number): Promise<Cold[]> {
  let run = starts.get(rate);
  if (run === undefined) {
    run = (async () => {
      const list: Cold[] = [];
      for (let i = 0; i < TRIES; i++) list.push(await start(rate));
      return list;
    })();
    starts.set(rate, run);
  }
  return run;
}

async function start(rate: number): Promise<Cold> {
  const { url, browser } = await site();
  const page = await blank(browser);
  const session = await page.context().newCDPSession(page);
  if (rate > 1) await session.send("Emulation.setCPUThrottlingRate", { rate });
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  await page.addInitScript(() => {
    new MutationObserver((_, observer) => {
      if (document.querySelector('[data-phase="ready"] [data-testid=space] svg rect') === null) return;
      observer.disconnect();
      requestAnimationFrame(() => performance.mark("picture"));
    }).observe(document, { subtree: true, childList: true, attributes: true });
  });
  await page.goto(url);
  await page.waitForFunction(() => performance.getEntriesByName("picture").length > 0);
  const { metrics } = await session.send("Performance.getMetrics");
  const time = await page.evaluate(() => performance.getEntriesByName("picture")[0]?.startTime ?? 0);
  await page.close();
  return { time, work: (metrics.find((m) => m.name === "TaskDuration")?.value ?? 0) * 1000 };
}

/** The least of TRIES: whatever else runs on the machine only adds. */
export async function firstPicture(rate: number): Promise<number> {
  return Math.min(...(await cold(rate)).map((c) => c.time));
}

/** Processor time that the first picture takes of the page's main thread, ms: the least of TRIES. */
export async function pictureWork(): Promise<number> {
  return Math.min(...(await cold(1)).map((c) => c.work));
}

/** A session: keys, and clicks on what a selector finds. */
const SESSION: readonly (string | { click: string })[] = [
  ...[".", ".", ",", "]", "[", "w", "w", "d", "a", "s", "f", "x", ".", ",", ".", ".", ",", ",", "t", "t"],
  { click: '[role="option"]:nth-of-type(3)' },
  { click: '[data-kernel="linux-7.2"]' },
  { click: '[data-kernel="linux-6.11"]' },
  { click: "main svg rect[data-ref]:visible" },
  { click: "main svg text[data-ref]:visible" },
  { click: "main h2 button:visible" },
  "Escape",
  ...["7", "1", "/", "0", "x", "f", "Escape", "?", "Escape"],
];

interface Session {
  p95: number;
  /** Processor time of the page's main thread for each, its share of what follows the picture too, ms. */
  work: number;
}

let session: Promise<Session> | undefined;

/** From a key or a press to the second frame after the page changed, over a session of them. */
export function latency(): Promise<Session> {
  session ??= play();
  return session;
}

async function play(): Promise<Session> {
  const { url, browser } = await site();
  const page = await blank(browser);
  await page.goto(url);
  await page.waitForSelector('[data-phase="ready"]');
  await page.waitForFunction(() => document.querySelector("[data-busy]") === null);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const spent = async (): Promise<number> => {
    const { metrics } = await devtools.send("Performance.getMetrics");
    return (metrics.find((m) => m.name === "TaskDuration")?.value ?? 0) * 1000;
  };
  const before = await spent();
  const times: number[] = [];
  for (const act of SESSION) {
    const time = await timed(page, () =>
      typeof act === "string" ? page.keyboard.press(act) : page.locator(act.click).first().click({ force: true }),
    );
    if (time >= 0) times.push(time);
  }
  const work = ((await spent()) - before) / SESSION.length;
  await page.close();
  return { p95: quantile(times, 0.95), work };
}

/** Milliseconds; -1: nothing changed. */
async function timed(page: Page, act: () => Promise<void>): Promise<number> {
  const done = page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        let start = 0;
        const give = setTimeout(() => resolve(-1), 2000);
        const observer = new MutationObserver((records) => {
          // That an answer is awaited is no answer.
          if (start === 0 || records.every((r) => r.attributeName === "data-busy")) return;
          observer.disconnect();
          clearTimeout(give);
          requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - start)));
        });
        const begin = (): void => {
          if (start !== 0) return;
          start = performance.now();
          observer.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
        };
        for (const kind of ["keydown", "pointerdown"]) addEventListener(kind, begin, { once: true, capture: true });
      }),
  );
  await act();
  return done;
}
