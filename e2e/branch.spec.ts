import { AxeBuilder } from "@axe-core/playwright";
import { expect, test } from "@playwright/test";
import { Lab, NEW } from "./lab.ts";

const START = `v=1&s=sw-msi-nested&k=${NEW}&n=9`;

test("B leaves what follows as a lane; branches are switched, compared, renamed and closed; undo brings them back", async ({
  page,
}) => {
  test.slow();
  const lab = await Lab.open(page, START);
  const all = await lab.last();
  const timeline = lab.pane("Timeline");
  await page.keyboard.press("b");
  await expect(lab.timeline).toHaveAttribute("aria-valuemax", "9");
  await expect(timeline.getByText("on branch 1")).toBeVisible();
  await expect(timeline.getByRole("button", { name: "main", exact: true })).toBeVisible();
  await lab.expectStep(9);

  await page.keyboard.press("i");
  await page
    .getByRole("combobox", { name: "New step after 9" })
    .fill("vmm IOMMU_IOAS_MAP ioas=I iova=0x8000000 len=64K va=MORE RW");
  await page.keyboard.press("Enter");
  await lab.expectStep(10);
  await expect(lab.row(10)).toContainText("EINVAL");

  await timeline.getByRole("button", { name: "Compare with main" }).click();
  const compare = lab.pane("Compare");
  await expect(compare).toContainText("VFIO_DEVICE_SET_IRQS");
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  await page.keyboard.press("x");

  await timeline.getByRole("button", { name: "main", exact: true }).click();
  await expect(lab.timeline).toHaveAttribute("aria-valuemax", String(all));
  await expect(page).toHaveURL(/s=sw-msi-nested/);
  await timeline.getByRole("button", { name: "Rename branch 1" }).click();
  await page.getByRole("textbox", { name: "New name of branch 1" }).fill("map in the way");
  await page.keyboard.press("Enter");
  await expect(timeline.getByRole("button", { name: "map in the way", exact: true })).toBeVisible();

  await page.keyboard.press("j");
  await expect(lab.timeline).toHaveAttribute("aria-valuemax", "10");
  const link = await lab.link(/[#&]t=.*&b=/);
  await timeline.getByRole("button", { name: "Close map in the way" }).click();
  await expect(lab.timeline).toHaveAttribute("aria-valuemax", String(all));
  await expect(timeline.getByRole("button", { name: "map in the way" })).toHaveCount(0);
  await lab.settled();
  await page.keyboard.press("Control+z");
  await expect(timeline.getByText("on map in the way")).toBeVisible();
  await expect(lab.timeline).toHaveAttribute("aria-valuemax", "10");
  await page.keyboard.press("Control+Shift+z");
  await expect(lab.timeline).toHaveAttribute("aria-valuemax", String(all));

  // Both branches are in the link.
  await Lab.open(page, link);
  await expect(lab.timeline).toHaveAttribute("aria-valuemax", "10");
  await timeline.getByRole("button", { name: "main", exact: true }).click();
  await expect(lab.timeline).toHaveAttribute("aria-valuemax", String(all));
});

test("Shift B keeps what follows; before the first step there is nothing to branch", async ({ page }) => {
  const lab = await Lab.open(page, START);
  const all = await lab.last();
  await page.keyboard.press("Shift+b");
  await expect(lab.pane("Timeline").getByText("on branch 1")).toBeVisible();
  await expect(lab.timeline).toHaveAttribute("aria-valuemax", String(all));
  await lab.goTo(8);
  await page.keyboard.press("Delete");
  await expect(lab.notice).toContainText("N is not named above");
});

test("undo takes back a kernel and a view, and the scenario that was open before", async ({ page }) => {
  const lab = await Lab.open(page, START);
  await lab.useKernel("linux-6.11");
  await lab.settled();
  await page.keyboard.press("4");
  await expect(lab.pane("Machine")).toBeVisible();
  await page.keyboard.press("Control+z");
  await expect(lab.pane("Machine")).toHaveCount(0);
  await page.keyboard.press("Control+z");
  await expect(lab.kernel(NEW)).toHaveAttribute("aria-checked", "true");
});
