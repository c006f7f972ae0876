import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { Lab, NEW, OLD } from "./lab.ts";

/** Every pane that can be saved, three views of the stage at a time. */
const STAGES: readonly [stage: string, panes: readonly string[]][] = [
  ["space,attachments,walk", ["Address space", "Attachments", "Nested walk", "Inspector", "Why", "Timeline"]],
  ["machine,compare,tables", ["Machine", "Compare", "Tables"]],
];
const at = (stage: string, more = ""): string => `v=1&s=sw-msi-nested&k=${OLD}&n=13&x.c=${NEW}&x.st=${stage}${more}`;

interface Parsed {
  error: string;
  root: string;
  width: number;
  height: number;
  title: string;
  desc: string;
  marks: number;
  /** Attributes and texts that would need something outside of the file. */
  outside: string[];
}

/** As a strict XML parser reads it. */
function parsed(page: Page, svg: string): Promise<Parsed> {
  return page.evaluate((text) => {
    const doc = new DOMParser().parseFromString(text, "image/svg+xml");
    const root = doc.documentElement;
    const every = [...doc.querySelectorAll("*")];
    const values = every.flatMap((e) => [...e.attributes].map((a) => a.value));
    return {
      error: doc.querySelector("parsererror")?.textContent ?? "",
      root: root.localName,
      width: Number(root.getAttribute("width")),
      height: Number(root.getAttribute("height")),
      title: doc.querySelector("svg > title")?.textContent ?? "",
      desc: doc.querySelector("svg > desc")?.textContent ?? "",
      marks: doc.querySelectorAll("path, rect, text").length,
      outside: [
        ...values.filter(
          (v) => v.includes("var(") || /^(https?:|data:)/.test(v.replace("http://www.w3.org/2000/svg", "")),
        ),
        ...every.flatMap((e) => (/^(script|image|style|foreignObject)$/.test(e.localName) ? [e.localName] : [])),
      ],
    };
  }, svg);
}

for (const [stage, panes] of STAGES)
  test(`every view becomes a picture: ${panes.join(", ")}`, async ({ page }) => {
    test.slow();
    const lab = await Lab.open(page, at(stage));
    for (const pane of panes) {
      await expect(lab.pane(pane)).toBeVisible();
      const svg = await lab.exported(pane, "SVG picture");
      expect(svg.name).toMatch(/^sw-msi-nested-linux-6\.11-step-13-[a-z]+\.svg$/);
      const read = await parsed(page, svg.bytes.toString("utf8"));
      expect(read, pane).toMatchObject({ error: "", root: "svg", outside: [] });
      expect(read.title).toBe(`SW_MSI and the nested direct attach: ${pane}`);
      expect(read.desc).toContain("step 13");
      expect(read.marks, pane).toBeGreaterThan(15);
      expect(read.width).toBeGreaterThan(400);

      const png = await lab.exported(pane, "PNG picture");
      expect(png.name).toBe(svg.name.replace(/svg$/, "png"));
      expect([...png.bytes.subarray(0, 8)], pane).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
      expect(png.bytes.readUInt32BE(16), pane).toBe(2 * read.width);
      expect(png.bytes.readUInt32BE(20), pane).toBe(2 * read.height);
      expect(png.bytes.length).toBeGreaterThan(4000);
    }
  });

for (const [stage, panes] of STAGES)
  test(`every view becomes text and a table: ${panes.join(", ")}`, async ({ page, context }) => {
    test.slow();
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const lab = await Lab.open(page, at(stage));
    for (const pane of panes) {
      const { bytes } = await lab.exported(pane, "Text file");
      const text = bytes.toString("utf8");
      for (const line of text.split("\n")) expect(line, pane).toMatch(/^[ -~]{0,71}[!-~]$|^$/);
      expect(text).toContain("SW_MSI and the nested direct attach\n");
      await lab.chooseExport(pane, "Copy as text");
      await expect(lab.spoken).toHaveText(/^Copied \d+ lines$/);
      expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(text);

      await page.getByRole("button", { name: `${pane} as a table` }).click();
      const table = lab.pane(pane).getByRole("table").last();
      const shown = await table.evaluate((t) =>
        [...t.querySelectorAll("tr")].map((r) => [...r.querySelectorAll("th, td")].map((c) => c.textContent)),
      );
      const csv = await lab.exported(pane, "CSV table");
      expect(csv.name).toMatch(/\.csv$/);
      const rows = rowsOf(csv.bytes.toString("utf8"));
      // The address space's last column is a button.
      const facts = shown.map((r) => (pane === "Address space" ? r.slice(0, -1) : r));
      expect(rows, pane).toEqual(facts);
      expect(rows.length).toBeGreaterThan(2);
    }
  });

