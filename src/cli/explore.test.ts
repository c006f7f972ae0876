import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { main } from "./main.ts";

const dir = mkdtempSync(join(tmpdir(), "lab-explore-"));
afterAll(() => rmSync(dir, { recursive: true }));

async function lab(...argv: string[]): Promise<{ code: number; out: string; err: string; last: string }> {
  let out = "";
  let err = "";
  const code = await main(argv, { out: (t) => void (out += t), err: (t) => void (err += t) });
  return { code, out, err, last: out.trimEnd().split("\n").at(-1) ?? "" };
}

test("two kernels: the sequence and its length; as JSON a scenario that run and compare take", async () => {
  const r = await lab("explore", "--kernels", "linux-6.14,linux-6.15");
  expect(r).toMatchObject({ code: 0, last: "shortest difference: 2 steps" });
  const json = await lab("explore", "--kernels", "linux-6.14,linux-6.15", "--json");
  const path = join(dir, "found.json");
  writeFileSync(path, json.out);
  expect((await lab("compare", path, "--kernels", "linux-6.14,linux-6.15")).last).toBe("first difference: step 2");
  for (const kernel of ["linux-6.14", "linux-6.15"])
    expect((await lab("run", path, "--kernel", kernel)).last).toMatch(/^checks: (\d+)\/\1 hold$/);
}, 30_000);

test("one kernel and a rule", async () => {
  const r = await lab("explore", "--invariant", "msi-reaches", "--kernel", "linux-6.11", "--depth", "6");
  expect(r.last).toBe("shortest violation: 5 steps");
  expect(r.out).toContain("device D1 MSI");
}, 30_000);

test("nothing found is said with the depth and the states; a world that was seen whole says so", async () => {
  const r = await lab("explore", "--kernels", "linux-7.2,linux-7.2", "--depth", "3");
  expect(r.last).toMatch(/^none within depth 3 \(\d+ states\)$/);
  const small = ["--objects", "hwpt=0,parent=0", "--ops", "bind,map,unmap,destroy"];
  const whole = await lab("explore", "--kernels", "linux-7.2,linux-6.12", "--depth", "40", ...small);
  expect(whole.out).toContain("every state that this world can reach was tried");
  expect(whole.last).toBe("none within depth 40 (10 states)");
  const json = await lab("explore", "--kernels", "linux-7.2,linux-7.2", "--depth", "2", "--json");
  expect(JSON.parse(json.out)).toMatchObject({ found: false, depth: 2 });
}, 30_000);

test("no time: as deep as it went, and the rest on stderr", async () => {
  const r = await lab("explore", "--kernels", "linux-7.2,linux-7.2", "--depth", "12", "--seconds", "1");
  expect(r.code).toBe(0);
  expect(r.last).toMatch(/^none within depth \d \(\d+ states\)$/);
  expect(r.err).toContain("stopped after 1 s");
}, 30_000);

test("a scenario gives the world, and another machine its devices", async () => {
  const r = await lab("explore", "sw-msi-q8", "--kernels", "linux-6.14,linux-6.15", "--ops", "bind,irqs-early");
  expect(r.last).toBe("shortest difference: 2 steps");
  const other = await lab("explore", "--kernels", "linux-7.2,linux-6.14", "--machine", "mfrp", "--depth", "3");
  expect(other.code).toBe(0);
}, 30_000);

test("a rule goes by a part of its name when only one has it", async () => {
  const small = ["--kernel", "linux-7.2", "--depth", "1"];
  expect((await lab("explore", "--invariant", "a replace loses", ...small)).last).toMatch(/^none within depth 1 /);
  expect((await lab("explore", "--invariant", "a", ...small)).code).toBe(2);
});

test("operations are added and taken away by a sign; the answer as a page for a mail", async () => {
  const r = await lab("explore", "--kernels", "linux-6.15,linux-6.17", "--ops", "+info", "--as", "ascii");
  expect(r).toMatchObject({ code: 0, last: "shortest difference: 2 steps" });
  for (const line of r.out.split("\n")) expect(line).toMatch(/^[ -~]{0,71}[!-~]$|^$/);
  expect(r.out).toMatch(/^ 1 {2}vmm VFIO_DEVICE_BIND_IOMMUFD D1 +0 dev 1 +0 dev 1$/m);
  expect(r.out).toMatch(/INPUT_TYPE +EOPNOTSUPP +0|EOPNOTSUPP +0$/m);
  expect(r.out).toContain("NO: only known flags are set");
  expect(r.out).toMatch(/explore --kernels linux-6\.15,linux-6\.17 \\\n +--depth 8 --ops=\+info\n/);
  const less = ["--ops=-irqs,-irqs-early,-msi", "--depth", "2"];
  expect((await lab("explore", "--kernels", "linux-6.14,linux-6.15", ...less)).last).toMatch(/^none within depth 2 /);
  const none = await lab("explore", "--kernels", "linux-7.2,linux-7.2", "--depth", "1", "--as", "ascii");
  expect(none.out).toContain("linux-7.2 and linux-7.2: no difference within 1 step\n");
}, 60_000);

test("rules have an id, a title and a sentence", async () => {
  const { out } = await lab("list", "invariants");
  const lines = out.trimEnd().split("\n");
  expect(lines.length).toBeGreaterThanOrEqual(7);
  for (const line of lines) expect(line).toMatch(/^[a-z-]+\t.+: .+\.$/);
});

test.each([
  [["explore"], "what to look for?"],
  [["explore", "--kernels", "linux-7.2"], "compares two kernels"],
  [["explore", "--kernels", "linux-7.2,linux-9"], 'no kernel "linux-9"'],
  [["explore", "--invariant", "nothing"], 'no invariant "nothing"'],
  [["explore", "--invariant", "msi-reaches", "--kernels", "linux-7.2,linux-6.11"], "--invariant checks one"],
  [["explore", "--kernels", "linux-7.2,linux-6.11", "--depth", "deep"], "--depth is a whole number"],
  [["explore", "--kernels", "linux-7.2,linux-6.11", "--ops", "fly"], 'no operations "fly"'],
  [["explore", "--kernels", "linux-7.2,linux-6.11", "--ops", "+fly"], 'no operations "fly"'],
  [["explore", "--kernels", "linux-7.2,linux-6.11", "--as", "png"], 'no form "png"'],
  [["explore", "--kernels", "linux-7.2,linux-6.11", "--objects", "cars=2"], 'no kind of object "cars"'],
])("%j is refused in one line", async (argv, message) => {
  const r = await lab(...argv);
  expect(r).toMatchObject({ code: 2, out: "" });
  expect(r.err.trimEnd()).toContain(message);
  expect(r.err.trimEnd()).not.toContain("\n");
});
