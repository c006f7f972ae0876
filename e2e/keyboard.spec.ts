import { expect, type Locator, type Page, test } from "@playwright/test";
import { VIEWS } from "../src/ui/app/stage.ts";
import { Lab, NEW, OLD } from "./lab.ts";

test("the whole question is answered without a mouse", async ({ page }) => {
  const lab = await Lab.open(page);
  // Into the page by its first skip link.
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Steps" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("#pane-steps")).toBeFocused();
  // From the start, step by step; then to the failures.
  await page.keyboard.press("Shift+Comma");
  await lab.expectStep(0);
  await page.keyboard.press(".");
  await page.keyboard.press(".");
  await lab.expectStep(2);
  await page.keyboard.press(",");
  await lab.expectStep(1);
  await page.keyboard.press("]");
  await expect(lab.spoken).toContainText("F_TRANSLATION");
  const failing = await lab.step();
  await page.keyboard.press("]");
  await expect.poll(() => lab.step()).toBeGreaterThan(failing);
  await page.keyboard.press("[");
  await lab.expectStep(failing);
  // The list of steps by arrows.
  await lab.row(failing).focus();
  await page.keyboard.press("ArrowDown");
  await lab.expectStep(failing + 1);
  await expect(lab.row(failing + 1)).toBeFocused();
  // The kernel by its radio group.
  await page.locator('[role="radio"][aria-checked="true"]').focus();
  for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowRight");
  await expect(lab.kernel(NEW)).toHaveAttribute("aria-checked", "true");
  await expect(lab.kernel(NEW)).toBeFocused();
  // Find, by the slash.
  await page.keyboard.press("/");
  await page.keyboard.type("SET_IRQS");
  await page.keyboard.press("Enter");
  await expect(lab.row(await lab.step())).toContainText("SET_IRQS");
  // A command from the palette.
  await page.keyboard.press("Control+Shift+P");
  await page.keyboard.type("sw_msi window");
  await page.keyboard.press("Enter");
  await lab.link(/x\.z=/);
  // Help names every key; Escape goes back to where one was.
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Help" })).toContainText("Next step that failed");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  // Space runs, and pauses.
  const here = await lab.step();
  await page.locator("#pane-space").focus();
  await page.keyboard.press("Space");
  await lab.expectStep(here + 2);
  await page.keyboard.press("Space");
});

/** Tab, until what is wanted has the focus. */
async function tabTo(page: Page, wanted: Locator, most = 300): Promise<void> {
  for (let i = 0; i < most; i++) {
    await page.keyboard.press("Tab");
    if (await wanted.evaluate((e) => e === document.activeElement)) return;
  }
  throw new Error(`no Tab reaches ${String(wanted)}`);
}

