import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { Lab, NEW } from "./lab.ts";

async function violations(page: Page): Promise<string[]> {
  const { violations: found } = await new AxeBuilder({ page }).analyze();
  return found.flatMap((v) =>
    v.nodes.map((n) => `${v.id}: ${n.html.slice(0, 140)} ${n.failureSummary?.split("\n")[1]?.trim() ?? ""}`),
  );
}

for (const scheme of ["light", "dark"] as const) {
  test.describe(scheme, () => {
    test.use({ colorScheme: scheme });

    test("axe finds nothing: at the lost interrupt, with tables, in every dialog", async ({ page }) => {
      const lab = await Lab.open(page);
      await expect(page.locator("html")).toHaveAttribute("data-theme", scheme);
      expect(await violations(page)).toEqual([]);
      await lab.useKernel(NEW);
      await lab.goTo(await lab.find("EINVAL"));
      expect(await violations(page)).toEqual([]);
      for (const button of await page.getByRole("button", { name: / as a table$/ }).all()) await button.click();
      expect(await violations(page)).toEqual([]);
      for (const [key, name] of [
        ["?", "Help"],
        ["/", "Find"],
        ["o", "Scenarios"],
        ["e", "The scenario as text"],
        ["Control+Shift+P", "All commands"],
      ] as const) {
        await page.keyboard.press(key);
        await expect(page.getByRole("dialog", { name })).toBeVisible();
        expect(await violations(page)).toEqual([]);
        await page.keyboard.press("Escape");
      }
    });

    test("axe finds nothing before the first step, with a notice, and in the classroom's letters", async ({ page }) => {
      await page.addInitScript(() => localStorage.setItem("iommufd-lab", JSON.stringify({ text: "classroom" })));
      await page.setViewportSize({ width: 1280, height: 800 });
      const lab = await Lab.open(page, "v=1&s=no-such&k=linux-6.11&n=3");
      await expect(lab.notice).toBeVisible();
      await page.keyboard.press("Shift+Comma");
      await lab.expectStep(0);
      expect(await violations(page)).toEqual([]);
    });
  });
}

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
