import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "@playwright/test";
import { Lab, NEW } from "./lab.ts";

const at = (step: number, more = ""): string =>
  `v=1&s=sw-msi-nested&k=${NEW}&n=${step}&x.st=machine,attachments,walk${more}`;

test("the machine takes the place of the address space by its key, and the link carries it", async ({ page }) => {
  const lab = await Lab.open(page);
  await page.keyboard.press("4");
  await expect(lab.pane("Machine")).toBeVisible();
  await expect(lab.pane("Address space")).toHaveCount(0);
  await expect(lab.pane("Attachments")).toBeVisible();
  const link = await lab.link(/x\.st=machine%2Cattachments%2Cwalk/);
  await page.keyboard.press("1");
  await expect(lab.pane("Address space")).toBeVisible();
  await expect(lab.pane("Machine")).toHaveCount(0);
  await expect(page).not.toHaveURL(/x\.st=/);
  const again = await Lab.open(page, link);
  await expect(again.pane("Machine")).toBeVisible();
});

test("groups come with the kernel's reason, in the drawing and in the table", async ({ page }) => {
  const lab = await Lab.open(page, at(9));
  const pane = lab.pane("Machine");
  const drawing = page.getByTestId("machine").locator("svg");
  await expect(drawing).toContainText("04:00.0");
  await pane.getByRole("button", { name: "Machine as a table" }).click();
  const table = page.getByRole("table", { name: "PCI functions, their groups and streams" });
  const row = (name: string) => table.getByRole("row").filter({ has: page.getByRole("button", { name, exact: true }) });
  await expect(row("04:00.0 e1000e")).toContainText("no ACS between it and the root: 03:00.0 forwards peer to peer");
  await expect(row("06:01.0 e1000")).toContainText("its DMA can carry the requester ID of 00:07.0");
  await expect(row("06:02.0 e1000")).toContainText("none: its DMA is expected to be broken");
  await expect(row("00:05.0 root port")).toContainText("SV RR CR UF");
  await expect(row("D1 00:03.0 edu")).toContainText("SW_MSI 0x8000000-0x80fffff");
});

test("a step marks what it changed, and everything keeps its place", async ({ page }) => {
  const lab = await Lab.open(page, at(9));
  const drawing = page.getByTestId("machine").locator("svg");
  const places = () =>
    drawing.evaluate((svg) =>
      [...svg.querySelectorAll("text")]
        .filter((t) => /^\d\d:\d\d\.\d$/.test(t.textContent ?? ""))
        .map((t) => `${t.textContent} ${t.getAttribute("x")} ${t.getAttribute("y")}`),
    );
  await expect(drawing).toContainText("06:03.0");
  const before = await places();
  await lab.goTo(10);
  await lab.settled();
  await expect(drawing).toContainText("0x8000040");
  expect(await places()).toEqual(before);
});

test("a card that is plugged in comes into the place that was kept for it", async ({ page }) => {
  const lab = await Lab.open(page, "v=1&s=pci-windows-hotplug&k=pci-windows-iova-list&n=3&x.st=machine,attachments");
  const drawing = page.getByTestId("machine").locator("svg");
  const places = () =>
    drawing.evaluate((svg) =>
      [...svg.querySelectorAll("text")]
        .filter((t) => /^\d\d:\d\d\.\d$/.test(t.textContent ?? ""))
        .map((t) => `${t.textContent} ${t.getAttribute("x")} ${t.getAttribute("y")}`),
    );
  await expect(drawing).toContainText("slot empty");
  const before = await places();
  await lab.goTo(await lab.find("PCI_HOTPLUG"));
  await lab.settled();
  await expect(drawing).toContainText("plugged in");
  expect(await places()).toEqual(before);
});

test("a click on a function opens it in the inspector, with its ACS bits", async ({ page }) => {
  const lab = await Lab.open(page, at(9));
  await page.getByTestId("machine").locator('svg text[data-ref~="pci:0000:00:05.0"]').first().click();
  await expect(lab.pane("Inspector")).toContainText("root port");
  await expect(lab.pane("Inspector")).toContainText("RequestRedirect");
  await lab.link(/x\.sel=pci%3A0000%3A00%3A05\.0/);
});

test("a write from one function to another: redirected between root ports, blocked where nobody decodes", async ({
  page,
}) => {
  const lab = await Lab.open(page, at(9));
  await page.getByRole("combobox", { name: "A write from" }).selectOption("0000:01:00.0");
  await page.getByRole("combobox", { name: "to a BAR of" }).selectOption("0000:00:03.0");
  const verdict = page.getByTestId("peer");
  await expect(verdict).toContainText("Redirected through the IOMMU");
  await expect(verdict).toContainText("00:05.0: Request Redirect");
  await lab.link(/x\.p2p=0000%3A01%3A00\.0%2C0000%3A00%3A03\.0/);
  await page.getByRole("combobox", { name: "A write from" }).selectOption("0000:04:00.0");
  await page.getByRole("combobox", { name: "to a BAR of" }).selectOption("0000:05:00.0");
  await expect(verdict).toContainText("Blocked");
  await expect(verdict).toContainText("memory decoding of 05:00.0 is off");
  await page.getByRole("button", { name: "Clear", exact: true }).click();
  await expect(verdict).toHaveCount(0);
});

test("any place takes any view by its title, with the keyboard alone", async ({ page }) => {
  const lab = await Lab.open(page);
  const title = lab.pane("Nested walk").getByRole("button", { name: "Nested walk", exact: true });
  await title.focus();
  await page.keyboard.press("ArrowDown");
  const menu = page.getByRole("menu", { name: "View in this place" });
  await expect(menu).toBeVisible();
  await expect(menu.getByRole("menuitemradio", { name: /^Walk/ })).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(menu).toHaveCount(0);
  await expect(lab.pane("Machine")).toBeVisible();
  await expect(lab.pane("Address space")).toBeVisible();
  await expect(page.getByRole("button", { name: "Machine", exact: true })).toBeFocused();
  await lab.link(/x\.st=space%2Cattachments%2Cmachine/);
  await page.keyboard.press("Enter");
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await expect(lab.pane("Machine")).toHaveCount(0);
  await lab.link(/x\.st=space%2Cattachments(&|$)/);
  await page.keyboard.press("Escape");
  await expect(lab.steps).toBeVisible();
  await expect(lab.timeline).toBeVisible();
});

for (const scheme of ["light", "dark"] as const)
  test(`axe finds nothing on the machine, ${scheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme: scheme });
    const lab = await Lab.open(page, at(10, "&x.p2p=0000:01:00.0,0000:00:03.0"));
    await expect(page.getByTestId("peer")).toContainText("Redirected");
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    await lab.pane("Machine").getByRole("button", { name: "Machine as a table" }).click();
    expect((await new AxeBuilder({ page }).include("#pane-machine").analyze()).violations).toEqual([]);
    await lab.pane("Machine").getByRole("button", { name: "Machine", exact: true }).click();
    await expect(page.getByRole("menu")).toBeVisible();
    expect((await new AxeBuilder({ page }).include('[role="menu"]').analyze()).violations).toEqual([]);
  });
