import { expect, test } from "@playwright/test";
import { Lab, OLD } from "./lab.ts";

// LAB_PICTURES=1 npm run e2e -- picture: writes the pictures of the README.
if (process.env["LAB_PICTURES"] === "1") {
  for (const scheme of ["light", "dark"] as const)
    test(`the README's picture, ${scheme}`, async ({ browser, baseURL }) => {
      const context = await browser.newContext({
        viewport: { width: 1600, height: 1000 },
        colorScheme: scheme,
        deviceScaleFactor: 2,
        ...(baseURL === undefined ? {} : { baseURL }),
      });
      const page = await context.newPage();
      const lab = await Lab.open(page);
      await lab.useKernel(OLD);
      await lab.goTo(await lab.find("MSI write"));
      await expect(lab.space).toContainText("F_TRANSLATION stage 1");
      await page.mouse.move(0, 0);
      await page.evaluate(() =>
        document.activeElement instanceof HTMLElement ? document.activeElement.blur() : undefined,
      );
      await page.waitForTimeout(400);
      await page.screenshot({ path: `docs/pictures/first-light-${scheme}.png` });
      await context.close();
    });
}
