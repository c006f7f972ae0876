import { expect, test } from "@playwright/test";
import { Lab, NEW } from "./lab.ts";

test("what is typed before the line is there stands in it, and sets off nothing", async ({ page }) => {
  const lab = await Lab.open(page);
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route("**/Writer-*.js", async (route) => {
    await held;
    await route.continue();
  });
  const step = await lab.step();
  await page.keyboard.press("i");
  await page.keyboard.type("vmm IOMMU_IO.");
  release();
  const line = page.getByRole("combobox", { name: `New step after ${step}` });
  await expect(line).toBeFocused();
  await expect(line).toHaveValue("vmm IOMMU_IO.");
  await page.keyboard.type("x");
  await expect(line).toHaveValue("vmm IOMMU_IO.x");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await lab.expectStep(step);
});

test("in decimal no number stays hexadecimal but what stands in memory", async ({ page }) => {
  const lab = await Lab.open(page, `v=1&s=sw-msi-nested&k=${NEW}&n=13`);
  await page.keyboard.press("h");
  const walk = lab.pane("Nested walk");
  await expect(walk).toContainText("1074003968"); // 0x40040000
  await expect(walk).toContainText("0x40044009");
  await expect(lab.space).toContainText("135266303"); // 0x80fffff
  await expect(lab.pane("Attachments")).toContainText("SID 24"); // 0x18
  await expect(lab.pane("Attachments")).not.toContainText("0x");
  await page.keyboard.press("h");
  await expect(lab.space).toContainText("80fffff");
});

test("a scenario in which nothing fails opens where its kernels part, else at its end", async ({ page }) => {
  const lab = await Lab.open(page);
  await lab.openScenario("resv-relaxable");
  await lab.expectStep(5);
  await expect(lab.row(5)).toContainText("IOVA_RANGES");
  await lab.openScenario("vmm-qemu-legacy-container");
  await lab.expectStep(await lab.last());
});

test("Why shows the check that failed without scrolling, below the name of the call", async ({ page }) => {
  const lab = await Lab.open(page, "v=1&s=vmm-layout&k=linux-6.6&n=3");
  await lab.goTo(4);
  const opened = lab.pane("Why").getByTestId("why-opened").first();
  await expect(opened).toContainText("no mapping in the way");
  await expect(opened).toBeInViewport({ ratio: 1 });
  await expect(lab.pane("Why").getByText("VFIO_DEVICE_ATTACH_IOMMUFD_PT")).toBeInViewport();
});

test("an access that ended on the bus says so", async ({ page }) => {
  const lab = await Lab.open(page, `v=1&s=pci-windows-peer&k=${NEW}&n=7`);
  await expect(lab.pane("Why")).toContainText("it ended on the PCI bus");
});

test("nothing of a struct or of a walk's entry is cut off", async ({ page }) => {
  for (const [width, height] of [
    [1280, 800],
    [1440, 900],
  ] as const) {
    await page.setViewportSize({ width, height });
    const ranges = await Lab.open(page, `v=1&s=vmm-qemu-start&k=${NEW}&n=7`);
    expect(await ranges.cutOff("Inspector")).toEqual([]);
    const walk = await Lab.open(page, `v=1&s=sw-msi-nested&k=${NEW}&n=13`);
    expect(await walk.cutOff("Nested walk")).toEqual([]);
  }
});

test("the name of a call stands whole in the list, its prefix gives way", async ({ page }) => {
  const lab = await Lab.open(page, "v=1&s=replace-auto-domain&k=created-linked-unfinalised&n=9");
  await expect(lab.row(9)).toContainText("EADDRINUSE");
  const name = lab.row(9).getByText("ATTACH_IOMMUFD_PT", { exact: true });
  expect(await name.evaluate((e) => e.scrollWidth <= e.clientWidth)).toBe(true);
});
