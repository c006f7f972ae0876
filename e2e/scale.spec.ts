import { deflateRawSync } from "node:zlib";
import { expect, test } from "@playwright/test";
import { Lab } from "./lab.ts";

const MANY = `title: many areas
machine: plain
kernels: linux-7.2
device: D1 0000:00:03.0
memory: RAM len=1M

vmm VFIO_DEVICE_BIND_IOMMUFD D1
vmm I = IOMMU_IOAS_ALLOC
vmm P = IOMMU_HWPT_ALLOC dev=D1 pt=I flags=NEST_PARENT
vmm IOMMU_IOAS_MAP ioas=I iova=0x10000000 len=4K va=RAM count=5000 stride=8K
vmm IOMMU_IOAS_UNMAP ioas=I iova=0x10002000 len=4K
`;

const long = (steps: number): string => `title: many steps
machine: plain
kernels: linux-7.2
device: D1 0000:00:03.0
memory: RAM len=1M

vmm I = IOMMU_IOAS_ALLOC
${Array.from({ length: steps - 1 }, (_, i) => `vmm IOMMU_IOAS_MAP ioas=I iova=0x${(i === 1000 ? 0x10000000 : 0x10000000 + i * 0x2000).toString(16)} len=4K va=RAM`).join("\n")}
`;

/** The fragment of a scenario that is no file of the library. */
function fragment(text: string, more: string): string {
  return `v=1&t=${deflateRawSync(Buffer.from(text)).toString("base64url")}&k=linux-7.2&${more}`;
}

test("thousands of areas: counted from afar, one by one from near, and all of them in the table", async ({ page }) => {
  const lab = await Lab.open(page, fragment(MANY, "n=5&x.c=none"));
  await lab.settled();
  const space = lab.pane("Address space");
  await expect(lab.space).toContainText("4,999 intervals");
  const canvas = lab.space.locator("canvas");
  await expect.poll(() => canvas.evaluate((c: HTMLCanvasElement) => c.width)).toBeGreaterThan(0);
  const painted = (): Promise<number> =>
    canvas.evaluate((c: HTMLCanvasElement) => {
      const data = c.getContext("2d")?.getImageData(0, 0, c.width, c.height).data ?? new Uint8ClampedArray();
      let n = 0;
      for (let i = 3; i < data.length; i += 4) if (data[i] !== 0) n++;
      return n;
    });
  await expect.poll(painted).toBeGreaterThan(100);
  await lab.page.goto(`./#${fragment(MANY, "n=5&x.c=none&x.z=0x10000000-0x1000ffff")}`);
  await lab.settled();
  await expect.poll(() => lab.space.locator('[data-ref^="iv:ioas:2:mapped"]').count()).toBeGreaterThan(6);
  await space.getByRole("button", { name: "Address space as a table" }).click();
  const table = space.getByRole("table");
  await expect(table.getByRole("row").filter({ hasText: "0x10002000" }).first()).toContainText("removed");
  await table.evaluate((t) => t.parentElement?.scrollTo({ top: t.scrollHeight / 4 }));
  await expect(table.getByRole("row").filter({ hasText: "IOAS 2 mapped" }).nth(5)).toBeVisible();
  expect(await table.getByRole("row").count()).toBeLessThan(600);
});

test("thousands of steps: few rows are written, the failing one is found, and the list follows", async ({ page }) => {
  const lab = await Lab.open(page, fragment(long(1500), "n=0&x.c=none"));
  await lab.settled();
  expect(await lab.last()).toBe(1500);
  expect(await lab.steps.getByRole("option").count()).toBeLessThan(120);
  await page.keyboard.press("BracketRight");
  await lab.expectStep(1002);
  await expect(lab.steps.getByRole("option", { selected: true })).toContainText("EEXIST");
  expect(await lab.steps.getByRole("option").count()).toBeLessThan(120);
  await lab.timeline.focus();
  await page.keyboard.press("End");
  await lab.expectStep(1500);
  await expect(lab.steps.getByRole("option", { selected: true })).toBeVisible();
});

test("a very long scenario says how many of its steps have run, and can be stopped: what was open stays", async ({
  page,
}) => {
  const lab = await Lab.open(page);
  const title = await lab.steps.getByRole("option").first().textContent();
  await page.goto(`./#${fragment(long(12_000), "n=0&x.c=none")}`);
  await expect(page.getByRole("progressbar", { name: "Steps run" })).toBeVisible();
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await lab.ready();
  expect(await lab.last()).toBe(19);
  await expect(lab.steps.getByRole("option").first()).toHaveText(title ?? "");
});

test("the timeline comes nearer with the plus key and the wheel, so that one step of very many is hit", async ({
  page,
}) => {
  const lab = await Lab.open(page, fragment(long(1500), "n=700&x.c=none"));
  await lab.settled();
  await lab.timeline.focus();
  for (let i = 0; i < 8; i++) await page.keyboard.press("+");
  const marks = (): Promise<number> => lab.timeline.locator("[data-ref]").count();
  await expect(lab.timeline).toHaveAttribute("title", /^Steps \d+ to \d+; 0 shows all$/);
  const [, from = "", to = ""] = /Steps (\d+) to (\d+)/.exec((await lab.timeline.getAttribute("title")) ?? "") ?? [];
  expect(Number(to) - Number(from)).toBeLessThan(20);
  expect(Number(from)).toBeLessThanOrEqual(700);
  expect(Number(to)).toBeGreaterThanOrEqual(700);
  await page.keyboard.press("ArrowRight");
  await lab.expectStep(701);
  await page.keyboard.press("End");
  await lab.expectStep(1500);
  await expect(lab.timeline).toHaveAttribute("title", /to 1500;/);
  expect(await marks()).toBeGreaterThan(0);
  const box = await lab.timeline.boundingBox();
  if (box === null) throw new Error("no timeline");
  await page.mouse.move(box.x + box.width / 2, box.y + 20);
  for (let i = 0; i < 12; i++) await page.mouse.wheel(0, 400);
  await expect(lab.timeline).not.toHaveAttribute("title", /./);
});

test("panning and zooming draws, and renders nothing else of the page", async ({ page }) => {
  const lab = await Lab.open(page, fragment(MANY, "n=5&x.c=none"));
  await lab.settled();
  const box = await lab.space.boundingBox();
  if (box === null) throw new Error("no address space");
  await page.mouse.move(box.x + box.width / 2, box.y + 200);
  await page.evaluate(() => {
    const seen = window as Window & { others?: string[]; drawn?: number };
    seen.others = [];
    seen.drawn = 0;
    new MutationObserver((records) => {
      for (const { target, type, attributeName } of records) {
        // Set without React while a window is fetched.
        if (attributeName === "data-busy") continue;
        const element = target instanceof Element ? target : target.parentElement;
        if (element !== null && element.closest("[data-testid=space]") !== null) seen.drawn = (seen.drawn ?? 0) + 1;
        else seen.others?.push(`${type} ${attributeName ?? ""} ${element?.outerHTML.slice(0, 120) ?? ""}`);
      }
    }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
  });
  for (let i = 0; i < 12; i++) await page.mouse.wheel(i % 3 === 0 ? 60 : 0, i % 3 === 0 ? 0 : -40);
  await expect.poll(() => page.evaluate(() => (window as Window & { drawn?: number }).drawn)).toBeGreaterThan(20);
  expect(await page.evaluate(() => (window as Window & { others?: string[] }).others)).toEqual([]);
});
