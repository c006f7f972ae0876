import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";

/**
 * What axe finds, one line each: on the whole page, or inside `within` (a selector), by all rules or only by `rules`. A page
 * reads axe once, and only what is wrong is worked out to the end.
 */
export async function violations(page: Page, within?: string, rules?: string[]): Promise<string[]> {
  const here = await page.evaluate(() => "axe" in window);
  // Without the second page that results of frames would be put together in: there are no frames.
  let axe = new AxeBuilder({ page, ...(here ? { axeSource: ";" } : {}) }).setLegacyMode(true);
  axe = axe.options({ resultTypes: ["violations"], selectors: false });
  if (within !== undefined) axe = axe.include(within);
  if (rules !== undefined) axe = axe.withRules(rules);
  const { violations: found } = await axe.analyze();
  return found.flatMap((v) =>
    v.nodes.map((n) => `${v.id}: ${n.html.slice(0, 140)} ${n.failureSummary?.split("\n")[1]?.trim() ?? ""}`),
  );
}
