import { expect, it } from "vitest";
import type { StepView } from "../../engine/views/types.ts";
import { isRecording, readRecordingLink, recordingLink, tally, tallyText } from "./recording.ts";

const step = (kind?: "agrees" | "differs" | "given" | "context" | "skipped"): StepView => ({
  index: 1,
  actor: "vmm",
  prefix: "",
  op: "X",
  args: "",
  outcome: "ok",
  result: "0",
  tick: "x",
  refs: [],
  spoken: "",
  ...(kind === undefined ? {} : { agreement: { kind, text: "" } }),
});

const opened = (text: string, title = "a b.jsonl") => ({
  opened: {
    scenario: { id: "", title, source: "", question: "", machine: "", kernels: [] },
    text,
    steps: 1,
  },
});

it("counts what was compared, and says what was not", () => {
  expect(tally([step()])).toBeNull();
  const counted = tally([step("agrees"), step("agrees"), step("differs"), step("given"), step("context")]);
  expect(counted).toEqual({ compared: 3, agree: 2, differ: 1, skipped: 0 });
  expect(tallyText({ compared: 3, agree: 2, differ: 1, skipped: 0 })).toBe("2 of 3 records agree");
  expect(tallyText({ compared: 1200, agree: 1200, differ: 0, skipped: 2 })).toBe(
    "1,200 of 1,200 records agree, 2 not modelled",
  );
});

it("a recording has a name in the address bar and no link", () => {
  expect(isRecording(opened(""))).toBe(true);
  expect(isRecording(opened("title: x"))).toBe(false);
  expect(isRecording({ opened: null })).toBe(false);
  expect(recordingLink(opened("title: x"))).toBeNull();
  const link = recordingLink(opened("")) ?? "";
  expect(link).toBe("v=1&file=a%20b.jsonl");
  expect(readRecordingLink(link)).toContain("the recording a b.jsonl");
  expect(readRecordingLink("v=1&file=%E0%A4%A")).toContain("%E0%A4%A");
  expect(readRecordingLink("v=1&s=x&k=y")).toBeNull();
});
