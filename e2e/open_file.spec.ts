import { readFileSync } from "node:fs";
import { brotliDecompressSync, gzipSync } from "node:zlib";
import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { scenarioToJson } from "../src/engine/sim/scenario/json.ts";
import { parseScenario } from "../src/engine/sim/scenario/parse.ts";
import { Lab } from "./lab.ts";

interface Dropped {
  name: string;
  bytes: Buffer;
}

const fixture = (path: string): Buffer => brotliDecompressSync(readFileSync(`fixtures/${path}.br`));
const trace = (name: string): Dropped => ({ name: `${name}.jsonl`, bytes: fixture(`traces/arm/${name}.jsonl`) });
const text = (name: string, content: string): Dropped => ({ name, bytes: Buffer.from(content) });

/** Drops files on the page, as a person does: over it first. */
async function drop(page: Page, files: readonly Dropped[], look?: () => Promise<void>): Promise<void> {
  const data = await page.evaluateHandle(
    (list) => {
      const transfer = new DataTransfer();
      for (const { name, base64 } of list)
        transfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
      return transfer;
    },
    files.map((f) => ({ name: f.name, base64: f.bytes.toString("base64") })),
  );
  const main = page.locator("main");
  await main.dispatchEvent("dragenter", { dataTransfer: data });
  await main.dispatchEvent("dragover", { dataTransfer: data });
  await look?.();
  await main.dispatchEvent("drop", { dataTransfer: data });
}

const title = (page: Page) => page.getByRole("heading", { level: 1 });
const agreement = (page: Page) => page.getByTestId("agreement");

test("a recorded trace with its table dump, dropped: every record is a step and says whether it agrees", async ({
  page,
}) => {
  const lab = await Lab.open(page);
  const dump = { name: "c-s1-nested.json", bytes: fixture("tables/arm/c-s1-nested.json") };
  await drop(page, [trace("c-s1"), dump], async () => {
    await expect(page.getByRole("dialog", { name: "Drop to open" })).toContainText("a recorded trace");
  });
  await expect(title(page)).toHaveText("c-s1.jsonl");
  await expect(agreement(page)).toHaveText(/^([\d,]+) of \1 records agree/);
  const records = await lab.last();
  expect(records).toBeGreaterThan(100);
  await expect(lab.steps.getByRole("option", { name: /, agrees/ })).not.toHaveCount(0);
  await lab.goTo(8);
  await expect(page.getByTestId("recorded")).toContainText("answers as the recorded kernel did");
  await page.keyboard.press("BracketRight");
  expect(await lab.step()).toBeGreaterThan(8);
  await lab.link(/#v=1&file=c-s1\.jsonl$/);
});

test("gzip is unpacked in the page", async ({ page }) => {
  await Lab.open(page);
  const { name, bytes } = trace("alias");
  await drop(page, [{ name: `${name}.gz`, bytes: gzipSync(bytes) }]);
  await expect(title(page)).toHaveText("alias.jsonl.gz");
  await expect(agreement(page)).toHaveText(/records agree/);
});

test("a record that the model does not answer so is marked, counted, found by ] and explained", async ({ page }) => {
  const lab = await Lab.open(page);
  const { name, bytes } = trace("c-s1");
  const lines = bytes.toString().split("\n");
  const at = lines.findIndex((l) => /"IOMMU_IOAS_MAP"|IOAS_MAP/.test(l) && /"ret":\s*0\b/.test(l));
  expect(at).toBeGreaterThan(0);
  lines[at] = (lines[at] ?? "").replace(/"ret":\s*0\b/, '"ret":-1,"errno":28');
  await drop(page, [text(name, lines.join("\n"))]);
  await expect(agreement(page)).toHaveAttribute("data-differs", "");
  const count = /(\d+) of (\d+)/.exec(await agreement(page).innerText());
  expect(Number(count?.[1])).toBeLessThan(Number(count?.[2]));
  const row = lab.steps.getByRole("option", { name: /, differs/ }).first();
  const step = Number(await row.getAttribute("aria-posinset"));
  await lab.goTo(step - 1);
  await page.keyboard.press("BracketRight");
  await lab.expectStep(step);
  await expect(page.getByTestId("recorded")).toContainText("differs from the recorded kernel");
  await expect(row.locator('[data-agreement="differs"]')).toHaveText("≠");
});

test("a trace without the dumps that it names says what is missing", async ({ page }) => {
  const lab = await Lab.open(page);
  await drop(page, [trace("c-s1")]);
  await expect(agreement(page)).toHaveAttribute("data-differs", "");
  await expect(lab.notice).toContainText("c-s1-nested.json");
});

test("a recording has no text and no link: both say so, and nothing is changed", async ({ page }) => {
  const lab = await Lab.open(page);
  await drop(page, [trace("m-msix")]);
  await expect(agreement(page)).toBeVisible();
  await page.getByRole("button", { name: "Copy the link" }).click();
  await expect(lab.notice).toContainText("A link cannot hold a recording");
  await page.keyboard.press("Escape");
  await page.keyboard.press("e");
  await expect(lab.notice).toContainText("what was recorded cannot be changed");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.goto("about:blank");
  const again = await Lab.open(page, "v=1&file=m-msix.jsonl");
  await expect(again.notice).toContainText("The link is of the recording m-msix.jsonl");
});

test("a scenario as text and as JSON; an x86 recording; by the command as well as by dropping", async ({ page }) => {
  const lab = await Lab.open(page);
  const source = readFileSync("scenarios/resv-import-late.lab", "utf8");
  await drop(page, [text("mine.lab", source.replace(/^title: .*/, "title: Mine"))]);
  await expect(title(page)).toHaveText("Mine");
  await lab.link(/[#&]t=/);
  const read = parseScenario(source.replace(/^title: .*/, "title: Mine as JSON"));
  if (!read.ok) throw new Error(read.problem.message);
  await drop(page, [text("mine.json", scenarioToJson(read.value.scenario))]);
  await expect(title(page)).toHaveText("Mine as JSON");
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.keyboard.press("Shift+O")]);
  await chooser.setFiles({
    name: "x86.jsonl",
    mimeType: "application/json",
    buffer: Buffer.from(fixture("traces/x86/fuzz-7.2.jsonl").toString().split("\n").slice(0, 60).join("\n")),
  });
  await expect(title(page)).toHaveText("x86.jsonl");
  await expect(agreement(page)).toHaveText(/^([\d,]+) of \1 records agree/);
});

test("what cannot be opened is refused in one sentence, and the world stays", async ({ page }) => {
  const lab = await Lab.open(page);
  await lab.goTo(13);
  const before = await lab.picture();
  for (const [files, message] of [
    [[text("empty.lab", " \n")], "empty.lab is empty."],
    [[{ name: "photo.lab", bytes: Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0x80]) }], "photo.lab is no text"],
    [[{ name: "cut.jsonl.gz", bytes: gzipSync(trace("c-s1").bytes).subarray(0, 400) }], "cut.jsonl.gz cannot be read"],
    [[{ name: "t.jsonl.br", bytes: Buffer.from([1, 2, 3]) }], "packed in a way that a browser cannot read"],
    [[text("t.jsonl", '{"t":"header","machine":"moon"}\n{"t":"note"}\n')], 'machine "moon"'],
    [[text("bad.lab", "title: x\nnonsense\n")], "ine 2"],
    [[text("a.lab", "x"), text("b.lab", "y")], "one trace or scenario at a time"],
  ] as const) {
    await drop(page, files);
    await expect(lab.notice).toContainText(message);
    await expect(title(page)).toHaveText("SW_MSI and the nested direct attach");
    await lab.notice.getByRole("button", { name: "Dismiss" }).click();
  }
  await expect(page.getByRole("dialog")).toHaveCount(0);
  expect(await lab.picture()).toBe(before);
});