/** A reader of its own: RFC 4180. */
function rowsOf(csv: string): string[][] {
  const rows: string[][] = [[]];
  for (let i = 0; i < csv.length;) {
    let cell = "";
    if (csv[i] === '"') {
      for (i++; csv[i] !== '"' || csv[i + 1] === '"'; i++) {
        if (csv[i] === '"') i++;
        cell += csv[i] ?? "";
      }
      i++;
    } else while (i < csv.length && csv[i] !== "," && csv[i] !== "\r") cell += csv[i++] ?? "";
    rows.at(-1)?.push(cell);
    if (csv[i] === "\r") {
      i += 2;
      if (i < csv.length) rows.push([]);
    } else i++;
  }
  return rows;
}

test("the scenario as text and as JSON; storyboards hold every step", async ({ page }) => {
  const lab = await Lab.open(page, at("space"));
  const text = await lab.exported("Timeline", "Scenario, text");
  expect(text.name).toBe("sw-msi-nested.lab");
  expect(text.bytes.toString("utf8")).toMatch(/^title: SW_MSI and the nested direct attach\n/);
  const json = await lab.exported("Timeline", "Scenario, JSON");
  const scenario = JSON.parse(json.bytes.toString("utf8")) as { scenario: number; steps: unknown[] };
  expect(scenario.scenario).toBe(1);
  const count = await lab.last();
  expect(scenario.steps).toHaveLength(count);

  const strip = (await lab.exported("Address space", "Storyboard, text")).bytes.toString("utf8");
  for (let i = 1; i <= count; i++) expect(strip).toMatch(new RegExp(`^ +${i} (vmm|guest|device|admin) `, "m"));
  const svg = (await lab.exported("Address space", "Storyboard, SVG")).bytes.toString("utf8");
  const read = await parsed(page, svg);
  expect(read).toMatchObject({ error: "", root: "svg", outside: [] });
  expect(read.height).toBeGreaterThan(count * 200);
  const page13 = (await lab.exported("Address space", "This step, text")).bytes.toString("utf8");
  expect(page13).toContain("MSI write D1");
  expect(page13).toContain("0x8000000-0x80fffff");
});

test("a picture has the colours of the theme", async ({ page }) => {
  const lab = await Lab.open(page, at("space"));
  const light = (await lab.exported("Address space", "SVG picture")).bytes.toString("utf8");
  await page.getByRole("button", { name: "Use the dark theme" }).click();
  const dark = (await lab.exported("Address space", "SVG picture")).bytes.toString("utf8");
  expect(light).toContain('height="100%" fill="#f8f5ef"');
  expect(dark).toContain('height="100%" fill="#0f1317"');
  expect(dark).not.toContain("#f8f5ef");
});

test("the menu goes by the keyboard, says what it did, and is clean", async ({ page, context }) => {
  test.slow();
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const lab = await Lab.open(page, at("space,attachments,walk"));
  const button = page.getByRole("button", { name: "Export Why" });
  await button.focus();
  await page.keyboard.press("Enter");
  const menu = page.getByRole("menu", { name: "Export Why" });
  await expect(menu.getByRole("menuitem").first()).toBeFocused();
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map((v) => `${v.id} ${v.nodes[0]?.html ?? ""}`)).toEqual([]);
  await page.keyboard.press("Escape");
  await expect(button).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(menu).toHaveCount(0);
  await expect(button).toBeFocused();
  await expect(lab.spoken).toHaveText(/^Copied \d+ lines$/);
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain("\nWhy\n---");
});

test("the palette exports too, and what cannot be had is said", async ({ page }) => {
  const lab = await Lab.open(page, `v=1&s=sw-msi-nested&k=${OLD}&n=0`);
  await page.keyboard.press("Control+Shift+P");
  await page.getByRole("combobox", { name: "All commands" }).fill("export walk: text");
  await page.keyboard.press("Enter");
  await expect(lab.notice).toHaveText(/there is no walk/);
  const coming = page.waitForEvent("download");
  await page.keyboard.press("Control+Shift+P");
  await page.getByRole("combobox", { name: "All commands" }).fill("export machine: svg");
  await page.keyboard.press("Enter");
  expect((await coming).suggestedFilename()).toBe("sw-msi-nested-linux-6.11-step-0-machine.svg");
});

test("a copied number is what a kernel developer would paste", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const lab = await Lab.open(page, at("space,attachments,walk"));
  const copied = async (): Promise<string> => {
    await page.keyboard.press("Control+c");
    return page.evaluate(() => navigator.clipboard.readText());
  };
  // The walk writes addresses without 0x.
  const address = page.locator("[data-copy]").first();
  await expect(address).not.toContainText("0x");
  await address.selectText();
  expect(await copied()).toMatch(/^0x[0-9a-f]{8,}$/);

  await page.evaluate(() => getSelection()?.removeAllRanges());
  await page.keyboard.press("/");
  await page.getByRole("combobox", { name: "Find" }).fill("SW_MSI 0x8000000");
  await page.keyboard.press("Enter");
  await lab.pane("Why").focus();
  expect(await copied()).toBe("0x8000000-0x80fffff");
});
