import { expect, test } from "@playwright/test";
import { Lab, NEW } from "./lab.ts";

const START = `v=1&s=sw-msi-nested&k=${NEW}&n=5`;

test("an address is found, and what holds it", async ({ page }) => {
  const lab = await Lab.open(page, START);
  await page.keyboard.press("/");
  const field = page.getByRole("combobox", { name: "Find" });
  await field.fill("0x40001234");
  const found = page.getByRole("listbox", { name: "Find" }).getByRole("option");
  await expect(found.first()).toContainText("show this address");
  await expect(found.filter({ hasText: "0x40000000-0x401fffff" }).first()).toContainText("holds it");
  await page.keyboard.press("Enter");
  await lab.settled();
  const window = lab.window();
  expect(window !== null && window.lo <= 0x40001234n && window.last >= 0x40001234n).toBe(true);
});

test("one switch writes every value in decimal, and is kept", async ({ page }) => {
  const lab = await Lab.open(page, START);
  await expect(lab.row(4)).toContainText("iova=0x40000000");
  await page.keyboard.press("h");
  await expect(lab.row(4)).toContainText("iova=1073741824");
  await expect(lab.row(4)).not.toContainText("0x");
  await page.reload();
  await lab.ready();
  await expect(lab.row(4)).toContainText("iova=1073741824");
  await expect(page).toHaveURL(/n=5/);
  await page.keyboard.press("h");
  await expect(lab.row(4)).toContainText("iova=0x40000000");
});

test("tracks are hidden and pinned; the link and undo know it", async ({ page }) => {
  const lab = await Lab.open(page, START);
  const label = lab.space.locator('svg text[data-ref~="ioas:2"]').first();
  const count = await lab.space.locator('svg [data-ref~="ioas:2"]').count();
  expect(count).toBeGreaterThan(0);
  await label.click({ button: "right" });
  await page.getByRole("menuitem", { name: "Hide its tracks" }).click();
  await expect(lab.space.locator('svg text[data-ref~="ioas:2"]')).toHaveCount(0);
  await expect(page).toHaveURL(/x\.hide=ioas%3A2/);
  await page.keyboard.press("Control+z");
  await expect(label).toBeVisible();
  await expect(page).not.toHaveURL(/x\.hide/);
});
