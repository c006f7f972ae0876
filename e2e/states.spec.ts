import { expect, test } from "@playwright/test";
import { VIEWS } from "../src/ui/app/stage.ts";
import { violations } from "./axe.ts";
import { Lab, NEW, OLD } from "./lab.ts";

test("a view whose program does not arrive says so, the others work on, and it can be asked for again", async ({
  page,
}) => {
  const lab = await Lab.open(page);
  await page.route("**/MachineView-*.js", (route) => route.abort());
  await page.keyboard.press("4");
  const pane = lab.pane("Machine");
  await expect(pane.getByRole("alert")).toContainText("Machine could not be fetched");
  await expect(pane.getByRole("button", { name: "Reload the page" })).toBeVisible();
  expect(await violations(page)).toEqual([]);
  await page.keyboard.press("Shift+Comma");
  await lab.expectStep(0);
  await expect(lab.pane("Attachments")).toBeVisible();
  await page.unroute("**/MachineView-*.js");
  await pane.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByTestId("machine").locator("svg").first()).toContainText("00:03.0");
});

test("a view that arrives late takes neither the focus nor the open menu of its title", async ({ page }) => {
  const lab = await Lab.open(page);
  let release = (): void => {};
  const held = new Promise<void>((done) => (release = done));
  await page.route("**/MachineView-*.js", async (route) => {
    await held;
    await route.continue();
  });
  await page.keyboard.press("4");
  const title = lab.pane("Machine").getByRole("button", { name: "Machine", exact: true });
  await title.press("ArrowDown");
  const menu = page.getByRole("menu", { name: "View in this place" });
  await page.keyboard.press("End");
  release();
  await expect(page.getByTestId("machine").locator("svg").first()).toContainText("00:03.0");
  await expect(menu.getByRole("menuitem", { name: /^Take away/ })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(title).toBeFocused();
});

test("what is typed for a dialog that is still on its way is in its field, and is no command", async ({ page }) => {
  const lab = await Lab.open(page);
  let release = (): void => {};
  const held = new Promise<void>((done) => (release = done));
  await page.route("**/ScenarioBrowser-*.js", async (route) => {
    await held;
    await route.continue();
  });
  await page.keyboard.press("o");
  await page.keyboard.type("window, ");
  release();
  await expect(page.getByRole("dialog").getByRole("combobox")).toHaveValue("window, ");
  await page.keyboard.press("Escape");
  await lab.expectStep(11);
});

test("before the first step every view draws what is there or says what to do", async ({ page }) => {
  const lab = await Lab.open(page, `v=1&s=sw-msi-nested&k=${NEW}&n=0&x.c=${OLD}`);
  await expect(lab.pane("Why")).toContainText("No step has run yet.");
  await expect(lab.pane("Inspector")).toContainText("Nothing to decode yet. Run a step");
  await expect(lab.pane("Walk")).toContainText("No device can reach memory yet.");
  for (const v of VIEWS) {
    await page.keyboard.press(v.key.label);
    const pane = page.locator(`#pane-${v.id}`);
    await expect(pane).toBeVisible();
    await lab.settled();
    // Not blank: words, or a picture with marks in it.
    const shown = await pane.evaluate(
      (e) => (e.querySelectorAll("svg text").length > 3 || (e.textContent?.length ?? 0) > 40) && e.clientHeight > 100,
    );
    expect(shown, v.title).toBe(true);
    await expect(pane.getByRole("alert")).toHaveCount(0);
  }
});

test("while the worker starts the page says what happens; a crash later keeps the place and starts again there", async ({
  page,
}) => {
  let release: (() => void) | undefined;
  const held = new Promise<void>((done) => {
    release = done;
  });
  await page.route("**/worker-*.js", async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(`./#v=1&s=sw-msi-nested&k=${NEW}&n=7`);
  await expect(page.getByRole("status").filter({ hasText: "Starting the simulator" })).toBeVisible();
  expect(await violations(page)).toEqual([]);
  await expect(page.getByRole("button", { name: "Copy the link" })).toBeDisabled();
  release?.();
  const lab = new Lab(page);
  await lab.ready();
  await lab.expectStep(7);
  // A scenario whose file cannot be fetched makes the worker fail in the middle.
  await page.route("**/sw-msi-q10-*.js", (route) => route.abort());
  await page.evaluate(() => {
    location.hash = "v=1&s=sw-msi-q10&k=linux-7.2&n=1";
  });
  const alert = page.getByRole("alert").filter({ hasText: /\S/ });
  await expect(alert.first()).toBeVisible();
  expect(await violations(page)).toEqual([]);
  await page.unroute("**/sw-msi-q10-*.js");
  const restart = page.getByRole("button", { name: "Start again", exact: true });
  if (await restart.isVisible()) await restart.click();
  await lab.ready();
  await lab.expectStep(7);
  await expect(lab.kernel(NEW)).toHaveAttribute("aria-checked", "true");
});
