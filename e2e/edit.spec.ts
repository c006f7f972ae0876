import { AxeBuilder } from "@axe-core/playwright";
import { expect, test } from "@playwright/test";
import { Lab, NEW } from "./lab.ts";

const START = `v=1&s=sw-msi-nested&k=${NEW}&n=5`;

test("a step is put in, edited, moved, noted and deleted by the keyboard alone; the link carries the text", async ({
  page,
}) => {
  test.slow();
  const lab = await Lab.open(page, START);
  const steps = await lab.last();
  await page.keyboard.press("i");
  const field = page.getByRole("combobox", { name: "New step after 5" });
  await expect(field).toBeFocused();
  await field.pressSequentially("vmm IOAS_M");
  await expect(page.getByRole("option", { name: /^IOMMU_IOAS_MAP/ }).first()).toBeVisible();
  await page.keyboard.press("Tab");
  await field.pressSequentially("ioas=I iova=0x9000000 len=64K va=");
  await expect(page.getByRole("option", { name: /^MORE/ })).toBeVisible();
  await field.pressSequentially("MORE RW");
  await page.keyboard.press("Enter");
  await lab.expectStep(6);
  expect(await lab.last()).toBe(steps + 1);
  await expect(lab.row(6)).toContainText("iova=0x9000000");
  const link = await lab.link(/[#&]t=/);

  await page.keyboard.press("F2");
  const edit = page.getByRole("combobox", { name: "Step 6" });
  await expect(edit).toHaveValue("vmm IOMMU_IOAS_MAP ioas=I iova=0x9000000 len=64K va=MORE RW");
  await edit.fill("vmm IOMMU_IOAS_MAP ioas=I iova=0x8000000 len=64K va=MORE banana");
  await page.keyboard.press("Enter");
  await expect(
    page.getByText('Column 58: "banana" is not understood by IOMMU_IOAS_MAP', { exact: false }),
  ).toBeVisible();
  await lab.expectStep(6);
  await edit.fill("vmm IOMMU_IOAS_MAP ioas=I iova=0x9001 len=64K va=MORE RW");
  await page.keyboard.press("Enter");
  await expect(lab.row(6)).toContainText("EINVAL");

  await lab.row(6).focus();
  await page.keyboard.press("Alt+ArrowDown");
  await lab.expectStep(7);
  await expect(lab.row(7)).toContainText("iova=0x9001");
  await page.keyboard.press("n");
  await page.getByRole("textbox", { name: "Note on step 7" }).fill("Not on a page of its own.");
  await page.keyboard.press("Enter");
  await expect(lab.pane("Steps").getByText("Not on a page of its own.")).toBeVisible();

  await lab.row(7).focus();
  await page.keyboard.press("Delete");
  await expect(lab.timeline).toHaveAttribute("aria-valuemax", String(steps));
  await expect(page).toHaveURL(/s=sw-msi-nested/);
  await page.keyboard.press("Control+z");
  await expect(lab.timeline).toHaveAttribute("aria-valuemax", String(steps + 1));
  for (let n = 0; n < 4; n++) {
    await page.keyboard.press("Control+z");
    await lab.settled();
  }
  await expect(lab.timeline).toHaveAttribute("aria-valuemax", String(steps));
  await expect(page).toHaveURL(/s=sw-msi-nested/);
  await page.keyboard.press("Control+Shift+z");
  await expect(lab.timeline).toHaveAttribute("aria-valuemax", String(steps + 1));

  const again = await Lab.open(page, link);
  await again.expectStep(6);
  await expect(again.row(6)).toContainText("iova=0x9000000");
});

test("deleting what others name is refused in words, and nothing changes", async ({ page }) => {
  const lab = await Lab.open(page, `v=1&s=sw-msi-nested&k=${NEW}&n=3`);
  const before = await lab.picture();
  await page.keyboard.press("Delete");
  await expect(lab.notice).toContainText("P is not named above");
  await page.keyboard.press("Escape");
  expect(await lab.picture()).toBe(before);
});

test("what is possible next runs", async ({ page }) => {
  const lab = await Lab.open(page, START);
  const next = page.getByRole("region", { name: "Possible next" }).getByRole("button").first();
  const name = (await next.getAttribute("aria-label")) ?? "";
  await next.click();
  await lab.expectStep(6);
  const result = name.slice(name.lastIndexOf(": ") + 2);
  await expect(lab.row(6)).toContainText(result.replaceAll(/\s/g, ""));
});

test("a row is dragged to another place; a click on its number makes run stop there", async ({ page }) => {
  const lab = await Lab.open(page, START);
  const name = await lab.row(4).getAttribute("aria-label");
  const [from, to] = [await lab.row(4).boundingBox(), await lab.row(6).boundingBox()];
  if (from === null || to === null) throw new Error("no rows");
  await page.mouse.move(from.x + 140, from.y + 10);
  await page.mouse.down();
  await page.mouse.move(to.x + 140, to.y + to.height - 4, { steps: 5 });
  await page.mouse.up();
  await lab.expectStep(6);
  await expect(lab.row(6)).toHaveAttribute("aria-label", (name ?? "").replace(/^4/, "6"));
  await lab.row(8).locator("[data-gutter]").click();
  await lab.expectStep(6);
  await page.keyboard.press("Space");
  await lab.expectStep(8);
  await page.waitForTimeout(1300);
  await lab.expectStep(8);
});

test("the text completes and names its mistake while one types; opening it keeps the place", async ({ page }) => {
  const lab = await Lab.open(page, START);
  await page.keyboard.press("e");
  const text = page.getByRole("textbox", { name: "Scenario" });
  const original = await text.inputValue();
  await text.fill(`${original}vmm IOMMU_IOAS_MAPP ioas=I\n`);
  await expect(page.getByText(/^Line \d+, column 5: vmm knows no operation "IOMMU_IOAS_MAPP"/)).toBeVisible();
  await lab.expectStep(5);
  await text.fill(original);
  await text.press("Control+End");
  await text.pressSequentially("vmm IOMMU_IOAS_IOVA");
  const words = page.getByRole("listbox", { name: "Words that fit" });
  await expect(words.getByRole("option", { name: /IOMMU_IOAS_IOVA_RANGES/ })).toBeVisible();
  await page.keyboard.press("Tab");
  await text.pressSequentially("ioas=I");
  await page.keyboard.press("Control+Enter");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await lab.expectStep(20);
});

test("writing is accessible", async ({ page }) => {
  test.slow();
  const lab = await Lab.open(page, START);
  await page.keyboard.press("i");
  await page.getByRole("combobox", { name: "New step after 5" }).pressSequentially("vmm IOAS");
  await expect(page.getByRole("listbox", { name: "Words that fit" })).toBeVisible();
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  await page.keyboard.press("Escape");
  await page.keyboard.press("n");
  await expect(page.getByRole("textbox", { name: "Note on step 5" })).toBeFocused();
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  await lab.settled();
});
