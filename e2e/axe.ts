import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";

/** What axe finds, one line each: on the whole page, or inside `within` (a selector), by all rules or only by `rules`. */
export async function violations(page: Page, within?: string, rules?: string[]): Promise<string[]> {
  // Without the second page that results of frames would be put together in: there are no frames.
  let axe = new AxeBuilder({ page }).setLegacyMode(true);
  if (within !== undefined) axe = axe.include(within);
  if (rules !== undefined) axe = axe.withRules(rules);
  const { violations: found } = await axe.analyze();
  return found.flatMap((v) =>
    v.nodes.map((n) => `${v.id}: ${n.html.slice(0, 140)} ${n.failureSummary?.split("\n")[1]?.trim() ?? ""}`),
  );
}
