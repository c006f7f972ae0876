import { expect, type Page, test } from "@playwright/test";
import { violations } from "./axe.ts";
import { Lab } from "./lab.ts";

const IDS = ["sw-msi", "ioasid", "pci-windows", "resv", "replace"] as const;
const pane = (page: Page) => page.getByRole("region", { name: "Tour", exact: true });
const stops = (page: Page) => page.getByRole("list", { name: "Stops of this tour" }).getByRole("button");
const kind = (page: Page) => page.locator("[data-kind] > p").first();

test("G opens the list; a tour begins with its question and drives the simulator", async ({ page }) => {
  const lab = await Lab.open(page, "v=1&s=ioasid-q12&k=linux-7.2&n=3");
  await page.keyboard.press("g");
  await expect(page.getByRole("region", { name: "Tours", exact: true })).toBeFocused();
  await page.getByRole("button", { name: /^SW_MSI: at allocation or at attach/ }).click();
  await expect(pane(page)).toContainText("An interrupt is a write");
  await lab.expectStep(0);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("SW_MSI and the nested direct attach");
  await expect(page.getByTestId("tour-spoken")).toHaveText(/^Stop 1 of \d+, the question: /);
  await page.getByRole("button", { name: "Next" }).click();
  await expect(page.getByRole("region", { name: "Machine", exact: true })).toBeVisible();
  await expect(kind(page)).toContainText("The world");
});

test("keyboard only: PgDn and PgUp through a whole tour, to Compare with the alternatives", async ({ page }) => {
  test.setTimeout(120_000);
  const lab = await Lab.open(page, "v=1&tour=sw-msi");
  const all = await stops(page).count();
  const seen: string[] = [];
  for (let i = 1; i <= all; i++) {
    await expect(page.getByTestId("tour-spoken")).toHaveText(new RegExp(`^Stop ${i} of ${all}, `));
    await lab.settled();
    await lab.link(new RegExp(`x\\.tour=sw-msi\\.${i}(&|$)`));
    await expect(lab.notice).toHaveCount(0);
    seen.push((await kind(page).innerText()).split("\n")[1] ?? "");
    if (i < all) await page.keyboard.press("PageDown");
  }
  expect(seen[0]).toBe("The question");
  expect(seen.at(-1)).toBe("Decide yourself");
  await expect(page.getByRole("grid", { name: "Steps on several kernels" }).getByRole("columnheader")).toHaveCount(6);
  await expect(pane(page)).toBeVisible();
  await page.keyboard.press("PageUp");
  await expect(page.getByTestId("tour-spoken")).toHaveText(new RegExp(`^Stop ${all - 1} of`));
});

test("an objection says who, when and where, in our words, and shows what it leads to", async ({ page }) => {
  const lab = await Lab.open(page, "v=1&tour=sw-msi.7");
  const text = pane(page);
  await expect(text.locator("figure")).toContainText("Jason Gunthorpe, 29 Jul 2024");
  await expect(text.locator("figure")).toContainText("Our paraphrase.");
  await expect(text.locator("figure")).toContainText("20240729182446.GH3371438@nvidia.com");
  await lab.expectStep(8);
  const answers = text.getByRole("region", { name: "What each kernel answers" }).getByRole("button");
  await expect(answers).toHaveCount(4);
  await expect(answers.nth(2)).toContainText("EINVAL");
  await answers.nth(2).click();
  await expect(lab.kernel("linux-6.12")).toHaveAttribute("aria-checked", "true");
  await expect(lab.row(8)).toContainText("EINVAL");
  await text.getByRole("button", { name: /D3 with another window is let in/ }).click();
  await lab.expectStep(7);
});

test("the tour holds nobody: step on, open something else, come back, leave and go on later", async ({ page }) => {
  const lab = await Lab.open(page, "v=1&tour=replace.3");
  await lab.expectStep(9);
  const back = pane(page).getByRole("button", { name: "Back to this picture" });
  await expect(back).toBeHidden();
  await page.keyboard.press("Period");
  await lab.expectStep(10);
  await back.click();
  await lab.expectStep(9);
  await page.keyboard.press("o");
  await page.getByRole("combobox", { name: "Find a scenario" }).fill("probe 12:");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(/^Probe 12/);
  await expect(pane(page)).toContainText("6.2's rule");
  await back.click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Linked only when the device comes");
  await pane(page).getByRole("button", { name: "leave" }).click();
  await expect(pane(page)).toHaveCount(0);
  await expect(page.getByRole("region", { name: "Inspector", exact: true })).toBeVisible();
  await lab.link(/^(?!.*x\.tour)/);
  await page.keyboard.press("g");
  await expect(page.getByTestId("tour-spoken")).toHaveText(/^Stop 3 of/);
  await lab.expectStep(9);
});

test("a link to a stop opens it; one to a tour that is not there is refused in words", async ({ page }) => {
  const lab = await Lab.open(page, "v=1&tour=resv.6");
  await expect(pane(page)).toContainText("IOVA_RANGES is not enough");
  const link = await lab.link(/x\.tour=resv\.6/);
  await page.goto("about:blank");
  await Lab.open(page, link);
  await expect(pane(page)).toContainText("IOVA_RANGES is not enough");
  await page.goto("about:blank");
  const other = await Lab.open(page, "v=1&tour=moon");
  await expect(other.notice).toContainText('the tour "moon", which is not known here');
});

test("fast keys land on the stop that was asked for last", async ({ page }) => {
  const lab = await Lab.open(page, "v=1&tour=pci-windows");
  for (let i = 0; i < 6; i++) await page.keyboard.press("PageDown");
  await expect(page.getByTestId("tour-spoken")).toHaveText(/^Stop 7 of/);
  await lab.settled();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(/^Firmware's memory/);
  await lab.expectStep(6);
  await expect(lab.notice).toHaveCount(0);
});

for (const scheme of ["light", "dark"] as const)
  test(`axe finds nothing on the list, an objection and the last stop, ${scheme}`, async ({ page }) => {
    test.setTimeout(120_000);
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width: 1280, height: 800 });
    const lab = await Lab.open(page, "v=1&tour=all");
    await lab.settled();
    expect(await violations(page)).toEqual([]);
    for (const at of ["sw-msi.7", "pci-windows.9", "ioasid.18"]) {
      await page.goto("about:blank");
      await (await Lab.open(page, `v=1&tour=${at}`)).settled();
      expect(await violations(page)).toEqual([]);
    }
  });

test("every tour opens at its first and its last stop without a word of refusal", async ({ page }) => {
  test.setTimeout(120_000);
  for (const id of IDS)
    for (const at of ["", ".99"]) {
      await page.goto("about:blank");
      const lab = await Lab.open(page, `v=1&tour=${id}${at}`);
      await lab.settled();
      await expect(lab.notice).toHaveCount(0);
      await expect(pane(page).getByRole("heading", { level: 3 })).not.toBeEmpty();
    }
});
