import { type CDPSession, expect, test } from "@playwright/test";
import { Lab, NEW, OLD } from "./lab.ts";

test.use({ hasTouch: true });

type Finger = { x: number; y: number; id: number };

async function fingers(client: CDPSession, ...path: Finger[][]): Promise<void> {
  for (const [i, touchPoints] of path.entries())
    await client.send("Input.dispatchTouchEvent", { type: i === 0 ? "touchStart" : "touchMove", touchPoints });
  await client.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
}

test("fingers: two zoom and pan the address space, one drags it, a tap selects; the lists answer to taps", async ({
  page,
}) => {
  const lab = await Lab.open(page, `v=1&s=sw-msi-nested&k=${OLD}&n=13&x.c=${NEW}`);
  const client = await page.context().newCDPSession(page);
  const box = await lab.space.boundingBox();
  if (box === null) throw new Error("no address space");
  const [x, y] = [box.x + box.width / 2, box.y + 180];
  const size = (): bigint => (lab.window()?.last ?? (1n << 64n) - 1n) - (lab.window()?.lo ?? 0n);

  const apart = (d: number, shift = 0): Finger[] => [
    { x: x - d + shift, y, id: 1 },
    { x: x + d + shift, y: y + 10, id: 2 },
  ];
  await fingers(client, apart(30), apart(60), apart(90), apart(120));
  await lab.link(/x\.z=/);
  const near = size();
  expect(near).toBeLessThan(1n << 63n);
  expect(await page.evaluate(() => visualViewport?.scale)).toBe(1);

  const lo = lab.window()?.lo ?? 0n;
  await fingers(client, apart(80), apart(80, -40), apart(80, -80));
  await expect.poll(() => (lab.window()?.lo ?? 0n) > lo).toBe(true);

  const from = lab.window()?.lo ?? 0n;
  await fingers(client, [{ x, y, id: 1 }], [{ x: x + 40, y, id: 1 }], [{ x: x + 90, y, id: 1 }]);
  await expect.poll(() => (lab.window()?.lo ?? 0n) < from).toBe(true);

  const wide = size();
  await fingers(client, apart(120), apart(80), apart(30));
  await expect.poll(size).toBeGreaterThan(wide);

  await page.keyboard.press("f");
  await expect.poll(() => lab.window()).toBeNull();
  const ram = lab.space.locator('rect[data-ref*="iv:"]').first();
  const at = await ram.boundingBox();
  if (at === null) throw new Error("no interval");
  await page.touchscreen.tap(at.x + Math.min(at.width / 2, 6), at.y + at.height / 2);
  await lab.link(/x\.p=/);

  await lab.row(9).tap();
  await lab.expectStep(9);
  await page.getByRole("button", { name: "Maximise Address space" }).tap();
  await expect(lab.pane("Attachments")).toHaveCount(0);
});
