import { expect, type Page, test } from "@playwright/test";
import { VIEWS } from "../src/ui/app/stage.ts";
import { expectPixels, expectStructure } from "./golden.ts";
import { Lab, NEW, OLD } from "./lab.ts";

const at = (step: number): string => `v=1&s=sw-msi-nested&k=${OLD}&n=${step}&x.c=${NEW}`;

test.use({ viewport: { width: 1280, height: 800 } });

/** Each view over the whole stage; then the panes beside it. */
async function eachPane(page: Page, lab: Lab, look: (pane: string) => Promise<void>): Promise<void> {
  for (const v of VIEWS) {
    await page.keyboard.press(v.key.label);
    const pane = page.locator(`#pane-${v.id}`);
    await expect(pane).toBeVisible();
    await pane.getByRole("button", { name: /^Maximise / }).click();
    await expect(pane).not.toContainText("is being fetched");
    await lab.settled();
    await page.mouse.move(0, 0);
    await look(v.id);
    await page
      .locator(`#pane-${v.id}`)
      .getByRole("button", { name: /^Give / })
      .click();
  }
  await page.keyboard.press("1");
  await lab.settled();
  for (const id of ["inspector", "why", "timeline"]) await look(id);
}

for (const state of ["light", "dark", "empty"] as const)
  test(`every view looks as it did: ${state}`, async ({ page }) => {
    test.slow();
    await page.emulateMedia({ colorScheme: state === "dark" ? "dark" : "light", reducedMotion: "reduce" });
    const lab = await Lab.open(page, at(state === "empty" ? 0 : 13));
    await lab.settled();
    await eachPane(page, lab, async (pane) => {
      // Colours are named in the drawing: in the dark it is the same to the letter.
      await expectStructure(page, pane, state === "empty" ? `${pane}-empty` : pane);
      await expectPixels(page, pane, `${pane}-${state}`);
    });
  });

for (const scheme of ["light", "dark"] as const)
  test(`the tour looks as it did: ${scheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    const lab = await Lab.open(page, "v=1&tour=sw-msi.5");
    await expect(page.locator("#pane-tour h2")).toHaveText("Tour");
    await lab.settled();
    await expectStructure(page, "tour", "tour");
    await expectPixels(page, "tour", `tour-${scheme}`);
  });
