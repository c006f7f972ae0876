import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { root } from "./engine.ts";
import { main } from "./main.ts";

const dir = mkdtempSync(join(tmpdir(), "lab-"));
afterAll(() => rmSync(dir, { recursive: true }));

async function lab(...argv: string[]): Promise<{ code: number; out: string; err: string; last: string }> {
  let out = "";
  let err = "";
  const code = await main(argv, { out: (t) => void (out += t), err: (t) => void (err += t) });
  return { code, out, err, last: out.trimEnd().split("\n").at(-1) ?? "" };
}
function file(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}
const FOUR = "linux-6.11,sw-msi-at-alloc-2024-07,linux-6.12,linux-7.2";

describe("lab run", () => {
  it("prints a line a step and ends with the checks", async () => {
    const r = await lab("run", "sw-msi-nested", "--kernel", "linux-6.11");
    expect(r.code).toBe(0);
    expect(r.last).toBe("checks: 24/24 hold");
    expect(r.out).toMatch(/^11 +device +MSI write +D1 +W4 0x8090040 +F_TRANSLATION$/m);
  });
  it("runs the newest release unless told otherwise, and a file as well as the library", async () => {
    const text =
      "title: t\nmachine: plain\nkernels: linux-7.2\nvmm I = IOAS_ALLOC\n  expect ok id=1\n  expect linux-6.11: id=7\n";
    expect((await lab("run", file("a.lab", text))).last).toBe("checks: 2/2 hold");
    const wrong = await lab("run", file("b.lab", text), "--kernel", "linux-6.11");
    expect(wrong).toMatchObject({ code: 1, last: "checks: 1/2 hold" });
    expect(wrong.out).toContain("step 1: expected id=7, saw 1");
  });
  it("runs a scenario that is not about the newest release on the first kernel that it names, and says so", async () => {
    const r = await lab("run", "fault-prgi-alias-device");
    expect(r).toMatchObject({ code: 0, last: "checks: 16/16 hold" });
    expect(r.err).toBe("fault-prgi-alias-device says nothing of linux-7.2: it runs on smmu-pri-2020-02\n");
    expect((await lab("run", "fault-prgi-alias-device", "--kernel", "linux-7.2")).code).toBe(1);
  });
  it("gives one document with --json", async () => {
    const r = await lab("run", "sw-msi-q10", "--json");
    const doc = JSON.parse(r.out) as { steps: { result: string }[]; hold: number; total: number };
    expect(doc).toMatchObject({ hold: 2, total: 2, kernel: "linux-7.2" });
    expect(doc.steps[3]?.result).toBe("1 range");
  });
});

describe("lab compare", () => {
  it("ends with the first difference", async () => {
    expect(await lab("compare", "sw-msi-nested", "--kernels", FOUR)).toMatchObject({
      code: 0,
      last: "first difference: step 3",
    });
    expect(await lab("compare", "sw-msi-q2", "--kernels", "linux-6.11,linux-7.2")).toMatchObject({
      code: 0,
      last: "no difference",
    });
  });
  it("says what each kernel did in the steps where they differ", async () => {
    const r = await lab("compare", "sw-msi-q1", "--kernels", FOUR);
    expect(r.out).toContain("linux-6.11: 1 range; ranges=[0x0,0xfffffffffff]");
    expect(r.out).toContain("linux-6.11: 0; msi=0x8090040");
    expect(JSON.parse((await lab("compare", "sw-msi-q1", "--kernels", FOUR, "--json")).out)).toMatchObject({
      firstDifference: 3,
    });
  });
});

describe("lab replay", () => {
  const fixture = join(root, "fixtures/traces/x86/fuzz-6.12.jsonl.br");
  const lines = brotliDecompressSync(readFileSync(fixture)).toString("utf8").split("\n").slice(0, 200);

  it("uses the trace's own kernel and ends with the records that agree", async () => {
    const r = await lab("replay", file("good.jsonl", lines.join("\n")));
    expect(r.code).toBe(0);
    expect(r.out).toMatch(/^good\.jsonl: (\d+)\/\1 on linux-6\.12$/m);
    expect(r.last).toMatch(/^total: (\d+)\/\1 records agree$/);
  });

  it("shows the first disagreement, exit 1", async () => {
    const at = lines.findIndex((l) => l.includes('"ret":0') && l.includes('"op":"ioctl"'));
    const bent = lines.map((l, i) => (i === at ? l.replace('"ret":0,"errno":0', '"ret":-1,"errno":22') : l));
    const r = await lab("replay", file("bent.jsonl", bent.join("\n")), "--json");
    const doc = JSON.parse(r.out) as { agreed: number; total: number; files: { first: string[] }[] };
    expect(r.code).toBe(1);
    expect(doc.agreed).toBeLessThan(doc.total);
    expect(doc.files[0]?.first[0]).toContain("EINVAL");
  });

  it.each([
    ["not a trace", "record 1 is no JSON"],
    ["[1]", "record 1 is of no kind"],
    ['{"op":"seq","seed":1,"kernel":"5.4.0"}', "made on linux-5.4, which is not modelled"],
    ['{"t":"header","machine":"moon","kernel":"Linux version 7.2.13"}', 'machine "moon"'],
  ])("refuses %s", async (text, message) => {
    const r = await lab("replay", file("bad.jsonl", text));
    expect(r.code).toBe(2);
    expect(r.err).toContain(message);
    expect(r.err.trimEnd()).not.toContain("\n");
  });
});

