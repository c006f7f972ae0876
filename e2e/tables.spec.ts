import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "@playwright/test";
import { Lab, NEW } from "./lab.ts";

const at = (step: number, more = ""): string =>
  `v=1&s=sw-msi-nested&k=${NEW}&n=${step}&x.st=tables,attachments,walk${more}`;
const entry = (root: string, ...path: number[]): string => `&x.tb=${encodeURIComponent(`${root}@${path.join(".")}`)}`;

test("Tables comes by its key, follows the walk from the stream table on, and says where it ends", async ({ page }) => {
  const lab = await Lab.open(page, `v=1&s=sw-msi-nested&k=${NEW}&n=9`);
  await page.keyboard.press("7");
  await expect(lab.pane("Tables")).toBeVisible();
  await expect(lab.pane("Address space")).toHaveCount(0);
  await lab.link(/x\.st=tables%2Cattachments%2Cwalk/);
  const drawing = page.getByTestId("tables").locator("svg");
  for (const head of ["L1STD", "STE", "CD", "S1 L0", "S1 L1", "S1 L2"]) await expect(drawing).toContainText(head);
  await expect(page.getByTestId("tables-end")).toHaveText("S1 L2[0x40] is invalid");
  await page.getByRole("textbox", { name: "IOVA" }).fill("0x40001000");
  await page.getByRole("button", { name: "Walk", exact: true }).click();
  await expect(page.getByTestId("tables-end")).toContainText(/^IPA 0x40001000 = PA 0x/);
});

test("a numbered read opens its entry in Tables and in the inspector, and the link carries it", async ({ page }) => {
  const lab = await Lab.open(page, `v=1&s=sw-msi-nested&k=${NEW}&n=9`);
  await lab.pane("Nested walk").locator('[data-n="5"]').first().click();
  await expect(lab.pane("Tables")).toContainText("hwpt 3, S2 44-bit");
  await expect(page.getByTestId("tables").locator("svg")).toContainText("S2 L2");
  await expect(lab.pane("Inspector")).toContainText("stage 2 level 2 block");
  const link = await lab.link(/x\.tb=hwpt%3A3%400\.1\.0/);
  const again = await Lab.open(page, link);
  await expect(again.pane("Tables")).toContainText("hwpt 3, S2 44-bit");
  await expect(page.getByTestId("tables-end")).toContainText("PA 0x");
  await page.getByRole("button", { name: "follow the walk" }).click();
  await expect(again.pane("Tables")).toContainText("D1, stream 0x18");
  await expect(page).not.toHaveURL(/x\.tb=/);
});

test("a step marks the entries that it changed; a run is folded and opened", async ({ page }) => {
  const lab = await Lab.open(page, at(5, entry("hwpt:3", 0, 1, 8)));
  const pane = lab.pane("Tables");
  await expect(pane).toContainText("17 changed by this step");
  await pane.getByRole("button", { name: "Tables as a table" }).click();
  const table = page.getByRole("table", { name: /^Tables of hwpt 3/ });
  const leaf = table.getByRole("row").filter({ hasText: "S2 L3" });
  await expect(leaf.filter({ hasText: "was 0x0" })).toHaveCount(16);
  await expect(leaf.filter({ hasText: "496 × invalid" })).toHaveCount(1);
  await leaf.nth(3).getByRole("button").click();
  await lab.link(/x\.tb=hwpt%3A3%400\.1\.8\.3/);
  await expect(lab.pane("Inspector")).toContainText("stage 2 level 3 page");
  await pane.getByRole("button", { name: "Tables as a table" }).click();
  const fold = page.getByTestId("tables").locator('svg rect[data-ref^="@3.f"]');
  await fold.first().click();
  await expect(page.getByTestId("tables").locator('svg text[data-ref~="@3.511"]').first()).toBeAttached();
});

test("the keyboard goes through pages and entries, and each is said", async ({ page }) => {
  const lab = await Lab.open(page, at(9));
  await page.getByTestId("tables").focus();
  await page.keyboard.press("ArrowLeft");
  await expect(lab.pane("Tables").getByRole("status")).toContainText("S1 L1");
  await page.keyboard.press("ArrowDown");
  await expect(lab.pane("Tables").getByRole("status")).toContainText("S1 L1 entry 0x1: block 1G, from 0x40000000");
  await page.keyboard.press("Enter");
  await lab.link(/x\.tb=dev%3AD1%400\.24\.0\.0\.1(&|$)/);
  await expect(page.getByTestId("tables-end")).toContainText("IPA 0x40000000 = PA");
  await lab.expectStep(9);
});

