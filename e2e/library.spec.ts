import { readdirSync } from "node:fs";
import { expect, test } from "@playwright/test";
import { Lab, NEW } from "./lab.ts";

const count = readdirSync("scenarios").filter((f) => f.endsWith(".lab")).length;

test("every scenario stands in a group with its question, kernels and checks", async ({ page }) => {
  await Lab.open(page);
  await page.keyboard.press("o");
  const dialog = page.getByRole("dialog", { name: "Scenarios" });
  await expect(dialog.getByRole("option")).toHaveCount(count);
  for (const name of ["SW_MSI and nested domains, 2024 and 2025", "/dev/ioasid, 2021", "Faults and events"])
    await expect(dialog.getByRole("group", { name })).toBeVisible();
  await dialog.getByRole("combobox").fill("replace fix");
  await expect(dialog.getByRole("option")).toHaveCount(1);
  const card = dialog.getByRole("group", { name: /^A refused replace/ });
  await expect(card).toContainText("Is everything else as it was, too?");
  await expect(card.getByRole("button", { name: /^replace fix/ })).toContainText(/✓ \d+ checks hold/);
  await card.getByRole("button", { name: /^7\.2/ }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(/^A refused replace/);
});

test("find nothing, show all again; arrows choose, Enter opens", async ({ page }) => {
  const lab = await Lab.open(page);
  await page.keyboard.press("o");
  const dialog = page.getByRole("dialog", { name: "Scenarios" });
  await dialog.getByRole("combobox").fill("xyzzy");
  await expect(dialog).toContainText("The library holds no such scenario.");
  await dialog.getByRole("button", { name: "Show all" }).click();
  await dialog.getByRole("combobox").fill("probe 9");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(/^Probe 9/);
  await lab.settled();
});

test("the checks of what was found can be played one after the other, and stopped", async ({ page }) => {
  await Lab.open(page);
  await page.keyboard.press("o");
  const dialog = page.getByRole("dialog", { name: "Scenarios" });
  await dialog.getByRole("combobox").fill("sw-msi-option");
  await dialog.getByRole("button", { name: "Check these" }).click();
  await expect(dialog.getByRole("status")).toHaveText("all checks hold", { timeout: 30_000 });
  await expect(dialog.getByText("✓ holds")).toHaveCount(await dialog.getByRole("option").count());
});

test("any kernel of the catalogue, in the same groups", async ({ page }) => {
  const lab = await Lab.open(page);
  await page.keyboard.press("c");
  const dialog = page.getByRole("dialog", { name: "Kernels" });
  await expect(dialog.getByRole("group", { name: "Named by this scenario" }).getByRole("radio")).toHaveCount(4);
  await dialog.getByRole("searchbox").fill("6.14");
  await dialog.getByRole("radio", { name: /^6\.14 / }).click();
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(lab.kernel("linux-6.14")).toHaveAttribute("aria-checked", "true");
  await lab.link(/k=linux-6\.14/);
  await expect(lab.kernel(NEW)).toHaveCount(1);
});