test("discussion 0 from the first step to the answer, on two kernels, with the keyboard alone and as it is heard", async ({
  page,
}) => {
  test.slow();
  await page.addInitScript(() => {
    // Whatever is pressed with a pointer would spoil the proof.
    addEventListener("pointerdown", () => document.documentElement.setAttribute("data-pointer", ""), true);
  });
  const lab = await Lab.open(page);
  // The scenario, by its name.
  await page.keyboard.press("o");
  await page.keyboard.type("SW_MSI and the nested direct");
  await expect(page.getByRole("dialog").getByRole("combobox")).toHaveValue("SW_MSI and the nested direct");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  // The kernel: the first of the radio group.
  await tabTo(page, page.locator('[role="radio"][aria-checked="true"]'));
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowLeft");
  await expect(lab.kernel(OLD)).toHaveAttribute("aria-checked", "true");
  // Every step; each is said once it is on screen.
  await page.keyboard.press("Shift+Comma");
  await lab.expectStep(0);
  await expect(lab.spoken).toHaveText("Before the first step.");
  const heard: string[] = [];
  const last = await lab.last();
  for (let n = 1; n <= last; n++) {
    await page.keyboard.press(".");
    await lab.expectStep(n);
    await expect(lab.spoken).toContainText(new RegExp(`^step ${n}:`, "i"));
    heard.push((await lab.spoken.textContent()) ?? "");
  }
  expect(heard.filter((t) => t.includes("F_TRANSLATION"))).toHaveLength(2);
  expect(heard.filter((t) => /failed|EADDRINUSE/.test(t)).length).toBeGreaterThan(1);
  // Back to the refusals by their own key; the 7.2 kernel refuses the MAP over the window.
  await expect(lab.kernel(OLD)).toBeFocused();
  for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowRight");
  await expect(lab.kernel(NEW)).toHaveAttribute("aria-checked", "true");
  await page.keyboard.press("/");
  await page.keyboard.type("EINVAL");
  await page.keyboard.press("Enter");
  await expect(lab.spoken).toContainText("EINVAL");
  // Why: its pane by the skip link, the failing check in it, and the interval it met.
  const why = lab.pane("Why");
  await expect(why.getByTestId("why-opened").first()).toContainText("SW_MSI");
  await tabTo(page, why.getByRole("button", { name: "show me" }).first());
  await page.keyboard.press("Enter");
  await lab.link(/x\.z=/);
  const seen = lab.window();
  expect(seen !== null && seen.lo <= 0x8000000n && seen.last >= 0x80fffffn).toBe(true);
  // The same in words: the table of the address space.
  await tabTo(page, page.getByRole("button", { name: "Address space as a table" }));
  await page.keyboard.press("Enter");
  await expect(lab.pane("Address space").getByRole("row").filter({ hasText: "IOAS 2 reserved" }).first()).toBeVisible();
  await page.keyboard.press("Enter");
  // Compare, opened and walked by keys.
  await page.keyboard.press("x");
  const grid = page.getByRole("grid", { name: "Steps on several kernels" });
  await expect(grid).toBeVisible();
  await expect(page.locator("#pane-compare")).toBeFocused();
  await page.keyboard.press(",");
  await lab.expectStep((await lab.find("EINVAL")) - 1);
  await page.keyboard.press("x");
  await expect(grid).toHaveCount(0);
  await expect(page.locator("html")).not.toHaveAttribute("data-pointer", "");
});

test("every view has its table twin, or is a table or a form itself", async ({ page }) => {
  const lab = await Lab.open(page);
  for (const v of VIEWS) {
    await page.keyboard.press(v.key.label);
    const pane = page.locator(`#pane-${v.id}`);
    await expect(pane).toBeVisible();
    await lab.settled();
    // Drawn views are hidden from a reader; the same stands beside them as a table, in sight or not.
    const said = pane.locator("table, form, [role=grid], ol");
    await expect(said.first(), v.title).toBeAttached();
  }
  for (const id of ["inspector", "why", "timeline"])
    await expect(page.locator(`#pane-${id} table`).first(), id).toBeAttached();
});

test("keys stay away from fields, and one-key shortcuts can be switched off", async ({ page }) => {
  const lab = await Lab.open(page);
  const step = await lab.step();
  await lab.pane("Nested walk").getByLabel("IOVA").focus();
  await page.keyboard.press("End");
  await page.keyboard.type(".,w");
  await lab.expectStep(step);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Help" }).click();
  await page.getByLabel("one-key shortcuts").uncheck();
  await page.keyboard.press("Escape");
  await page.locator("#pane-steps").focus();
  await page.keyboard.press(".");
  await page.waitForTimeout(200);
  await lab.expectStep(step);
  await page.keyboard.press("Control+Shift+P");
  await expect(page.getByRole("dialog", { name: "All commands" })).toBeVisible();
});

test("every thing that can be focused shows it", async ({ page }) => {
  await Lab.open(page);
  const bare: string[] = [];
  for (let i = 0; i < 45; i++) {
    await page.keyboard.press("Tab");
    const seen = await page.evaluate(() => {
      const e = document.activeElement;
      if (e === null || e === document.body) return null;
      const own = getComputedStyle(e);
      const after = getComputedStyle(e, "::after");
      const shown =
        own.outlineStyle !== "none" || (after.content !== "none" && after.backgroundColor !== "rgba(0, 0, 0, 0)");
      return { shown, name: e.getAttribute("aria-label") ?? e.textContent.slice(0, 30) };
    });
    if (seen !== null && !seen.shown) bare.push(seen.name);
  }
  expect(bare).toEqual([]);
});
