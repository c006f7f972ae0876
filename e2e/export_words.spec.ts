import { expect, type Page, test } from "@playwright/test";
import { violations } from "./axe.ts";
import { Lab } from "./lab.ts";

const mail = /^[ -~]{0,71}[!-~]$|^$/;

async function copied(lab: Lab, view: string, form: string): Promise<string> {
  await lab.chooseExport(view, form);
  await expect(lab.spoken).toHaveText(/^Copied \d+ lines$/);
  const text = await lab.page.evaluate(() => navigator.clipboard.readText());
  for (const line of text.split("\n")) expect(line).toMatch(mail);
  return text;
}

async function searched(page: Page, a: string, b: string): Promise<Lab> {
  const lab = await Lab.open(page, "v=1&s=sw-msi-nested&k=linux-6.11&n=3&x.max=explore");
  await page.getByLabel("one kernel").selectOption(a);
  await page.getByLabel("the other").selectOption(b);
  return lab;
}

test("a search that found something: a mail, a file, rows and pictures", async ({ page, context }) => {
  test.slow();
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const lab = await searched(page, "linux-6.14", "linux-6.15");
  await lab.chooseExport("Explore", "Text file");
  await expect(lab.notice).toContainText("Nothing was searched yet: there is nothing to export.");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.getByRole("heading", { name: "shortest difference: 2 steps" })).toBeVisible({ timeout: 40_000 });

  const text = await copied(lab, "Explore", "Copy as text");
  expect(text).toMatch(/^Shortest difference of linux-6\.14 and linux-6\.15, 2 steps\n/);
  expect(text).toMatch(/^A {2}linux-6\.14\nB {2}linux-6\.15$/m);
  expect(text).toMatch(/^ 2 {2}vmm VFIO_DEVICE_SET_IRQS D1 index=MSI +0 +ENOSPC$/m);
  expect(text).toContain("NO: somebody maps doorbells in the domain");
  expect(text).toContain("explore --kernels linux-6.14,linux-6.15");
  const file = await lab.exported("Explore", "Text file");
  expect(file.name).toBe("explore-linux-6.14-linux-6.15.txt");
  expect(file.bytes.toString("utf8")).toBe(text);

  const csv = await lab.exported("Explore", "CSV table");
  expect(csv.bytes.toString("utf8").split("\r\n")).toEqual([
    "Step,Who,Call,linux-6.14,linux-6.15",
    "1,vmm,VFIO_DEVICE_BIND_IOMMUFD D1,0 dev 1,0 dev 1",
    "2,vmm,VFIO_DEVICE_SET_IRQS D1 index=MSI,0,ENOSPC",
    "",
  ]);
  const svg = (await lab.exported("Explore", "SVG picture")).bytes.toString("utf8");
  expect(svg).toContain(">Shortest difference of linux-6.14 and linux-6.15, 2 steps: Explore</title>");
  expect(svg).toContain("VFIO_DEVICE_SET_IRQS");
  const png = await lab.exported("Explore", "PNG picture");
  expect([...png.bytes.subarray(1, 4)]).toEqual([0x50, 0x4e, 0x47]);
  expect(png.bytes.length).toBeGreaterThan(20_000);
});

test("a search that found nothing says how far it went, from the palette and off the stage too", async ({ page }) => {
  test.slow();
  const lab = await searched(page, "linux-7.2", "linux-7.2");
  await page.getByLabel("Longest sequence, steps").fill("2");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.getByRole("heading", { name: /^none within depth 2/ })).toBeVisible({ timeout: 40_000 });
  await page.keyboard.press("Escape");
  await page.keyboard.press("4");
  await expect(page.getByRole("form", { name: "What to search" })).toHaveCount(0);
  const coming = page.waitForEvent("download");
  await page.keyboard.press("Control+Shift+P");
  await page.getByRole("combobox", { name: "All commands" }).fill("export explore: text");
  await page.keyboard.press("Enter");
  const stream = await (await coming).createReadStream();
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  expect(text).toContain("linux-7.2 and linux-7.2: no difference within 2 steps\n");
  expect(text).toMatch(/No sequence of up to 2\s+steps in this world gives different results or facts/);
  await expect(lab.notice).toHaveCount(0);
});

test("the step list and a tour are texts", async ({ page, context }) => {
  test.slow();
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const lab = await Lab.open(page, "v=1&s=sw-msi-nested&k=linux-6.11&n=13");
  const list = await copied(lab, "Steps", "Copy as text");
  const count = await lab.last();
  for (let i = 1; i <= count; i++) expect(list).toMatch(new RegExp(`^[ >] *${i} (vmm|guest|device|admin) `, "m"));
  const csv = (await lab.exported("Steps", "CSV table")).bytes.toString("utf8").split("\r\n");
  expect(csv).toHaveLength(count + 2);
  expect(csv[0]).toMatch(/^Step,Who,Call,linux-6\.11,/);
  await page.getByRole("button", { name: "Export Steps" }).click();
  expect(await violations(page, "main")).toEqual([]);
  await page.keyboard.press("Escape");
});

test("a tour is a text that can be read without the simulator", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const lab = await Lab.open(page, "v=1&tour=sw-msi");
  await expect(page.getByTestId("tour-spoken")).toHaveText(/^Stop 1 of \d+/);
  const tour = await copied(lab, "Tour", "Copy as text");
  expect(tour).toMatch(/^SW_MSI: at allocation or at attach\n\nWho keeps the MSI window free/);
  expect(tour).toMatch(/^1\. .+ the question$/m);
  expect(tour).toMatch(/in our\s+words:/);
  expect((await lab.exported("Tour", "Text file")).name).toBe("tour-sw-msi.txt");
});
