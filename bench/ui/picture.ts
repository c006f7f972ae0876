/** Time to the first picture, and from a key to the picture that it asks for. */
import { blank, quantile, site } from "./site.ts";

const TRIES = 5;

/** Median of TRIES cold starts in fresh contexts, ms from the start of the navigation; `rate`: CPU slowed down by it. */
export async function firstPicture(rate: number): Promise<number> {
  const { url, browser } = await site();
  const times: number[] = [];
  for (let i = 0; i < TRIES; i++) {
    const page = await blank(browser);
    if (rate > 1) {
      const session = await page.context().newCDPSession(page);
      await session.send("Emulation.setCPUThrottlingRate", { rate });
    }
    await page.addInitScript(() => {
      new MutationObserver((_, observer) => {
        if (document.querySelector('[data-phase="ready"] [data-testid=space] svg rect') === null) return;
        observer.disconnect();
        requestAnimationFrame(() => performance.mark("picture"));
      }).observe(document, { subtree: true, childList: true, attributes: true });
    });
    await page.goto(url);
    await page.waitForFunction(() => performance.getEntriesByName("picture").length > 0);
    times.push(await page.evaluate(() => performance.getEntriesByName("picture")[0]?.startTime ?? 0));
    await page.close();
  }
  return quantile(times, 0.5);
}

const SESSION = [".", ".", ",", "]", "[", "w", "w", "d", "a", "s", "f", "x", ".", ",", ".", ".", ",", ",", "t", "t"];

/** 95th of the times from a key to the second frame after the page changed, ms, over a session of keys. */
export async function latency(): Promise<number> {
  const { url, browser } = await site();
  const page = await blank(browser);
  await page.goto(url);
  await page.waitForSelector('[data-phase="ready"]');
  await page.waitForFunction(() => document.querySelector("[data-busy]") === null);
  const times: number[] = [];
  for (const key of SESSION) {
    const done = page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          let start = 0;
          const give = setTimeout(() => resolve(-1), 2000);
          const observer = new MutationObserver(() => {
            if (start === 0) return;
            observer.disconnect();
            clearTimeout(give);
            requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - start)));
          });
          addEventListener(
            "keydown",
            () => {
              start = performance.now();
              observer.observe(document.querySelector("main") ?? document.body, {
                subtree: true,
                childList: true,
                attributes: true,
                characterData: true,
              });
            },
            { once: true, capture: true },
          );
        }),
    );
    await page.keyboard.press(key);
    const time = await done;
    if (time >= 0) times.push(time);
  }
  await page.close();
  return quantile(times, 0.95);
}
