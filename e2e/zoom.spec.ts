import { expect, test } from "@playwright/test";
import { Lab, NEW } from "./lab.ts";

const WINDOW = { start: 0x8000000n, last: 0x80fffffn };

test("zooms to the SW_MSI cut-out of the parent's IOAS, down to one page, and back to 2^64", async ({ page }) => {
  const lab = await Lab.open(page);
  await lab.useKernel(NEW);
  await lab.goTo(await lab.find("ATTACH_IOMMUFD_PT"));
  const space = lab.pane("Address space");
  await space.getByRole("button", { name: "Address space as a table" }).click();
  const cut = space.getByRole("row").filter({ hasText: "IOAS 2 reserved" }).filter({ hasText: "SW_MSI" });
  await expect(cut).toContainText("0x8000000");
  await expect(cut).toContainText("0x80fffff");
  await expect(cut).toContainText("added");
  await cut.getByRole("button", { name: "Show 0x8000000" }).click();
  await space.getByRole("button", { name: "Address space as a table" }).click();
  await lab.link(/x\.z=/);
  const seen = lab.window();
  expect(seen !== null && seen.lo < WINDOW.start && seen.last > WINDOW.last).toBe(true);

  const box = await lab.space.boundingBox();
  if (box === null) throw new Error("no address space");
  await page.mouse.move(box.x + box.width / 2, box.y + 200);
  for (let i = 0; i < 60; i++) await page.mouse.wheel(0, -400);
  await expect.poll(() => (lab.window()?.last ?? 0n) - (lab.window()?.lo ?? 0n)).toBe(4095n);
  const near = lab.window();
  expect(near !== null && near.lo >= WINDOW.start && near.last <= WINDOW.last).toBe(true);

  await page.keyboard.press("Escape");
  await page.keyboard.press("f");
  await expect.poll(() => lab.window()).toBeNull();
});

test("the window moves with the keys: W S A D, F and T", async ({ page }) => {
  const lab = await Lab.open(page);
  await page.keyboard.press("m");
  await lab.link(/x\.z=/);
  const size = (): bigint => (lab.window()?.last ?? 0n) - (lab.window()?.lo ?? 0n);
  const first = lab.window();
  await page.keyboard.press("w");
  await expect.poll(() => size() < (first?.last ?? 0n) - (first?.lo ?? 0n)).toBe(true);
  const nearer = lab.window();
  await page.keyboard.press("d");
  await expect.poll(() => (lab.window()?.lo ?? 0n) > (nearer?.lo ?? 0n)).toBe(true);
  await page.keyboard.press("a");
  await page.keyboard.press("s");
  await page.keyboard.press("f");
  await expect.poll(() => lab.window()).toBeNull();
  await page.keyboard.press("t");
  await lab.link(/x\.t=1/);
});

test("show me brings the interval that clashed into sight", async ({ page }) => {
  const lab = await Lab.open(page);
  await lab.useKernel(NEW);
  const refused = await lab.find("EINVAL");
  await lab.goTo(refused);
  const opened = lab.pane("Why").getByTestId("why-opened").first();
  await expect(opened).toContainText("SW_MSI");
  await opened.getByRole("button", { name: "show me" }).click();
  await lab.link(/x\.z=/);
  const seen = lab.window();
  expect(seen !== null && seen.lo <= WINDOW.start && seen.last >= WINDOW.last && seen.last < 0x100000000n).toBe(true);
});

test("the pointer tells what stands under it, and a click follows it through the tables", async ({ page }) => {
  const lab = await Lab.open(page);
  const page0 = lab.space.locator('rect[data-ref^="iv:"][data-ref$=":1000"], rect[data-ref*=":1000 "]').first();
  await page0.hover({ force: true });
  await expect(page.getByText("0x1000 - 0x1fff", { exact: false }).first()).toBeVisible();
  await page0.click({ force: true });
  await lab.link(/x\.p=.*0x1000/);
});

test("panes can be resized by key and maximised; steps and timeline stay", async ({ page }) => {
  const lab = await Lab.open(page);
  const splitter = page.getByRole("separator", { name: "Width of Steps" });
  const width = async () => (await page.locator("#pane-steps").boundingBox())?.width ?? 0;
  const before = await width();
  await splitter.focus();
  await page.keyboard.press("ArrowRight");
  await expect.poll(width).toBeGreaterThan(before);
  await page.getByRole("button", { name: "Maximise Nested walk" }).click();
  await expect(lab.pane("Address space")).toBeHidden();
  await expect(lab.pane("Nested walk")).toBeVisible();
  await expect(lab.steps).toBeVisible();
  await expect(lab.timeline).toBeVisible();
  await page.getByRole("button", { name: "Give Nested walk its place back" }).click();
  await expect(lab.pane("Address space")).toBeVisible();
});
