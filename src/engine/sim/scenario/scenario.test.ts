import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { provideAllSteps } from "../steps/all.ts";
import { findOp, knownOps, type OpDef, type Param } from "./ops.ts";
import { parseScenario } from "./parse.ts";
import { printScenario } from "./print.ts";
import { scenarioFromJson, scenarioToJson } from "./json.ts";
import { CHECK_KEYS } from "./step.ts";
import type { Check, Scenario, Step, Value } from "./types.ts";

provideAllSteps();

const head = `title: A test
machine: plain
kernels: linux-7.2
device: D1 0000:00:03.0
memory: RAM len=2M ipa=0x40000000
`;
const read = (body: string): Scenario => {
  const parsed = parseScenario(head + body);
  if (!parsed.ok) throw new Error(parsed.problem.message);
  return parsed.value.scenario;
};
const problem = (text: string): string => {
  const parsed = parseScenario(text);
  return parsed.ok ? "" : parsed.problem.message;
};

describe("the text form", () => {
  it("reads a step as a person writes it", () => {
    const s = read(`
# a comment
vmm VFIO_DEVICE_BIND_IOMMUFD D1
vmm I = IOMMU_IOAS_ALLOC
vmm P = IOMMU_HWPT_ALLOC dev=D1 pt=I flags=NEST_PARENT
  note The parent of
  note what comes.
  expect linux-6.11, linux-7.2: ok id=3
vmm IOAS_MAP ioas=I iova=0x40000000 len=2M va=RAM+0x1000 RW
device D1 DMA write iova=0x1000 len=64
`);
    expect(s.steps.map((x) => x.op)).toEqual([
      "VFIO_DEVICE_BIND_IOMMUFD",
      "IOMMU_IOAS_ALLOC",
      "IOMMU_HWPT_ALLOC",
      "IOMMU_IOAS_MAP",
      "DMA",
    ]);
    expect(s.steps[2]?.note).toBe("The parent of what comes.");
    expect(s.steps[2]?.checks).toEqual([
      { kernels: ["linux-6.11", "linux-7.2"], key: "errno", value: { k: "name", v: "ok" } },
      { kernels: ["linux-6.11", "linux-7.2"], key: "id", value: { k: "int", v: 3n } },
    ]);
    expect(s.steps[3]?.args).toEqual({
      ioas: { k: "name", v: "I" },
      iova: { k: "int", v: 0x40000000n },
      len: { k: "int", v: 2n << 20n },
      va: { k: "name", v: "RAM", plus: 0x1000n },
      flags: { k: "flags", v: ["W", "R"] },
    });
    expect(printScenario(s)).toContain("vmm IOMMU_IOAS_MAP ioas=I iova=0x40000000 len=2M va=RAM+0x1000 RW");
  });

  it.each([
    ["", 'line 1, column 1: the header has no "title:"'],
    ["title: x\nmachine: plain\nkernels: linux-7.2\n", "line 4, column 1: the scenario has no step"],
    ["titel: x\n", 'line 1, column 1: unknown header "titel" (did you mean title?)'],
    ["title: x\nmachine: a b\nkernels: k\nvmm OPEN", 'line 2, column 10: "a b" is no id'],
    [
      `${head}vmn OPEN`,
      'line 6, column 1: "vmn" is no actor (did you mean vmm?); a step starts with vmm, guest, device, admin',
    ],
    [
      `${head}vmm IOMMU_IOAS_ALOC`,
      'line 6, column 5: vmm knows no operation "IOMMU_IOAS_ALOC" (did you mean IOMMU_IOAS_ALLOC?)',
    ],
    [`${head}vmm`, "line 6, column 4: the operation is missing"],
    [`${head}vmm IOAS_MAP ioas=1 va=RAM`, "line 6, column 5: IOMMU_IOAS_MAP needs len="],
    [`${head}vmm IOAS_MAP ioas=J len=4K va=RAM`, "line 6, column 19: J is not named above"],
    [`${head}vmm IOAS_MAP ioas=1 len=4Q va=RAM`, 'line 6, column 25: "4Q" is no number of 64 bits for len'],
    [`${head}vmm IOAS_MAP ioas=1 len=4K len=4K va=RAM`, "line 6, column 28: len is given twice"],
    [`${head}vmm IOAS_MAP ioas=1 lem=4K va=RAM`, 'line 6, column 21: IOMMU_IOAS_MAP has no "lem" (did you mean len?)'],
    [`${head}vmm IOAS_MAP ioas=1 len=4K va=RAM RX`, 'line 6, column 35: "RX" is not understood'],
    [`${head}vmm IOAS_MAP ioas=1 len=4K va=RAM flags=R|X`, 'line 6, column 41: flags knows no "X"'],
    [`${head}vmm HWPT_ALLOC dev=D1 pt=2 vste={1,zz}`, 'line 6, column 33: "zz" is no number'],
    [`${head}vmm HWPT_ALLOC dev=D1 pt=2 vste={1,2`, 'line 6, column 28: "vste={1,2" is not closed'],
    [`${head}vmm I = IOAS_ALLOC\nvmm I = IOAS_ALLOC`, "line 7, column 5: I is already the name of a ioas (line 6)"],
    [`${head}vmm X = IOAS_UNMAP ioas=1 iova=0 len=1`, "line 6, column 5: IOMMU_IOAS_UNMAP makes nothing"],
    [`${head}device D2 MSI`, "line 6, column 8: D2 is not named above (did you mean D1?)"],
    [`${head}device D1 DMA scribble iova=0`, 'line 6, column 15: "scribble": expected read or write'],
    [
      `${head}vmm OPEN\n  expect EINVALID`,
      'line 7, column 10: "EINVALID" is neither ok nor an errno (did you mean EINVAL?)',
    ],
    [`${head}vmm OPEN\n  expect ranges=[1,2`, "is not closed"],
    [`${head}vmm OPEN\n  expect`, "line 7, column 9: expect says nothing"],
    [`${head}vmm OPEN\n  expects EINVAL`, 'line 7, column 3: "expects": below a step stand only note and expect'],
    [`${head}vmm OPEN\n  expect colour=3`, 'nothing is called "colour"'],
    [`${head}vmm OPEN\ntitle: late`, "line 7, column 1: a header line must stand before the first step"],
    [`${head}vmm OPEN\ngiven vmm OPEN`, "given steps must stand before the others"],
    [`${head}device: D1 0000:00:04.0\nvmm OPEN`, "line 6, column 9: D1 is already a name"],
    [`${head}device: D3 3\nvmm OPEN`, "a device is written as"],
    [`${head}memory: M2 len=5\nvmm OPEN`, "multiple of 4K"],
    [`${head}memory: M2 len=4K pages=tiny\nvmm OPEN`, "pages= is scattered, contiguous, huge"],
  ])("refuses %j with the place", (text, message) => {
    expect(problem(text)).toContain(message);
    expect(problem(text)).not.toContain("\n");
  });
});

