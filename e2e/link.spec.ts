import { expect, test } from "@playwright/test";
import { Lab, NEW, OLD } from "./lab.ts";

test("a reload from the link gives the same picture", async ({ page }) => {
  const lab = await Lab.open(page);
  await lab.useKernel(NEW);
  await lab.goTo(await lab.find("MSI write", 1));
  await page.getByLabel("Kernel drawn dashed").selectOption(OLD);
  await page.keyboard.press("m");
  await lab.link(/k=linux-7\.2&.*x\.c=linux-6\.11.*x\.z=/);
  const before = await lab.picture();
  const link = page.url();
  await page.reload();
  await lab.ready();
  await expect.poll(() => lab.picture()).toBe(before);
  expect(page.url()).toBe(link);
  await expect(page).toHaveTitle("SW_MSI and the nested direct attach · IOMMUFD Lab");
});

const broken: [string, string, RegExp][] = [
  ["no version", "s=sw-msi-nested&k=linux-6.11&n=3", /no version/],
  ["a newer version", "v=99&s=sw-msi-nested&k=linux-6.11&n=3", /version 99/],
  ["an unknown kernel", "v=1&s=sw-msi-nested&k=linux-9.9&n=3", /linux-9\.9/],
  ["an unknown kernel to compare with", "v=1&s=sw-msi-nested&k=linux-6.11&n=3&x.c=linux-9.9", /linux-9\.9/],
  ["an unknown scenario", "v=1&s=no-such&k=linux-6.11&n=3", /no-such/],
  ["a step that is not there", "v=1&s=sw-msi-nested&k=linux-6.11&n=900", /900/],
  ["a step that is no number", "v=1&s=sw-msi-nested&k=linux-6.11&n=x", /no number/],
  ["a window that is none", "v=1&s=sw-msi-nested&k=linux-6.11&n=3&x.z=0x9-0x1", /0x9-0x1/],
  ["a cut scenario text", "v=1&t=q80rzt&k=linux-6.11&n=3", /cut|unpacked/],
  ["a broken escape", "v=1&s=%E0%A4%A&k=linux-6.11", /escape/],
];

for (const [what, fragment, words] of broken)
  test(`a link with ${what} is refused in one sentence, and the first scenario opens`, async ({ page }) => {
    const lab = await Lab.open(page, fragment);
    await expect(lab.notice).toBeVisible();
    const said = (await lab.notice.locator("p").innerText()).trim();
    expect(said).toMatch(words);
    expect(said).toMatch(/^[A-Z"].*\.$/);
    expect(await lab.last()).toBeGreaterThan(10);
    await lab.link(/^.*#v=1&s=sw-msi-nested&/);
  });

test("a broken link pasted later leaves the world as it was", async ({ page }) => {
  const lab = await Lab.open(page);
  await lab.useKernel(NEW);
  await lab.goTo(5);
  const link = await lab.link(/k=linux-7\.2&n=5/);
  const before = await lab.picture();
  for (const fragment of ["v=1&s=no-such&k=linux-6.11&n=3", "v=1&s=sw-msi-nested&k=linux-7.2&n=77"]) {
    await page.evaluate((f) => {
      location.hash = f;
    }, fragment);
    await expect(lab.notice).toBeVisible();
    await lab.expectStep(5);
    await expect(lab.kernel(NEW)).toHaveAttribute("aria-checked", "true");
    await expect.poll(() => new URL(page.url()).hash.slice(1)).toBe(link);
    await lab.notice.getByRole("button", { name: "Dismiss" }).click();
  }
  await expect.poll(() => lab.picture()).toBe(before);
});

test("a good link pasted later is followed", async ({ page }) => {
  const lab = await Lab.open(page);
  await page.evaluate(() => {
    location.hash = "v=1&s=sw-msi-q10&k=linux-7.2&n=1";
  });
  await lab.expectStep(1);
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Probe 10");
  await expect(page).toHaveTitle(/Probe 10.* · IOMMUFD Lab/);
});

test("a link pasted while the bar is about to change is followed all the same", async ({ page }) => {
  const lab = await Lab.open(page, `v=1&s=sw-msi-nested&k=${NEW}&n=9`);
  // The bar follows what is on screen some 120 ms later.
  for (const [wait, step] of [
    [0, 3],
    [110, 4],
    [130, 5],
    [150, 6],
  ] as const) {
    await page.keyboard.press(".");
    await page.evaluate(
      async ([ms, to]) => {
        await new Promise((done) => setTimeout(done, ms));
        location.hash = to;
      },
      [wait, `v=1&s=sw-msi-nested&k=${NEW}&n=${step}`] as const,
    );
    await lab.expectStep(step);
    await lab.link(new RegExp(`n=${step}(&|$)`));
  }
});

test("a scenario of one's own travels in the link, and a mistake in it is told with its place", async ({ page }) => {
  const lab = await Lab.open(page);
  await page.keyboard.press("e");
  const text = page.getByLabel("Scenario", { exact: true });
  const original = await text.inputValue();
  await text.fill(
    original.replace("title: SW_MSI and the nested direct attach", "title: My own question\nnonsense here"),
  );
  await page.getByRole("button", { name: "Open this text" }).click();
  const mistake = page.getByRole("dialog", { name: "The scenario as text" }).getByRole("status");
  await expect(mistake).toContainText(/line 2/i);
  await expect(mistake).toHaveText(/\.$/);
  await text.fill(original.replace("title: SW_MSI and the nested direct attach", "title: My own question"));
  await page.getByRole("button", { name: "Open this text" }).click();
  await expect(page).toHaveTitle("My own question · IOMMUFD Lab");
  await lab.link(/#v=1&t=[A-Za-z0-9_-]+&k=/);
  const before = await lab.picture();
  await page.reload();
  await lab.ready();
  await expect(page).toHaveTitle("My own question · IOMMUFD Lab");
  await expect.poll(() => lab.picture()).toBe(before);
});
