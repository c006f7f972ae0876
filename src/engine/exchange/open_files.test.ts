import { describe, expect, it } from "vitest";
import type { ResolvedProfile } from "../kernel/profile.ts";
import { MACHINE_SOURCES } from "../sim/machine_sources.ts";
import { fixture } from "../testing/fixtures.ts";
import { kernels } from "../testing/scenarios.ts";
import { type OpenedFile, openFiles } from "./open_files.ts";

const open = (...files: OpenedFile[]) => openFiles(files, MACHINE_SOURCES);
const file = (name: string, text: string): OpenedFile => ({ name, text });

function newest(): ResolvedProfile {
  const profile = kernels.resolve("linux-7.2", false);
  if (profile === undefined) throw new Error("no kernel");
  return profile;
}

describe("files that a person opens", () => {
  it("knows an Arm trace, with the table dump that belongs to it", async () => {
    const source = await open(
      file("c-s1-nested.json", fixture("tables/arm/c-s1-nested.json")),
      file("c-s1.jsonl", fixture("traces/arm/c-s1.jsonl")),
    );
    expect(source).toMatchObject({ title: "c-s1.jsonl", kernel: "linux-7.2", machine: "plain" });
    const played = source?.start(newest(), () => () => undefined);
    expect(played?.checks().every((c) => c.holds)).toBe(true);
  });

  it("knows an x86 trace, and the machine of one that opens devices", async () => {
    const seq = fixture("traces/x86/fuzz-7.2.jsonl").split("\n").slice(0, 60).join("\n");
    expect(await open(file("fuzz.jsonl", seq))).toMatchObject({ kernel: "linux-7.2", machine: "" });
    const vmm = fixture("traces/vmm/x86-legacy-container.jsonl");
    expect(await open(file("vmm.jsonl", vmm))).toMatchObject({ kernel: null, machine: "intel-sm" });
  });

  it("opens the first records of a trace that is too long, and says so", async () => {
    const source = await open(file("long.jsonl", fixture("traces/x86/fuzz-6.12.jsonl")));
    expect(source?.title).toMatch(/^long\.jsonl, records 1 to 20000 of 2\d{4}$/);
  });

  it("leaves scenarios to their own reader", async () => {
    expect(await open(file("a.lab", "title: x\n"))).toBeNull();
    expect(await open(file("a.json", '{\n  "version": 1\n}'))).toBeNull();
  });

  it.each([
    ["a dump alone", [file("d.json", fixture("tables/arm/a-mixed.json"))], /^d.json: a dump of page tables is opened/],
    ["two traces", [file("a.lab", "x"), file("b.lab", "y")], /^b.lab: one trace or scenario at a time/],
    [
      "walks",
      [file("w.jsonl", '{"case":"a"}\n{"case":"b"}\n')],
      /^w.jsonl: random table walks are checked by lab walk/,
    ],
    ["an unknown machine", [file("t.jsonl", '{"t":"header","machine":"moon"}\n{"t":"note"}')], /machine "moon"/],
  ])("refuses %s in one sentence", async (_, files, message) => {
    await expect(open(...files)).rejects.toThrow(message);
  });

  it("names the record that cannot be read", async () => {
    const source = await open(file("t.jsonl", '{"t":"header","machine":"plain"}\n{"t":7}\n'));
    expect(() => source?.start(newest(), () => () => undefined)).toThrow(/record 2/);
  });
});
