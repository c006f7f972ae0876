import { expect, test } from "@playwright/test";
import { VIEWS } from "../src/ui/app/stage.ts";
import { violations } from "./axe.ts";
import { Lab, NEW, OLD } from "./lab.ts";

const LOST = `v=1&s=sw-msi-nested&k=${OLD}&n=13&x.c=${NEW}`;

/** Each view of the stage by its key, in its place, until it is drawn; `look` gets the selector of its pane. */
async function eachView(lab: Lab, look: (pane: string, title: string) => Promise<void>): Promise<void> {
  for (const v of VIEWS) {
    await lab.page.keyboard.press(v.key.label);
    const pane = lab.page.locator(`#pane-${v.id}`);
    await expect(pane).toBeVisible();
    await expect(pane).not.toContainText("is being fetched");
    await lab.settled();
    await look(`#pane-${v.id}`, v.title);
  }
}

test("axe finds nothing on the page, on any view drawn and as a table, and in any dialog", async ({ page }) => {
  test.slow();
  const lab = await Lab.open(page, LOST);
  expect(await violations(page)).toEqual([]);
  await eachView(lab, async (pane, title) => {
    expect(await violations(page, pane), title).toEqual([]);
    const table = page.locator(pane).getByRole("button", { name: / as a table$/ });
    if ((await table.count()) === 0) return;
    await table.click();
    expect(await violations(page, pane), `${title} as a table`).toEqual([]);
    await table.click();
  });
  for (const id of ["inspector", "why", "timeline"]) {
    await page
      .locator(`#pane-${id}`)
      .getByRole("button", { name: / as a table$/ })
      .click();
    expect(await violations(page, `#pane-${id}`), `${id} as a table`).toEqual([]);
  }
  for (const key of ["?", "/", "o", "e", "Control+Shift+P"]) {
    await page.keyboard.press(key);
    await expect(page.getByRole("dialog")).toBeVisible();
    expect(await violations(page, "dialog"), `the dialog of ${key}`).toEqual([]);
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog")).toHaveCount(0);
  }
});

test("axe finds nothing before the first step, with a notice, in the classroom's letters", async ({ page }) => {
  await page.addInitScript(() => localStorage.setItem("iommufd-lab", JSON.stringify({ text: "classroom" })));
  await page.setViewportSize({ width: 1280, height: 800 });
  const lab = await Lab.open(page, "v=1&s=no-such&k=linux-6.11&n=3");
  await expect(lab.notice).toBeVisible();
  await page.keyboard.press("Shift+Comma");
  await lab.expectStep(0);
  expect(await violations(page)).toEqual([]);
});

// What a theme changes are colours; the other rules were asked above.
for (const look of ["dark", "contrast", "contrast-dark", "forced colours"] as const)
  test(`letters stand out on every view and in the help: ${look}`, async ({ page }) => {
    test.slow();
    if (look === "forced colours") await page.emulateMedia({ forcedColors: "active", colorScheme: "dark" });
    else await page.addInitScript((theme) => localStorage.setItem("iommufd-lab", JSON.stringify({ theme })), look);
    const lab = await Lab.open(page, LOST);
    if (look !== "forced colours") await expect(page.locator("html")).toHaveAttribute("data-theme", look);
    const contrast = ["color-contrast"];
    expect(await violations(page, undefined, contrast)).toEqual([]);
    await eachView(lab, async (pane, title) => {
      if (title === "Address space" || title === "Attachments" || title === "Walk") return;
      expect(await violations(page, pane, contrast), title).toEqual([]);
    });
    for (const key of ["?", "o"]) {
      await page.keyboard.press(key);
      await expect(page.getByRole("dialog")).toBeVisible();
      expect(await violations(page, "dialog", contrast)).toEqual([]);
      await page.keyboard.press("Escape");
    }
  });

test("the theme is chosen by a button and kept, and is not in the link", async ({ page }) => {
  const lab = await Lab.open(page);
  await page.getByRole("button", { name: "Use the dark theme" }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await lab.link(/#v=1&s=/);
  expect(page.url()).not.toMatch(/dark|theme/);
  await page.reload();
  await lab.ready();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
});

test("nothing glides when less motion is asked for", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  const lab = await Lab.open(page);
  const edge = () => lab.space.locator("svg").first().innerHTML();
  const before = await edge();
  await page.keyboard.press("m");
  await page.evaluate(() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r))));
  const after = await edge();
  expect(after).not.toBe(before);
  await page.waitForTimeout(300);
  expect(await edge()).toBe(after);
});
