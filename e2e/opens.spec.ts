import { expect, test } from "@playwright/test";
import { Lab } from "./lab.ts";
import { watch } from "./origin.ts";

test("opens with every pane, and asks nothing from anyone else", async ({ page, context, baseURL }) => {
  const { foreign, complaints } = watch(context, page, baseURL ?? "");
  const lab = await Lab.open(page);
  for (const name of ["Steps", "Address space", "Attachments", "Nested walk", "Inspector", "Why", "Timeline"])
    await expect(lab.pane(name)).toBeVisible();
  await expect(page).toHaveTitle("SW_MSI and the nested direct attach · IOMMUFD Lab");
  expect(page.workers()).toHaveLength(1);
  expect(await lab.last()).toBeGreaterThan(10);
  expect(foreign).toEqual([]);
  expect(complaints).toEqual([]);
});

test("nothing jumps from step to step: tracks, nodes and panes keep their places", async ({ page }) => {
  const lab = await Lab.open(page);
  const places = () =>
    page.evaluate(() => {
      const out: Record<string, string> = {};
      for (const s of document.querySelectorAll("section[id^=pane-], [data-testid=space] svg")) {
        const r = s.getBoundingClientRect();
        out[s.id || s.tagName] = [r.x, r.y, r.width, r.height].map(Math.round).join(" ");
      }
      for (const t of document.querySelectorAll(
        "[data-testid=space] text[data-ref], #pane-attachments text[data-ref]",
      )) {
        // Heads of tracks and ids of nodes; labels of intervals come and go.
        if (t.getAttribute("data-ref")?.startsWith("iv:") === true || t.getAttribute("x") === null) continue;
        if (t.getAttribute("x") === "0") out[t.textContent] = String(t.getAttribute("y"));
      }
      return out;
    });
  const last = await lab.last();
  await lab.goTo(last);
  const end = await places();
  for (const step of [0, 1, 4, 9, 11]) {
    if (step === 0) await page.keyboard.press("Shift+Comma");
    else await lab.goTo(step);
    await lab.expectStep(step);
    const now = await places();
    for (const [what, where] of Object.entries(now))
      if (what in end) expect(`${what}: ${where}`).toBe(`${what}: ${end[what]}`);
  }
});

test("a worker that cannot start is shown, with what to do, and the page recovers", async ({ page }) => {
  await page.route("**/worker-*.js", (route) => route.abort());
  await page.goto("./");
  await expect(page.getByRole("alert").getByRole("heading", { name: "The simulator stopped" })).toBeVisible();
  await page.unroute("**/worker-*.js");
  await page.getByRole("button", { name: "Start again", exact: true }).click();
  await new Lab(page).ready();
});
