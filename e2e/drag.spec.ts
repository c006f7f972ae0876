import { AxeBuilder } from "@axe-core/playwright";
import { expect, test, type Locator } from "@playwright/test";
import { Lab, NEW, OLD } from "./lab.ts";

async function centre(mark: Locator): Promise<{ x: number; y: number }> {
  const box = await mark.boundingBox();
  if (box === null) throw new Error("it is not drawn");
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

test("a device is dragged onto a page table: refused, with the check; the step is kept or dropped", async ({
  page,
}) => {
  test.slow();
  const lab = await Lab.open(page, `v=1&s=sw-msi-nested&k=${OLD}&n=16`);
  const all = await lab.last();
  const drawing = lab.pane("Attachments").locator("svg");
  const from = await centre(drawing.locator('text[data-ref="dev:D1"]').first());
  const to = await centre(drawing.locator('text[data-ref="hwpt:3"]').first());
  const drag = async (): Promise<void> => {
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(to.x, to.y, { steps: 6 });
    await page.mouse.up();
  };
  await drag();
  await lab.expectStep(17);
  await expect(lab.row(17)).toContainText("EADDRINUSE");
  await expect(lab.row(17)).toContainText("pt=3");
  const said = page.getByRole("group", { name: "The kernel refused this step" });
  await expect(said).toContainText("EADDRINUSE");
  await expect(lab.pane("Why")).toContainText("0x8000000");
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  await said.getByRole("button", { name: "Drop it" }).click();
  await expect(lab.timeline).toHaveAttribute("aria-valuemax", String(all));
  await lab.goTo(16);
  await drag();
  await said.getByRole("button", { name: "Keep it" }).click();
  await expect(said).toHaveCount(0);
  await expect(lab.timeline).toHaveAttribute("aria-valuemax", String(all + 1));
});

test("a range dragged out on an IOAS is mapped, a click unmaps it", async ({ page }) => {
  const lab = await Lab.open(page, `v=1&s=sw-msi-nested&k=${NEW}&n=5&x.z=0x9000000-0x90fffff&x.t=1`);
  const all = await lab.last();
  await page.keyboard.press("r");
  const name = lab.space.locator('svg text[data-ref~="ioas:2"]').first();
  const row = await centre(name);
  const plot = await lab.space.boundingBox();
  if (plot === null) throw new Error("no plot");
  await page.mouse.move(plot.x + plot.width * 0.4, row.y);
  await page.mouse.down();
  await page.mouse.move(plot.x + plot.width * 0.5, row.y, { steps: 5 });
  await page.mouse.up();
  await lab.expectStep(6);
  await expect(lab.row(6)).toContainText("IOAS_MAP");
  await expect(lab.timeline).toHaveAttribute("aria-valuemax", String(all + 1));
  const failed = (await lab.row(6).getAttribute("data-outcome")) === "errno";
  expect(failed).toBe(false);
  await page.mouse.click(plot.x + plot.width * 0.45, row.y);
  await lab.expectStep(7);
  await expect(lab.row(7)).toContainText("IOAS_UNMAP");
});

test("a menu says what can be done with a thing, by the keyboard alone", async ({ page }) => {
  test.slow();
  const lab = await Lab.open(page, `v=1&s=sw-msi-nested&k=${OLD}&n=16&x.sel=dev:D1`);
  await page.keyboard.press("Shift+F10");
  const menu = page.getByRole("menu", { name: "What can be done with dev D1" });
  const attach = menu.getByRole("menuitem", { name: /ATTACH_IOMMUFD_PT D1 pt=3.*EADDRINUSE/ });
  await expect(attach).toBeVisible();
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  for (let n = 0; n < 20 && !(await attach.evaluate((e) => e === document.activeElement)); n++)
    await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await lab.expectStep(17);
  await expect(lab.row(17)).toContainText("EADDRINUSE");
  await page.keyboard.press("Control+z");
  await lab.expectStep(16);

  await lab.row(4).click({ button: "right" });
  await page.getByRole("menuitem", { name: "Run stops here" }).click();
  await expect(lab.row(4)).toHaveAttribute("aria-label", /run stops here/);
});
