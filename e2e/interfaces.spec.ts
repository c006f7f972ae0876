import { AxeBuilder } from "@axe-core/playwright";
import { expect, test } from "@playwright/test";
import { Lab, NEW } from "./lab.ts";

test("a container of 2018: attachments, walk and next steps know it, and the inspector opens it", async ({ page }) => {
  const lab = await Lab.open(page, "v=1&s=pci-windows-limit&k=pci-windows-acs-only&n=7");
  const attachments = lab.pane("Attachments");
  await expect(attachments).toContainText("D1 to container fd 4");
  await expect(attachments).toContainText("type1v2");
  await expect(lab.pane("Walk")).toContainText("SW_MSI window, D1");
  const next = lab.pane("Steps");
  await expect(next).toContainText("IOMMU_MAP_DMA container=4");
  await expect(next).not.toContainText("BIND_IOMMUFD");
  await lab.object("container:4").click();
  await expect(lab.pane("Inspector")).toContainText("VFIO type1v2");
  await expect(lab.pane("Inspector")).toContainText("iova_list");
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
});

test("a design of 2021: its space is attached to, drawn and walked; iommufd's empty rows are not", async ({ page }) => {
  const lab = await Lab.open(page, "v=1&s=ioasid-q12&k=dev-iommu-rfc2-2021-07&n=4&x.c=none");
  await expect(lab.pane("Attachments")).toContainText("D1 to space 1, D2 to space 1");
  await expect(lab.space).toContainText("space 1 mapped");
  await expect(lab.space).toContainText("space 1 table");
  await expect(lab.space).not.toContainText("IOAS 1 mapped");
  await expect(lab.space).not.toContainText("IOVA_RANGES");
  await expect(lab.object("space:3/1")).toBeInViewport();
  await expect(lab.pane("Steps")).toContainText("SPACE_MAP space=1");
  await lab.useKernel(NEW);
  await expect(lab.space).toContainText("IOAS 1 mapped");
  await expect(lab.space).not.toContainText("space 1 mapped");
});

test("a PASID is named in the step, the attachment and the walk", async ({ page }) => {
  const lab = await Lab.open(page, `v=1&s=fault-pasid&k=${NEW}&n=11`);
  await expect(lab.row(11)).toContainText("PASID 1");
  await expect(lab.spoken).toContainText("with PASID 1");
  await expect(lab.pane("Attachments")).toContainText("PASID 1");
  await expect(lab.pane("Walk")).toContainText("CD[1]");
  await expect(lab.pane("Walk").getByLabel("PASID")).toHaveValue("1");
  await page.setViewportSize({ width: 1280, height: 800 });
  await expect(lab.pane("Walk").getByLabel("PASID")).toBeVisible();
});

test("the guest's memory has a track: laid out around holes, with its RMR", async ({ page }) => {
  const lab = await Lab.open(page, `v=1&s=vmm-layout&k=${NEW}&n=9`);
  await expect(lab.space).toContainText("Guest memory");
  await expect(lab.space).toContainText("+3 −3");
  await Lab.open(page, `v=1&s=sw-msi-nested&k=${NEW}&n=12`);
  await expect(lab.space).toContainText("RMR 1M");
  await lab.goTo(11);
  await expect(lab.space).not.toContainText("RMR 1M");
});

test("a device that is dropped on what it cannot be attached to: one sentence says why, and nothing is done", async ({
  page,
}) => {
  const lab = await Lab.open(page, `v=1&s=sw-msi-nested&k=${NEW}&n=16`);
  const all = await lab.last();
  await lab.object("dev:D1").hover();
  await page.mouse.down();
  await lab.object("viommu:4").hover();
  await page.mouse.up();
  await expect(lab.notice).toContainText("attached to a page table or to an IOAS; viommu 4 is neither");
  await lab.expectStep(16);
  expect(await lab.last()).toBe(all);
});
