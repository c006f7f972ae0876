import { spawnSync } from "node:child_process";
import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { Lab, NEW, OLD } from "./lab.ts";

const PATCH = "sw-msi-at-alloc-2024-07";
const whole = (step: number, more = ""): string =>
  `v=1&s=sw-msi-nested&k=${OLD}&n=${step}&x.c=${NEW}&x.max=compare${more}`;
const grid = (page: Page) => page.getByRole("grid", { name: "Steps on several kernels" });
const row = (page: Page, step: number) => grid(page).locator(`[data-step="${step}"]`);

test("X opens the comparison over the stage and closes it; steps and timeline stay", async ({ page }) => {
  const lab = await Lab.open(page);
  await page.keyboard.press("x");
  await expect(grid(page)).toBeVisible();
  await expect(lab.steps).toBeVisible();
  await expect(lab.timeline).toBeVisible();
  await lab.link(/x\.max=compare/);
  await page.keyboard.press("x");
  await expect(lab.space).toBeVisible();
  await expect(grid(page)).toHaveCount(0);
});

test("equal cells are quiet, differing ones say what is different, the first difference is marked", async ({
  page,
}) => {
  await Lab.open(page, whole(9));
  await expect(page.getByRole("columnheader", { name: "7.2 differs from step 9" })).toBeVisible();
  await expect(page.getByRole("columnheader", { name: "Jul-2024 patch differs from step 3" })).toBeVisible();
  await expect(row(page, 3)).toHaveAttribute("data-first", "");
  await expect(row(page, 2).locator("[data-differs]")).toHaveCount(0);
  const attach = row(page, 9).getByRole("gridcell");
  await expect(attach.nth(0)).not.toContainText("0x8000000");
  await expect(attach.nth(3)).toContainText("+ 0x8000000-0x80fffff");
  await expect(attach.nth(3)).toHaveAttribute("data-parts", "");
  await expect(row(page, 10).getByRole("gridcell").nth(3)).toContainText("hwpt:3 0x8000000-0x8000fff");
  const irq = row(page, 13).getByRole("gridcell");
  await irq.nth(0).scrollIntoViewIfNeeded();
  await expect(irq.nth(0)).toContainText("F_TRANSLATION");
  await expect(irq.nth(3)).toContainText("irq arrives");
});

test("from a cell to both traces, from where they part, and to both address spaces", async ({ page }) => {
  await page.setViewportSize({ width: 1600, height: 1000 });
  const lab = await Lab.open(page, whole(3));
  await row(page, 9)
    .getByRole("button", { name: /^7\.2, step 9: differs/ })
    .click();
  await lab.expectStep(9);
  const traces = page.getByRole("table", { name: "Traces side by side" });
  const parted = traces.locator("[data-first]");
  await expect(parted).toContainText("attaching to a nested hwpt reserves nothing");
  await expect(parted).toContainText("find_hwpt_paging");
  await expect(traces.locator("[data-check]")).toContainText("no mapping in the way of SW_MSI of D1");
  const only = page.getByRole("table", { name: "What only one of the two address spaces has" });
  await expect(only.getByRole("row").filter({ hasText: "IOAS 2 reserved" })).toContainText("0x80000000x80fffff1M");
  await expect(only.getByRole("row").filter({ hasText: "IOVA_RANGES" }).first()).toContainText("6.11");
});

test("any kernels of the catalogue, chosen in groups, kept in the link", async ({ page }) => {
  const lab = await Lab.open(page, whole(9));
  await page.getByRole("button", { name: "kernels: 4" }).click();
  const dialog = page.getByRole("dialog", { name: "Kernels to compare" });
  await expect(dialog.getByRole("group", { name: "Releases" })).toBeVisible();
  await dialog.getByRole("checkbox", { name: /^6\.12/ }).uncheck();
  await dialog.getByRole("searchbox").fill("cookie of the domain");
  await expect(dialog.getByRole("checkbox")).toHaveCount(1);
  await dialog.getByRole("checkbox", { name: /^6\.14/ }).check();
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(grid(page).getByRole("columnheader", { name: /^6\.14/ })).toBeVisible();
  await expect(grid(page).getByRole("columnheader", { name: /^6\.12/ })).toHaveCount(0);
  const link = await lab.link(/x\.cols=/);
  await Lab.open(page, link);
  await expect(grid(page).getByRole("columnheader", { name: /^6\.14/ })).toBeVisible();
});

