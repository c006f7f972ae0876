import { expect, type Page, test } from "@playwright/test";
import { violations } from "./axe.ts";
import { Lab } from "./lab.ts";

const onStage = (more = ""): string => `v=1&s=sw-msi-nested&k=linux-6.11&n=3&x.max=explore${more}`;
const form = (page: Page) => page.getByRole("form", { name: "What to search" });
const steps = (page: Page) => page.getByRole("list", { name: "The shortest sequence" }).getByRole("listitem");

async function open(page: Page): Promise<Lab> {
  await page.setViewportSize({ width: 1600, height: 1000 });
  const lab = await Lab.open(page);
  await page.keyboard.press("6");
  await expect(form(page)).toBeVisible();
  return lab;
}

async function kernels(page: Page, a: string, b: string): Promise<void> {
  await page.getByLabel("one kernel").selectOption(a);
  await page.getByLabel("the other").selectOption(b);
}

test("two kernels: the shortest sequence, and it opens as a scenario", async ({ page }) => {
  const lab = await open(page);
  await expect(page.getByText("Nothing was searched yet.")).toBeVisible();
  await kernels(page, "linux-6.14", "linux-6.15");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.getByRole("heading", { name: "shortest difference: 2 steps" })).toBeVisible({ timeout: 30_000 });
  await expect(steps(page)).toHaveCount(2);
  await expect(steps(page).last()).toContainText("VFIO_DEVICE_SET_IRQS D1 index=MSI");
  await expect(page.getByText("errno=ENOSPC")).toBeVisible();
  await page.getByRole("button", { name: "Open as scenario" }).click();
  await expect(lab.steps.getByRole("option")).toHaveCount(2);
  expect(await lab.last()).toBe(2);
  await expect(page).toHaveTitle(/Shortest difference of linux-6.14 and linux-6.15/);
});

test("a rule on one kernel, none within a depth, and nothing for axe to find on the way", async ({ page }) => {
  test.slow();
  await open(page);
  await page.getByRole("radio", { name: "a broken rule" }).check();
  await page.getByLabel("on kernel").selectOption("linux-6.14");
  await page.getByRole("checkbox", { name: "no mapping meets a reserved region" }).uncheck();
  await page.getByRole("checkbox", { name: "an enabled MSI reaches its interrupt" }).check();
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.getByRole("heading", { name: "shortest violation: 5 steps" })).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText("Broken: an enabled MSI reaches its interrupt.")).toBeVisible();
  expect(await violations(page)).toEqual([]);
  await page.getByLabel("on kernel").selectOption("linux-7.2");
  await page.getByLabel("Longest sequence, steps").fill("4");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.getByRole("heading", { name: /^none within depth 4 \(\d+ states\)$/ })).toBeVisible({
    timeout: 30_000,
  });
  await expect(page.getByText("Longer ones were not tried")).toBeVisible();
  expect(await violations(page)).toEqual([]);
});

test("numbers move, the search is stopped, and goes on while another view stands there", async ({ page, context }) => {
  const helper = context.waitForEvent("request", {
    predicate: (request) => request.url().includes("explore_helper"),
    timeout: 50_000,
  });
  await open(page);
  await kernels(page, "linux-7.2", "linux-7.2");
  await page.getByLabel("Longest sequence, steps").fill("12");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.getByText(/depth \d: [\d,]+ states, [\d,]+ steps tried, [\d,]+ states\/s/)).toBeVisible();
  await page.keyboard.press("Escape");
  await page.keyboard.press("4");
  await expect(form(page)).toHaveCount(0);
  await page.keyboard.press("6");
  await expect(page.getByRole("heading", { name: "Searching" })).toBeVisible();
  // A long search asks for help of other workers, where there is a processor for them.
  if ((await page.evaluate(() => navigator.hardwareConcurrency)) > 1) await helper;
  else void helper.catch(() => undefined);
  await page.getByRole("button", { name: "Stop" }).click();
  await expect(page.getByText("The search was stopped.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Search" })).toBeVisible();
});

test("the world of the open scenario, by keyboard alone", async ({ page }) => {
  await page.setViewportSize({ width: 1600, height: 1000 });
  await Lab.open(page, onStage());
  await expect(form(page)).toBeVisible();
  await page.getByRole("radio", { name: "small, on plain" }).focus();
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("radio", { name: "that of the open scenario" })).toBeChecked();
  await expect(page.getByText("SW_MSI and the nested direct attach: its machine")).toBeVisible();
  await expect(page.getByRole("checkbox", { name: /^D2/ })).toBeChecked();
  await page.getByLabel("the other").focus();
  await page.keyboard.type("Jul-2024 patch");
  await expect(page.getByLabel("the other")).toHaveValue("sw-msi-at-alloc-2024-07");
  await page.getByRole("button", { name: "Search" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: /^shortest difference: \d+ steps$/ })).toBeVisible({
    timeout: 50_000,
  });
});