describe("lab rebuild", () => {
  const dump = (name: string) => join(root, `fixtures/tables/arm/${name}.json.br`);

  it("finds the trace and ends with the words that are equal", async () => {
    const r = await lab("rebuild", dump("a-nohuge"), dump("c-s1-nested"));
    expect(r).toMatchObject({ code: 0, last: "total: 4666/4666 words equal" });
    expect(r.out).toMatch(/^a-nohuge\.json\.br: 2065\/2065 on linux-7\.2 \(a\.jsonl\.br: 114\/114 records agree/m);
    expect(r.out).toContain("4104 words are the guest's own");
  });

  it("decodes the first differing words, exit 1", async () => {
    const text = brotliDecompressSync(readFileSync(dump("a-nohuge"))).toString("utf8");
    const bent = file("bent.json", text.replace("0b104c4500000000d6", "0b104c4500000000d4"));
    const trace = join(root, "fixtures/traces/arm/a.jsonl.br");
    const r = await lab("rebuild", bent, "--trace", trace);
    expect(r).toMatchObject({ code: 1, last: "total: 2064/2065 words equal" });
    expect(r.out).toContain("S1DSS: 0x2 (SSID 0), dumped 0x0 (terminate)");
    const doc = JSON.parse((await lab("rebuild", bent, "--trace", trace, "--json")).out) as { agreed: number };
    expect(doc.agreed).toBe(2064);
    expect(await lab("rebuild", bent)).toMatchObject({ code: 2, out: "" });
  });

  it("refuses a dump that no trace leads to", async () => {
    const r = await lab("rebuild", dump("native-e0"));
    expect(r.code).toBe(2);
    expect(r.err).toContain("no trace leads to these tables");
  });
});

describe("lab list", () => {
  it.each(["kernels", "machines", "scenarios", "ioctls"])("%s: id, tab, title", async (what) => {
    const r = await lab("list", what);
    expect(r.code).toBe(0);
    for (const line of r.out.trimEnd().split("\n")) expect(line).toMatch(/^[^\t ]+[^\t]*\t[^\t]+$/);
    const doc = JSON.parse((await lab("list", what, "--json")).out) as unknown[];
    expect(doc.length).toBe(r.out.trimEnd().split("\n").length);
  });
});

describe("what is wrong is said in one line, exit 2", () => {
  it.each([
    [[], "no command"],
    [["rnu"], "unknown command 'rnu'"],
    [["run"], "missing required argument 'scenario'"],
    [["run", "sw-msi-nexted"], "did you mean sw-msi-nested?"],
    [["run", "sw-msi-q2", "--kernel", "linux-7.3"], 'no kernel "linux-7.3"'],
    [["run", "sw-msi-q2", "--machine", "moon"], 'no machine "moon"'],
    [["run", "sw-msi-q2", "--kernell", "x"], "unknown option '--kernell'"],
    [["compare", "sw-msi-q2"], "required option '--kernels <a,b,...>' not specified"],
    [["compare", "sw-msi-q2", "--kernels", "linux-7.2"], "two kernels or more"],
    [["list", "colours"], 'nothing to list is called "colours"'],
    [["list", "labs"], "not there yet"],
    [["walk", "/nonexistent.json"], "/nonexistent.json: no such file"],
    [["rebuild", "/nonexistent.json"], "/nonexistent.json: no such file"],
    [["import", "x"], "no such file or folder"],
    [["export", "x", "--as", "c"], "not there yet"],
    [["grade", "x", "y"], "not there yet"],
  ])("%j", async (argv, message) => {
    const r = await lab(...argv);
    expect(r.code).toBe(2);
    expect(r.out).toBe("");
    expect(r.err.trimEnd()).toContain(message);
    expect(r.err.trimEnd()).not.toContain("\n");
  });

  it("a broken scenario: with line and column", async () => {
    const r = await lab("run", file("c.lab", "title: t\nmachine: plain\nkernels: linux-7.2\nvmm IOAS_ALOC\n"));
    expect(r.code).toBe(2);
    expect(r.err).toContain('c.lab: line 4, column 5: vmm knows no operation "IOAS_ALOC" (did you mean');
    expect((await lab("run", file("d.json", "{}"))).err).toContain("version 1");
  });
});

describe("lab -h", () => {
  it("names what works, and not what does not", async () => {
    const r = await lab("-h");
    expect(r.code).toBe(0);
    for (const command of ["replay", "run", "compare", "list", "walk", "rebuild"])
      expect(r.out).toMatch(new RegExp(`^  ${command} `, "m"));
    for (const later of ["grade"]) expect(r.out).not.toContain(later);
    expect((await lab("run", "-h")).out).toContain("--kernel <id>");
  });
});