const id = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,10}$/);
const phrase = fc.array(fc.stringMatching(/^[!-~]{1,30}$/), { minLength: 1, maxLength: 12 }).map((w) => w.join(" "));
const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const even = fc.oneof(
  u64,
  u64.map((v) => ((v >> 30n) << 21n) & ((1n << 63n) - 1n)),
);

const named = (names: readonly string[]): fc.Arbitrary<Value> =>
  fc.constantFrom(...names).map((v): Value => ({ k: "name", v }));
const makeIoas = (label: string): Step => ({ actor: "vmm", label, op: "IOMMU_IOAS_ALLOC", args: {}, checks: [] });
const refusal = (text: string): string => {
  const answer = scenarioFromJson(text);
  return answer.ok ? "" : answer.problem.message;
};

function valueFor(p: Param, labels: string[]): fc.Arbitrary<Value> {
  const int = even.map((v): Value => ({ k: "int", v }));
  const keys = Object.keys(p.values ?? {});
  switch (p.kind) {
    case "device":
      return named(["D1"]);
    case "bdf":
      return named(["D1", "0000:03:00.0"]);
    case "id":
    case "fd":
      return fc.oneof(int, named(["D1", ...labels]));
    case "va":
      return fc.oneof(
        int,
        even.map((plus): Value => ({ k: "name", v: "RAM", ...(plus === 0n ? {} : { plus }) })),
      );
    case "enum":
      return keys.length === 0 ? int : fc.oneof(int, named(keys));
    case "word":
      return named(p.words ?? []);
    case "flags":
      return keys.length === 0
        ? int
        : fc.oneof(
            int,
            fc.subarray(keys, { minLength: 1 }).map((v): Value => ({ k: "flags", v })),
          );
    case "words":
      return fc.array(u64, { maxLength: 4 }).map((v): Value => ({ k: "words", v }));
    case "ranges":
      return fc.array(fc.tuple(u64, u64), { maxLength: 3 }).map((v): Value => ({ k: "ranges", v }));
    default:
      return int;
  }
}

