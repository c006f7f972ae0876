import { expect, type Page, test } from "@playwright/test";
import { VIEWS } from "../src/ui/app/stage.ts";
import { Lab, NEW, OLD } from "./lab.ts";

const LOST = `v=1&s=sw-msi-nested&k=${OLD}&n=13&x.c=${NEW}`;

const settings = (page: Page, values: Record<string, string>): Promise<unknown> =>
  page.addInitScript((v) => localStorage.setItem("iommufd-lab", JSON.stringify(v)), values);

test("the themes are in the help, follow the system's wish for contrast, and are kept", async ({ page }) => {
  await page.emulateMedia({ contrast: "more", colorScheme: "dark" });
  const lab = await Lab.open(page);
  await expect(page.locator("html")).toHaveAttribute("data-theme", "contrast-dark");
  await page.emulateMedia({ contrast: "no-preference", colorScheme: "dark" });
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.keyboard.press("?");
  await page.getByRole("radio", { name: "high contrast", exact: true }).check();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "contrast");
  await page.keyboard.press("Escape");
  await page.reload();
  await lab.ready();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "contrast");
  await page.getByRole("button", { name: "Use the dark theme" }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "contrast-dark");
});

test("with forced colours the picture is drawn in the system's colours, and kinds keep pattern and letter", async ({
  page,
}) => {
  await page.emulateMedia({ forcedColors: "active" });
  const lab = await Lab.open(page, LOST);
  const ink = await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue("--ink"));
  expect(ink.trim()).toBe("CanvasText");
  const fills = await lab.space
    .locator("svg rect")
    .evaluateAll((rects) => new Set(rects.map((r) => r.style.fill).filter((f) => f.includes("pattern"))).size);
  expect(fills).toBeGreaterThan(2);
  // The chosen kernel is told by its edge, which forced colours must not level.
  const edges = await page
    .locator("[data-kernel]")
    .evaluateAll((tabs) => tabs.map((t) => getComputedStyle(t).borderBottomColor));
  expect(new Set(edges).size).toBe(2);
});

/** Controls and headings that stick out of the window and of everything that scrolls. */
async function cut(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const out: string[] = [];
    for (const e of document.querySelectorAll("header *, main :is(button, select, input, h2, h3), dialog *")) {
      const box = e.getBoundingClientRect();
      if (box.width === 0 || e.closest(".hidden, [hidden], svg") !== null) continue;
      let scrolls = false;
      for (let up = e.parentElement; up !== null; up = up.parentElement)
        if (["auto", "scroll"].includes(getComputedStyle(up).overflowX) && up.scrollWidth > up.clientWidth)
          scrolls = true;
      if (!scrolls && (box.right > innerWidth + 1 || box.left < -1))
        out.push(`${e.tagName} ${e.textContent?.slice(0, 30)} ${Math.round(box.left)}-${Math.round(box.right)}`);
    }
    if (document.documentElement.scrollWidth > innerWidth) out.push("the page scrolls sideways");
    return out;
  });
}

for (const [how, viewport, text] of [
  ["letters of 200 %", { width: 1280, height: 800 }, "double"],
  ["the browser's zoom at 200 %", { width: 640, height: 400 }, "normal"],
] as const)
  test(`nothing is lost with ${how} at 1280x800`, async ({ page }) => {
    test.slow();
    await page.setViewportSize(viewport);
    await settings(page, { text });
    const lab = await Lab.open(page, LOST);
    for (const name of ["Copy the link", "Use the dark theme", "Help"])
      await expect(page.getByRole("button", { name })).toBeInViewport({ ratio: 1 });
    for (const id of [OLD, NEW]) await expect(lab.kernel(id)).toBeInViewport();
    await expect(lab.timeline).toBeInViewport();
    // What stood beside stands below, in a column that scrolls.
    for (const v of ["space", "attachments", "walk", "inspector", "why"]) {
      await page.locator(`#pane-${v} h2`).scrollIntoViewIfNeeded();
      await expect(page.locator(`#pane-${v} h2`)).toBeInViewport();
    }
    const next = page.getByRole("heading", { name: /Possible next/ });
    await next.scrollIntoViewIfNeeded();
    await expect(next).toBeInViewport();
    expect(await cut(page)).toEqual([]);
    for (const v of VIEWS) {
      await page.keyboard.press(v.key.label);
      await expect(page.locator(`#pane-${v.id}`)).toBeVisible();
      await lab.settled();
      expect(await cut(page), v.title).toEqual([]);
    }
    await page.keyboard.press("?");
    await expect(page.getByRole("dialog", { name: "Help" })).toBeVisible();
    expect(await cut(page)).toEqual([]);
    await page.getByRole("button", { name: "Close" }).scrollIntoViewIfNeeded();
    await expect(page.getByRole("button", { name: "Close" })).toBeInViewport();
  });

test("a 4K screen gives larger letters and every pane", async ({ page }) => {
  await page.setViewportSize({ width: 3840, height: 2160 });
  const lab = await Lab.open(page, LOST);
  const rem = await page.evaluate(() => Number.parseFloat(getComputedStyle(document.documentElement).fontSize));
  expect(rem).toBeGreaterThan(20);
  for (const name of ["Steps", "Address space", "Attachments", "Nested walk", "Inspector", "Why", "Timeline"])
    await expect(lab.pane(name)).toBeInViewport();
  expect(await cut(page)).toEqual([]);
});

test("on paper: which scenario, every step, each view at its whole height, dark on white", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  const lab = await Lab.open(page, LOST);
  await page.evaluate(() => {
    addEventListener("beforeprint", () => {
      document.body.dataset["printed"] = "";
    });
  });
  const pdf = await page.pdf({ preferCSSPageSize: true });
  expect(pdf.length).toBeGreaterThan(20_000);
  await expect(page.locator("body")).toHaveAttribute("data-printed", "");
  await expect(page.getByTestId("printout")).toHaveCount(0);
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");

  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  await page.setViewportSize({ width: 1046, height: 720 });
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  const paper = page.getByTestId("printout");
  await expect(paper).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
  await expect(paper.getByRole("heading", { level: 1 })).toHaveText("SW_MSI and the nested direct attach");
  await expect(paper.getByRole("listitem").filter({ hasText: "IOMMU_" })).not.toHaveCount(0);
  expect(await paper.locator("ol > li[data-outcome]").count()).toBe(await lab.last());
  for (const name of ["Address space", "Attachments", "Nested walk", "Why", "Inspector", "Timeline"])
    await expect(paper.getByRole("region", { name, exact: true })).toBeVisible();
  await expect(lab.steps).toBeHidden();
  const wide = await paper.evaluate((e) => [e.scrollWidth, e.clientWidth]);
  expect(wide[0]).toBeLessThanOrEqual((wide[1] ?? 0) + 1);
  const clipped = await paper.evaluate((e) =>
    [...e.querySelectorAll('[data-view="space"] [data-scroll], [data-view="why"] [data-scroll]')]
      .filter((s) => s.scrollHeight > s.clientHeight + 1)
      .map((s) => s.getAttribute("aria-label")),
  );
  expect(clipped).toEqual([]);

  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  await page.emulateMedia({ media: "screen", colorScheme: "dark" });
  await expect(paper).toHaveCount(0);
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await expect
    .poll(() => lab.space.evaluate((e) => e.clientWidth > 100 && e.firstElementChild?.clientWidth === e.clientWidth))
    .toBe(true);
});
