import { type Browser, type Page, test } from "@playwright/test";
import { VIEWS } from "../src/ui/app/stage.ts";
import { Lab, NEW, OLD } from "./lab.ts";

// `npm run screenshots` (scripts/screenshots.mjs) sets the folder: every view in both themes at two sizes.
const folder = process.env["LAB_PICTURES"];

const SIZES = [
  { width: 1280, height: 800 },
  { width: 1920, height: 1080 },
];

/** Discussion 0 at the lost interrupt: the step at which most is to be seen. */
const LOST = `v=1&s=sw-msi-nested&k=${OLD}&n=13&x.c=${NEW}`;

/** Screens by the name of their file: the page as it opens, then each view alone with steps and timeline. */
const SCREENS: Record<string, { link: string; act?: (page: Page, lab: Lab) => Promise<void> }> = {
  main: { link: LOST },
  ...Object.fromEntries(
    VIEWS.map((v) => [
      v.id,
      {
        link: `${LOST}&x.max=${v.id}`,
        act: async (page: Page) => {
          if (v.id === "compare")
            await page.getByRole("grid", { name: "Steps on several kernels" }).getByRole("row").nth(3).waitFor();
        },
      },
    ]),
  ),
  tour: { link: "v=1&tour=sw-msi.4" },
  library: {
    link: LOST,
    act: async (page) => {
      await page.keyboard.press("o");
      await page.getByRole("dialog").waitFor();
    },
  },
  refused: { link: `v=1&s=sw-msi-nested&k=${NEW}&n=16&x.c=${OLD}` },
};

async function take(browser: Browser, baseURL: string | undefined, name: string, dark: boolean, at: number) {
  const viewport = SIZES[at] ?? { width: 1280, height: 800 };
  const screen = SCREENS[name] ?? { link: LOST };
  const context = await browser.newContext({
    viewport,
    colorScheme: dark ? "dark" : "light",
    reducedMotion: "reduce",
    ...(baseURL === undefined ? {} : { baseURL }),
  });
  const page = await context.newPage();
  const lab = await Lab.open(page, screen.link);
  await lab.settled();
  await screen.act?.(page, lab);
  await lab.settled();
  await page.mouse.move(0, 0);
  await page.screenshot({ path: `${folder}/${name}-${dark ? "dark" : "light"}-${viewport.width}.png` });
  await context.close();
}

if (folder !== undefined)
  for (const name of Object.keys(SCREENS))
    for (const dark of [false, true])
      for (const at of SIZES.keys())
        test(`picture of ${name}, ${dark ? "dark" : "light"}, ${SIZES[at]?.width}`, async ({ browser, baseURL }) => {
          await take(browser, baseURL, name, dark, at);
        });