const checkValue: fc.Arbitrary<Value> = fc.oneof(
  u64.map((v): Value => ({ k: "int", v })),
  fc.constantFrom("EINVAL", "ok").map((v): Value => ({ k: "name", v })),
  fc.array(fc.tuple(u64, u64), { maxLength: 3 }).map((v): Value => ({ k: "ranges", v })),
);
const check: fc.Arbitrary<Check> = fc.record({
  kernels: fc.array(id, { maxLength: 2 }),
  key: fc.constantFrom(...CHECK_KEYS),
  value: checkValue,
});

function stepFor(op: OpDef, n: number): fc.Arbitrary<Step> {
  const args = fc.record(Object.fromEntries(op.params.map((p) => [p.name, valueFor(p, ["x0", "x1"])])), {
    requiredKeys: op.params.filter((p) => p.required).map((p) => p.name),
  });
  return fc
    .record({
      args,
      note: fc.option(phrase, { nil: undefined }),
      checks: fc.array(check, { maxLength: 3 }),
      named: fc.boolean(),
    })
    .map(({ args, note, checks, named }) => ({
      actor: op.actor,
      ...(named && op.makes !== undefined ? { label: `L${n}` } : {}),
      op: op.name,
      args: args as Record<string, Value>,
      ...(note === undefined ? {} : { note }),
      checks,
    }));
}

/** The first two steps make the labels that the others may use. */
const scenario: fc.Arbitrary<Scenario> = fc
  .record({
    title: phrase,
    source: fc.option(phrase, { nil: "" }),
    question: fc.option(phrase, { nil: "" }),
    machine: id,
    kernels: fc.uniqueArray(id, { minLength: 1, maxLength: 3 }),
    ipa: fc.option(
      u64.map((v) => (v >> 12n) << 12n),
      { nil: undefined },
    ),
    pages: fc.constantFrom("scattered" as const, "contiguous" as const, "huge" as const),
    ops: fc.array(fc.tuple(fc.constantFrom(...knownOps()), fc.boolean()), { minLength: 1, maxLength: 8 }),
  })
  .chain(({ ipa, pages, ops, ...rest }) =>
    fc.tuple(...ops.map(([op], i) => stepFor(op, i))).map((made) => {
      const memory = { name: "RAM", length: 4n << 20n, ...(ipa === undefined ? {} : { ipa }), pages };
      return {
        ...rest,
        devices: [{ name: "D1", bdf: "0000:00:03.0" }],
        memory: [memory],
        given: [makeIoas("x0"), makeIoas("x1"), ...made.filter((_, i) => ops[i]?.[1] === true)],
        steps: [makeIoas("x2"), ...made.filter((_, i) => ops[i]?.[1] !== true)],
      };
    }),
  );

describe("canonical text and JSON", () => {
  it("come back as the same scenario", () => {
    fc.assert(
      fc.property(scenario, (s) => {
        const parsed = parseScenario(printScenario(s));
        expect(parsed).toMatchObject({ ok: true });
        if (parsed.ok) expect(parsed.value.scenario).toEqual(s);
        expect(scenarioFromJson(scenarioToJson(s))).toEqual({ ok: true, value: s });
      }),
      { numRuns: 150 },
    );
  });

  it("never throw, whatever the text is", () => {
    const scraps = [
      "title: t",
      "machine: plain",
      "kernels: k",
      "vmm",
      "OPEN",
      "=",
      "{",
      "]",
      "  note",
      "expect",
      "\n",
      " ",
      "len=4K",
    ];
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(...scraps), fc.string()), { maxLength: 20 }), (parts) => {
        const parsed = parseScenario(parts.join(" "));
        expect(parsed.ok ? "line 1, column 1: fine" : parsed.problem.message).toMatch(/^line \d+, column \d+: [^\n]+$/);
      }),
    );
  });

  it("JSON is refused in one sentence", () => {
    expect(refusal("{")).toContain("this is no JSON");
    expect(refusal('{"scenario": 2}')).toContain("version 1");
    expect(refusal('{"scenario": 1, "title": 3}')).toMatch(/^title: /);
    const good = scenarioToJson(read("vmm OPEN"));
    expect(refusal(good.replace('"OPEN"', '"OPNE"'))).toContain("did you mean OPEN");
    expect(refusal(good.replace('"A test"', '"A\\nmachine: x"'))).toMatch(/^title: /);
  });
});

describe("the table of operations", () => {
  it("finds ioctls with and without their prefix", () => {
    expect(findOp("vmm", "ATTACH_IOMMUFD_PT")?.name).toBe("VFIO_DEVICE_ATTACH_IOMMUFD_PT");
    expect(findOp("guest", "IOAS_MAP")).toBeUndefined();
  });
  it("has no two parameters of one name", () => {
    for (const op of knownOps()) expect(new Set(op.params.map((p) => p.name)).size).toBe(op.params.length);
  });
});