test("an address goes to its entries; queues and interrupt tables are decoded too", async ({ page }) => {
  const lab = await Lab.open(page, at(9, entry("hwpt:3")));
  await page.getByRole("textbox", { name: "Entries of an address" }).fill("0x41003000");
  await page.getByRole("button", { name: "Go", exact: true }).click();
  await lab.link(/x\.tb=hwpt%3A3%400\.1\.8\.3/);
  const drawing = page.getByTestId("tables").locator("svg");
  await page.getByRole("combobox", { name: "Tables of" }).selectOption({ label: "CMDQ" });
  await expect(drawing).toContainText("CFGI_STE sid 0x18");
  await page.getByRole("combobox", { name: "Tables of" }).selectOption({ label: "ITS devices" });
  await expect(drawing).toContainText("8191 invalid");
});

test("the walk is played read by read, forward, back and by itself", async ({ page }) => {
  const lab = await Lab.open(page, `v=1&s=sw-msi-nested&k=${NEW}&n=9`);
  const pane = lab.pane("Nested walk");
  await pane.getByRole("button", { name: "Next read" }).click();
  await pane.getByRole("button", { name: "Next read" }).click();
  await expect(pane).toContainText("read 2 of 18");
  await expect(pane.getByRole("status")).toContainText("Read 2 of 18: STE 0x18 at 0x");
  await expect(pane.locator("[data-later]")).toHaveCount(16);
  await pane.getByRole("button", { name: "Previous read" }).click();
  await expect(pane).toContainText("read 1 of 18");
  await pane.getByRole("group", { name: /Reads of the walk/ }).focus();
  await page.keyboard.press("End");
  await expect(pane.getByRole("status")).toContainText(/Read 18 of 18: S1 L2\[0x040\].*fails/);
  await page.keyboard.press("Home");
  await pane.getByRole("button", { name: "Play the walk" }).click();
  await expect(pane).toContainText("read 3 of 18");
  await pane.getByRole("button", { name: "Pause the walk" }).click();
  await page.keyboard.press("Tab");
  await pane.getByRole("group", { name: /Reads of the walk/ }).focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await expect(lab.pane("Tables")).toBeVisible();
  await expect(lab.pane("Inspector")).toContainText("STE 0x18");
});

test("with its TLB the hardware gives the stale answer; from memory alone the tables decide", async ({ page }) => {
  const lab = await Lab.open(page, `v=1&s=vmm-forgotten-invalidation&k=${NEW}&n=0`);
  await lab.goTo(await lab.find("S1 unmap"));
  await page.getByRole("textbox", { name: "IOVA" }).fill("0x1000");
  await page.getByRole("button", { name: "Walk", exact: true }).click();
  const pane = page.locator("#pane-walk");
  await expect(pane).toContainText("F_TRANSLATION");
  await expect(pane).toContainText("the TLB is stale: it says PA 0x");
  await page.getByRole("button", { name: "with TLB" }).click();
  await expect(pane).toContainText("hit: 0x1000");
  await expect(pane).toContainText("0 reads");
  await lab.link(/x\.now=1/);
});

test("nothing of Tables is in the way where there is nothing to show", async ({ page }) => {
  const lab = await Lab.open(page, at(1, entry("hwpt:3", 0)));
  await expect(lab.pane("Tables")).toContainText("There is no hwpt 3 with a table after this step.");
  await page.getByRole("combobox", { name: "Tables of" }).selectOption({ label: "D1, stream 0x18" });
  await expect(page.getByTestId("tables").locator("svg")).toContainText("L1STD");
});

for (const scheme of ["light", "dark"] as const)
  for (const contrast of ["no-preference", "more"] as const)
    test(`axe finds nothing on Tables and a played walk, ${scheme}, contrast ${contrast}`, async ({ page }) => {
      await page.emulateMedia({ colorScheme: scheme, contrast });
      const lab = await Lab.open(page, at(5, entry("hwpt:3", 0, 1, 8)));
      await expect(lab.pane("Tables")).toContainText("17 changed");
      expect((await new AxeBuilder({ page }).include("#pane-tables").analyze()).violations).toEqual([]);
      await lab.pane("Tables").getByRole("button", { name: "Tables as a table" }).click();
      expect((await new AxeBuilder({ page }).include("#pane-tables").analyze()).violations).toEqual([]);
      await lab.goTo(9);
      await page.getByRole("button", { name: "Next read" }).click();
      expect((await new AxeBuilder({ page }).include("#pane-walk").analyze()).violations).toEqual([]);
    });
