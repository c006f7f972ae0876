import { readFile } from "node:fs/promises";
import { expect, type Locator, type Page } from "@playwright/test";

export const OLD = "linux-6.11";
export const NEW = "linux-7.2";

/** The simulator as a person meets it. Specs speak in these words and never in selectors. */
export class Lab {
  readonly page: Page;
  readonly space: Locator;
  readonly steps: Locator;
  readonly timeline: Locator;
  readonly notice: Locator;
  readonly spoken: Locator;

  constructor(page: Page) {
    this.page = page;
    this.space = page.getByTestId("space");
    this.steps = page.getByRole("listbox", { name: "Steps of the scenario" });
    this.timeline = page.getByRole("slider", { name: "Step", exact: true });
    this.notice = page.getByTestId("notice");
    this.spoken = page.getByTestId("spoken");
  }

  /** `fragment` without `#`. Waits until the picture stands. */
  static async open(page: Page, fragment = ""): Promise<Lab> {
    const lab = new Lab(page);
    await page.goto(fragment === "" ? "./" : `./#${fragment}`);
    await lab.ready();
    return lab;
  }

  async ready(): Promise<void> {
    await expect(this.page.locator('[data-phase="ready"]')).toBeVisible({ timeout: 30_000 });
    await this.page.evaluate(() => document.fonts.ready);
    await expect(this.timeline).toBeVisible();
  }

  /** Chooses a form in the menu of a view; the file that it gives. */
  async exported(view: string, form: string): Promise<{ name: string; bytes: Buffer }> {
    const coming = this.page.waitForEvent("download");
    await this.chooseExport(view, form);
    const download = await coming;
    const bytes = await readFile(await download.path());
    return { name: download.suggestedFilename(), bytes };
  }

  async chooseExport(view: string, form: string): Promise<void> {
    await this.page.getByRole("button", { name: `Export ${view}`, exact: true }).click();
    const menu = this.page.getByRole("menu", { name: `Export ${view}` });
    await menu.getByRole("menuitem", { name: form }).click();
    await expect(menu).toHaveCount(0);
  }

  pane(name: string): Locator {
    return this.page.getByRole("region", { name, exact: true });
  }

  kernel(id: string): Locator {
    return this.page.locator(`[data-kernel="${id}"]`);
  }

  async useKernel(id: string): Promise<void> {
    await this.kernel(id).click();
    await expect(this.kernel(id)).toHaveAttribute("aria-checked", "true");
  }

  async expectStep(step: number): Promise<void> {
    await expect(this.timeline).toHaveAttribute("aria-valuenow", String(step));
  }

  async step(): Promise<number> {
    return Number(await this.timeline.getAttribute("aria-valuenow"));
  }

  async last(): Promise<number> {
    return Number(await this.timeline.getAttribute("aria-valuemax"));
  }

  row(step: number): Locator {
    return this.steps.getByRole("option").nth(step - 1);
  }

  async goTo(step: number): Promise<void> {
    await this.row(step).click();
    await this.expectStep(step);
  }

  /** The number of the n-th step whose row holds the text. */
  async find(text: string, nth = 0): Promise<number> {
    const rows = await this.steps.getByRole("option").allInnerTexts();
    const found = rows.map((row, i) => (row.includes(text) ? i + 1 : 0)).filter((i) => i > 0);
    const step = found[nth];
    if (step === undefined) throw new Error(`no step says "${text}" for the ${nth + 1}. time`);
    return step;
  }

  /** The fragment once it says what is expected; the address bar follows a moment after the picture. */
  async link(expected: RegExp): Promise<string> {
    await expect(this.page).toHaveURL(expected);
    return new URL(this.page.url()).hash.slice(1);
  }

  /** The seen window, both ends inclusive, from the address bar; null: everything. */
  window(): { lo: bigint; last: bigint } | null {
    const match = /x\.z=(0x[0-9a-f]+)-(0x[0-9a-f]+)/.exec(this.page.url());
    return match === null ? null : { lo: BigInt(match[1] ?? "0"), last: BigInt(match[2] ?? "0") };
  }

  /** A thing in the drawing of the attachments, by its ref. */
  object(ref: string): Locator {
    return this.pane("Attachments").locator(`text[data-ref="${ref}"]`).first();
  }

  /** By its id, in the list of scenarios. */
  async openScenario(id: string): Promise<void> {
    await this.page.keyboard.press("o");
    await this.page.getByRole("dialog").getByRole("combobox").fill(id);
    await this.page.keyboard.press("Enter");
    await this.link(new RegExp(`s=${id}&`));
  }

  /** Numbers in a pane that reach past the box that shows them: its digits are lost to the eye. */
  async cutOff(pane: string): Promise<string[]> {
    await this.settled();
    return await this.pane(pane).evaluate((section) => {
      const edge = section.getBoundingClientRect().right;
      const boxes = [...section.querySelectorAll<HTMLElement>("td, [data-cell], dd")];
      return boxes.flatMap((box) => {
        const own = box.getBoundingClientRect();
        if (own.width < 2 || box.closest(".hidden") !== null) return [];
        const range = document.createRange();
        range.selectNodeContents(box);
        const right = range.getBoundingClientRect().right;
        let clip = edge;
        for (let e = box.parentElement; e !== null && e !== section; e = e.parentElement)
          if (getComputedStyle(e).overflowX !== "visible") clip = Math.min(clip, e.getBoundingClientRect().right);
        return right > clip + 1 ? [`${box.textContent ?? ""} by ${Math.round(right - clip)}`] : [];
      });
    });
  }

  /** Until every answer of the engine is in the picture and in the address bar. */
  async settled(): Promise<void> {
    await expect
      .poll(
        () =>
          this.page.evaluate(async () => {
            for (let i = 0; i < 8; i++) {
              if (document.querySelector("[data-busy]") !== null) return false;
              await new Promise((r) => setTimeout(r, 40));
            }
            return true;
          }),
        { timeout: 20_000 },
      )
      .toBe(true);
  }

  /** What is on screen, to be compared before and after. */
  async picture(): Promise<string> {
    await this.settled();
    return await this.page.evaluate(() => {
      const main = document.querySelector("main");
      // Ids of the run-time (React's, the splitters') and the order of attributes may differ; picture and words may not.
      const svg = [...(main?.querySelectorAll("svg *") ?? [])].map((e) => {
        const attributes = e.getAttributeNames().filter((name) => name !== "id");
        return `${e.tagName} ${attributes
          .sort()
          .map((name) => `${name}=${e.getAttribute(name)}`)
          .join(" ")} ${e.children.length === 0 ? e.textContent : ""}`;
      });
      const tables = [...(main?.querySelectorAll("table") ?? [])].map((t) => t.textContent);
      return [...svg, ...tables].join("\n");
    });
  }
}
