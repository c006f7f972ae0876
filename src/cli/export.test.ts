import { describe, expect, it } from "vitest";
import { scenarioFromJson } from "../engine/sim/scenario/json.ts";
import { parseScenario } from "../engine/sim/scenario/parse.ts";
import { everyElement, readXml } from "../ui/testing/xml.ts";
import { EXPORT_VIEWS } from "./commands/export.ts";
import { main } from "./main.ts";

async function lab(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const code = await main(argv, { out: (t) => void (out += t), err: (t) => void (err += t) });
  return { code, out, err };
}
const ID = "sw-msi-nested";

describe("lab export", () => {
  it("prints the scenario as text and as JSON, which say the same", async () => {
    const text = await lab("export", ID, "--as", "text");
    const json = await lab("export", ID, "--as", "json");
    expect([text.code, json.code]).toEqual([0, 0]);
    const parsed = parseScenario(text.out);
    const read = scenarioFromJson(json.out);
    expect(parsed.ok && read.ok && parsed.value.scenario).toEqual(read.ok && read.value);
    expect(parsed.ok && parsed.value.scenario.steps.length).toBeGreaterThan(10);
  });

  it.each(EXPORT_VIEWS)("%s as plain text and as a picture", async (view) => {
    const at = view === "storyboard" ? [] : ["--step", "13"];
    const text = await lab("export", ID, "--as", "ascii", "--view", view, "--kernel", "linux-6.11", ...at);
    expect(text).toMatchObject({ code: 0, err: "" });
    for (const line of text.out.split("\n")) expect(line).toMatch(/^[ -~]{0,71}[!-~]$|^$/);
    const picture = await lab("export", ID, "--as", "svg", "--view", view, "--kernel", "linux-6.11", ...at);
    expect(picture).toMatchObject({ code: 0, err: "" });
    const svg = readXml(picture.out);
    expect(svg.attributes["xmlns"]).toBe("http://www.w3.org/2000/svg");
    const all = everyElement(svg);
    expect(all.find((e) => e.name === "title")?.text).toContain("SW_MSI and the nested direct attach");
    expect(all.length).toBeGreaterThan(30);
    const values = all.flatMap((e) => Object.values(e.attributes));
    expect(values.filter((v) => /NaN|undefined|Infinity|var\(/.test(v))).toEqual([]);
  });

  it("shows the step that was asked for: a strip without one, a page with one", async () => {
    const strip = await lab("export", ID, "--as", "ascii", "--kernel", "linux-6.11");
    expect(strip.out).toMatch(/^Storyboard/m);
    expect(strip.out).toMatch(/^ {2}19 vmm /m);
    const page = await lab("export", ID, "--as", "ascii", "--step", "17", "--kernel", "linux-6.11");
    expect(page.out).toMatch(/^> 17 vmm +VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=3 +! EADDRINUSE$/m);
    expect(page.out).toMatch(/asked +0x8000000-0x80fffff\n +meets +0x8000000-0x800ffff/);
  });

  it("gives one document with --json", async () => {
    const { out } = await lab("export", ID, "--as", "ascii", "--step", "1", "--json");
    const doc = JSON.parse(out) as { scenario: string; as: string; content: string };
    expect(doc).toMatchObject({ scenario: ID, as: "ascii" });
    expect(doc.content).toContain("VFIO_DEVICE_BIND_IOMMUFD");
  });

  it.each([
    [["--as", "kselftest"], "export --as kselftest is not there yet; type: --as text|json|svg|ascii"],
    [["--as", "syz"], "export --as syz is not there yet"],
    [["--as", "pdf"], 'no form "pdf"'],
    [["--as", "svg", "--step", "20"], 'no step "20"; type: --step 0 to 19'],
    [["--as", "svg", "--view", "moon"], 'no view "moon"'],
    [["--as", "ascii", "--step", "0", "--view", "walk"], "there is no walk"],
    [[], "--as"],
  ])("refuses %j in one line", async (flags, message) => {
    const r = await lab("export", ID, ...flags);
    expect(r).toMatchObject({ code: 2, out: "" });
    expect(r.err).toContain(message);
    expect(r.err.trimEnd()).not.toContain("\n");
  });
});