test("the kernel that the others are compared with is the one on screen; columns keep their places", async ({
  page,
}) => {
  const lab = await Lab.open(page, whole(9));
  const heads = () => grid(page).getByRole("columnheader").allInnerTexts();
  await expect(page.getByRole("columnheader", { name: "6.11 this kernel" })).toBeVisible();
  const before = (await heads()).map((h) => h.split("\n")[0]);
  await page.getByRole("button", { name: "Show 7.2, compare the others with it" }).click();
  await expect(page.getByRole("columnheader", { name: "7.2 this kernel" })).toBeVisible();
  await expect(lab.kernel(NEW)).toHaveAttribute("aria-checked", "true");
  await expect(page.getByRole("columnheader", { name: "6.11 differs from step 9" })).toBeVisible();
  expect((await heads()).map((h) => h.split("\n")[0])).toEqual(before);
});

test("with the keyboard alone: rows are steps, columns are kernels", async ({ page }) => {
  const lab = await Lab.open(page, whole(9));
  await grid(page).focus();
  await page.keyboard.press("ArrowDown");
  await lab.expectStep(10);
  await page.keyboard.press("ArrowLeft");
  await lab.link(/x\.c=linux-6\.12/);
  await page.keyboard.press("Home");
  await lab.expectStep(1);
});

test("the screen and lab compare say the same", async ({ page }) => {
  const lab = await Lab.open(page, whole(1));
  await lab.settled();
  const cli = spawnSync(
    process.execPath,
    ["scripts/lab.mjs", "compare", "sw-msi-nested", "--kernels", [OLD, PATCH, "linux-6.12", NEW].join(), "--json"],
    {
      encoding: "utf8",
    },
  );
  interface Cell {
    result: string;
    differs: boolean;
    facts: { sign: string; text: string }[];
  }
  const { rows, firstDifference } = JSON.parse(cli.stdout) as { rows: Cell[][]; firstDifference: number };
  const titles = ["6.11", "Jul-2024 patch", "6.12", "7.2"];
  const told = rows.flatMap((cells, i) =>
    cells.some((c) => c.differs)
      ? cells.map((c, k) => [
          titles[k],
          c.result,
          c.differs ? "yes" : "",
          c.facts.map((f) => `${f.sign}${f.sign === "" ? "" : " "}${f.text}`).join("; "),
          i + 1,
        ])
      : [],
  );
  const twin = page.locator("table").filter({ hasText: "Steps in which kernels differ" }).locator("tbody tr");
  await expect(twin).toHaveCount(told.length);
  const seen = await twin.evaluateAll((list) =>
    list.map((tr) => [...tr.querySelectorAll("td")].map((td) => td.textContent ?? "")),
  );
  expect(seen.map(([step, ...rest]) => [...rest, Number.parseInt(step ?? "", 10)])).toEqual(told);
  await expect(page.getByRole("button", { name: `first difference: ${firstDifference}` })).toBeVisible();
});

for (const scheme of ["light", "dark"] as const)
  test(`axe finds nothing on the comparison, ${scheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width: 1600, height: 1000 });
    await Lab.open(page, whole(9));
    await expect(page.getByRole("table", { name: "Traces side by side" })).toBeVisible();
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    await page.getByRole("button", { name: "kernels: 4" }).click();
    await expect(page.getByRole("dialog", { name: "Kernels to compare" })).toBeVisible();
    expect((await new AxeBuilder({ page }).include("dialog").analyze()).violations).toEqual([]);
  });
