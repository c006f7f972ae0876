import { expect, test } from "@playwright/test";
import { Lab, NEW, OLD } from "./lab.ts";

test("runs the scenario to its end and pauses", async ({ page }) => {
  const lab = await Lab.open(page);
  const last = await lab.last();
  await page.keyboard.press("Shift+Comma");
  await lab.expectStep(0);
  await page.getByRole("button", { name: "Run", exact: false }).first().click();
  await lab.expectStep(2);
  await page.getByRole("button", { name: "Pause", exact: false }).click();
  const paused = await lab.step();
  await page.waitForTimeout(1200);
  await lab.expectStep(paused);
  await lab.goTo(last - 1);
  await page.getByRole("button", { name: "Run", exact: false }).first().click();
  await lab.expectStep(last);
  await expect(page.getByRole("button", { name: "Run", exact: false }).first()).toBeVisible();
});

test("steps, steps back, and finds the same picture again", async ({ page }) => {
  const lab = await Lab.open(page);
  const attach = await lab.find("ATTACH_IOMMUFD_PT");
  await lab.goTo(attach);
  const before = await lab.picture();
  const transport = page.getByRole("toolbar", { name: "Play the scenario" });
  await transport.getByRole("button", { name: "Step" }).click();
  await lab.expectStep(attach + 1);
  expect(await lab.picture()).not.toBe(before);
  await transport.getByRole("button", { name: "Back" }).click();
  await lab.expectStep(attach);
  await expect.poll(() => lab.picture()).toBe(before);
});

test("scrubs by dragging along the timeline", async ({ page }) => {
  const lab = await Lab.open(page);
  const box = await lab.timeline.boundingBox();
  if (box === null) throw new Error("no timeline");
  await page.mouse.move(box.x + box.width - 30, box.y + 40);
  await page.mouse.down();
  await lab.expectStep(await lab.last());
  await page.mouse.move(box.x + box.width * 0.5, box.y + 40, { steps: 6 });
  const middle = await lab.step();
  expect(middle).toBeGreaterThan(1);
  expect(middle).toBeLessThan(await lab.last());
  await page.mouse.up();
});

test("on the 6.11 rule the interrupt is lost: the doorbell is programmed as it is, and stage 1 has no such address", async ({
  page,
}) => {
  const lab = await Lab.open(page);
  await lab.useKernel(OLD);
  const msi = await lab.find("MSI write");
  await lab.goTo(msi);
  await expect(lab.row(msi)).toContainText("F_TRANSLATION");
  await expect(lab.row(await lab.find("SET_IRQS"))).toContainText("0x8090040");
  await expect(lab.spoken).toContainText(/F_TRANSLATION/);
  await expect(lab.space).toContainText("F_TRANSLATION stage 1");
  const walk = lab.pane("Nested walk");
  await expect(walk).toContainText("F_TRANSLATION stage 1");
  await expect(walk).toContainText("MSI doorbell");
  const why = lab.pane("Why");
  await expect(why.getByTestId("why-opened").first()).toContainText("invalid");
  await expect(why).toContainText("iommu_dma_prepare_msi");
  await expect(why).toContainText("iommufd_hw_pagetable_attach");
  await expect(lab.pane("Inspector")).toContainText("STE 0x18");
});

test("once the guest maps the window, 7.2 delivers the interrupt and the 6.11 rule still loses it", async ({
  page,
}) => {
  const lab = await Lab.open(page);
  const msi = await lab.find("MSI write", 1);
  await lab.useKernel(OLD);
  await lab.goTo(msi);
  await expect(lab.row(msi)).toContainText("F_TRANSLATION");
  await expect(lab.space).toContainText("F_TRANSLATION stage 2");
  await lab.useKernel(NEW);
  await expect(lab.row(msi)).toContainText("irq arrives");
  await expect(lab.row(await lab.find("SET_IRQS"))).toContainText("0x8000040");
  await expect(lab.space).toContainText("LPI");
  await expect(lab.pane("Nested walk")).toContainText("0x8090040");
  await expect(lab.pane("Timeline").getByText("differs from step").first()).toBeVisible();
});

test("walks any address typed, and says what an address is", async ({ page }) => {
  const lab = await Lab.open(page);
  const walk = lab.pane("Nested walk");
  await walk.getByLabel("IOVA").fill("0x1040");
  await walk.getByLabel("IOVA").press("Enter");
  await expect(page).toHaveURL(/x\.w=D1%2C0x1040%2Cw/);
  await expect(walk.locator("table")).toContainText("S1 L3");
  await walk.getByLabel("IOVA").fill("banana");
  await expect(walk.getByText("An address is 0x and up to 16 hex digits.")).toBeVisible();
});
