import { expect, test } from "@playwright/test";
import { Lab, NEW } from "./lab.ts";

test("the whole question is answered without a mouse", async ({ page }) => {
  const lab = await Lab.open(page);
  // Into the page by its first skip link.
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Steps" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("#pane-steps")).toBeFocused();
  // From the start, step by step; then to the failures.
  await page.keyboard.press("Shift+Comma");
  await lab.expectStep(0);
  await page.keyboard.press(".");
  await page.keyboard.press(".");
  await lab.expectStep(2);
  await page.keyboard.press(",");
  await lab.expectStep(1);
  await page.keyboard.press("]");
  await expect(lab.spoken).toContainText("F_TRANSLATION");
  const failing = await lab.step();
  await page.keyboard.press("]");
  await expect.poll(() => lab.step()).toBeGreaterThan(failing);
  await page.keyboard.press("[");
  await lab.expectStep(failing);
  // The list of steps by arrows.
  await lab.row(failing).focus();
  await page.keyboard.press("ArrowDown");
  await lab.expectStep(failing + 1);
  await expect(lab.row(failing + 1)).toBeFocused();
  // The kernel by its radio group.
  await page.locator('[role="radio"][aria-checked="true"]').focus();
  for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowRight");
  await expect(lab.kernel(NEW)).toHaveAttribute("aria-checked", "true");
  await expect(lab.kernel(NEW)).toBeFocused();
  // Find, by the slash.
  await page.keyboard.press("/");
  await page.keyboard.type("SET_IRQS");
  await page.keyboard.press("Enter");
  await expect(lab.row(await lab.step())).toContainText("SET_IRQS");
  // A command from the palette.
  await page.keyboard.press("Control+Shift+P");
  await page.keyboard.type("sw_msi window");
  await page.keyboard.press("Enter");
  await lab.link(/x\.z=/);
  // Help names every key; Escape goes back to where one was.
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Help" })).toContainText("Next failing step");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  // Space runs, and pauses.
  const here = await lab.step();
  await page.locator("#pane-space").focus();
  await page.keyboard.press("Space");
  await lab.expectStep(here + 2);
  await page.keyboard.press("Space");
});

test("keys stay away from fields, and one-key shortcuts can be switched off", async ({ page }) => {
  const lab = await Lab.open(page);
  const step = await lab.step();
  await lab.pane("Nested walk").getByLabel("IOVA").focus();
  await page.keyboard.press("End");
  await page.keyboard.type(".,w");
  await lab.expectStep(step);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Help" }).click();
  await page.getByLabel("one-key shortcuts").uncheck();
  await page.keyboard.press("Escape");
  await page.locator("#pane-steps").focus();
  await page.keyboard.press(".");
  await page.waitForTimeout(200);
  await lab.expectStep(step);
  await page.keyboard.press("Control+Shift+P");
  await expect(page.getByRole("dialog", { name: "All commands" })).toBeVisible();
});

test("every thing that can be focused shows it", async ({ page }) => {
  await Lab.open(page);
  const bare: string[] = [];
  for (let i = 0; i < 45; i++) {
    await page.keyboard.press("Tab");
    const seen = await page.evaluate(() => {
      const e = document.activeElement;
      if (e === null || e === document.body) return null;
      const own = getComputedStyle(e);
      const after = getComputedStyle(e, "::after");
      const shown =
        own.outlineStyle !== "none" || (after.content !== "none" && after.backgroundColor !== "rgba(0, 0, 0, 0)");
      return { shown, name: e.getAttribute("aria-label") ?? e.textContent.slice(0, 30) };
    });
    if (seen !== null && !seen.shown) bare.push(seen.name);
  }
  expect(bare).toEqual([]);
});