test("a long recording shows how far it is, and can be stopped: what was open comes back", async ({ page }) => {
  test.setTimeout(120_000);
  const lab = await Lab.open(page);
  await drop(page, [{ name: "long.jsonl", bytes: fixture("traces/x86/fuzz-6.12.jsonl") }]);
  const dialog = page.getByRole("dialog", { name: "Opening long.jsonl" });
  await expect(dialog.getByRole("progressbar", { name: "Records played" })).toHaveAttribute("aria-valuemax", /\d{4}/, {
    timeout: 30_000,
  });
  await dialog.getByRole("button", { name: "Stop" }).click();
  await lab.ready();
  await expect(dialog).toHaveCount(0);
  await expect(title(page)).toHaveText("SW_MSI and the nested direct attach");
  await page.keyboard.press("Period");
  await lab.settled();
});

for (const scheme of ["light", "dark"] as const)
  test(`axe finds nothing on a recording, over a drop, and in the library, ${scheme}`, async ({ page }) => {
    test.setTimeout(240_000);
    await page.emulateMedia({ colorScheme: scheme });
    const lab = await Lab.open(page);
    const clean = async (): Promise<void> => {
      expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    };
    await drop(page, [trace("c-s1")], clean);
    await expect(agreement(page)).toBeVisible();
    await lab.settled();
    await clean();
    await page.keyboard.press("o");
    await expect(page.getByRole("dialog", { name: "Scenarios" })).toContainText("checks hold");
    await clean();
    await page.keyboard.press("Escape");
    await page.keyboard.press("c");
    await expect(page.getByRole("dialog", { name: "Kernels" })).toBeVisible();
    await clean();
  });
