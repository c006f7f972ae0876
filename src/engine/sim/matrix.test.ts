/**
 * The result matrix of the discussion of 2024: probes Q1 to Q10 on every column of rules, cell by cell, on SMMUv3 with a
 * GICv3 ITS. A cell that the model does not give is named in `EXCEPTIONS` with the reason; docs/conformance.md has them too.
 */
import { describe, expect, it } from "vitest";
import { kernels, library, scenario, start } from "../testing/scenarios.ts";
import type { StepResult } from "./result.ts";
import { type Run, seenText } from "./run.ts";

/** Columns by rule, each with the kernels that follow it. */
const COLUMNS = {
  a1: ["linux-6.2"],
  a2: ["linux-6.6"],
  a3: ["linux-6.7", "linux-6.11"],
  b: ["sw-msi-at-alloc-2024-07"],
  b2: ["sw-msi-at-alloc-verify"],
  c: ["linux-6.12", "linux-6.13", "linux-6.14"],
  d: ["linux-6.15", "linux-6.17", "linux-6.19", "linux-7.2"],
  g1: ["resv-sw-msi-only-2023-07"],
} as const;
type Column = keyof typeof COLUMNS;
const NAMES = Object.keys(COLUMNS) as Column[];

const FULL64 = "FULL64";
const LOST = "interrupt lost";
const NA = "n/a";
const D1S = "MSI in D1's window";

/** One row a probe and question, one cell a column in the order of `COLUMNS`. */
const MATRIX: Record<string, readonly [string, string, string, string, string, string, string, string]> = {
  "Q1 ranges": [NA, NA, "FULL", "SW_MSI cut", "SW_MSI cut", "SW_MSI and R1 cut", "SW_MSI and R1 cut", "SW_MSI cut"],
  "Q1 MSI": [NA, NA, "physical, faults at S1", "0x8000040", "0x8000040", "0x8000040", "0x8000040", "0x8000040"],
  Q2: [
    "attach EADDRINUSE",
    "attach EADDRINUSE",
    "attach EADDRINUSE",
    "H allocation EADDRINUSE",
    "H allocation EADDRINUSE",
    "attach EADDRINUSE",
    "attach EADDRINUSE",
    "attach EADDRINUSE",
  ],
  Q3: [
    NA,
    "MAP ok, attach EADDRINUSE",
    "MAP ok, attach EADDRINUSE",
    "MAP EINVAL, attach ok",
    "MAP EINVAL, attach ok",
    "MAP ok, attach EADDRINUSE",
    "MAP ok, attach EADDRINUSE",
    "MAP ok, attach EADDRINUSE",
  ],
  Q4: [NA, "ok", "ok", "EINVAL", "EINVAL", "ok", "ok", "ok"],
  "Q5 ranges": [NA, "both cut", "both cut", "only D1's cut", "attach EINVAL", "both cut", "both cut", "both cut"],
  "Q5 MSI": [NA, D1S, D1S, D1S, "attach EINVAL", D1S, "MSI at its own start", D1S],
  Q6: [NA, NA, "ok", "ok", "ok", "EINVAL", "EINVAL", "ok"],
  Q7: ["EINVAL", "EINVAL", "EINVAL", "EINVAL", "EINVAL", "EINVAL", "EINVAL", "EINVAL"],
  "Q7 ranges": [FULL64, FULL64, FULL64, "SW_MSI cut", "SW_MSI cut", FULL64, FULL64, FULL64],
  Q8: [LOST, LOST, LOST, LOST, LOST, LOST, "works", LOST],
  Q9: [FULL64, FULL64, FULL64, FULL64, FULL64, FULL64, FULL64, FULL64],
  Q10: [NA, "FULL", "FULL", "SW_MSI cut", "SW_MSI cut", "FULL", "FULL", "FULL"],
};

/** Where the model says otherwise than the cell, and why the kernel does. */
const EXCEPTIONS: readonly { row: string; column: Column; model: string; because: string }[] = [
  {
    row: "Q8",
    column: "a1",
    model: NA,
    because:
      "HWPT_ALLOC and replace came in 6.6, so that 6.2 has no H1, H2 and nothing to replace. That an interrupt is lost by a move is shown with detach and attach: scenario sw-msi-q8-move.",
  },
  {
    row: "Q7 ranges",
    column: "b2",
    model: FULL64,
    because:
      "The amendment has the region join the IOAS when the domain is linked. An automatic page table is linked after the attach that fails here, so nothing was reserved yet that could leak.",
  },
];

/** Numbers of steps as the scenario prints them. */
function at(run: Run, op: string, nth = 0): StepResult {
  const steps = run.scenario.steps.flatMap((s, i) => (s.op === op ? [i] : []));
  const result = run.results[steps.at(nth) ?? -1];
  if (result === undefined) throw new Error(`${run.scenario.title}: no ${op}`);
  return result;
}
const ATTACH = "VFIO_DEVICE_ATTACH_IOMMUFD_PT";
const ALLOC = "IOMMU_HWPT_ALLOC";
const errno = (run: Run, op: string, nth = 0): string => at(run, op, nth).errno;
/** No program can make the page table that the probe is about. */
const missing = (run: Run): boolean => ["ENOTTY", "EOPNOTSUPP"].includes(errno(run, ALLOC));

const WINDOW = "[0x0,0x7ffffff][0x8100000,";
/** The words of the catalogue for what IOVA_RANGES says. S2 of the recorded machine has 44 bits, S1 48. */
function ranges(run: Run): string {
  const text = seenText(at(run, "IOMMU_IOAS_IOVA_RANGES", -1).seen["ranges"]);
  if (text === "[0x0,0xffffffffffffffff]") return FULL64;
  if (/^\[0x0,0xf(f{10}|f{11})\]$/.test(text)) return "FULL";
  if (!text.startsWith(WINDOW)) return text;
  const rest = text.slice(WINDOW.length);
  if (/^0xf+\]$/.test(rest)) return "SW_MSI cut";
  if (/^0x3fffffff\]\[0x40100000,0xf+\]$/.test(rest)) return "SW_MSI and R1 cut";
  return /^0x8ffffff\]\[0x9100000,0xf+\]$/.test(rest) ? "both cut" : text;
}
const msi = (run: Run): string => seenText(at(run, "VFIO_DEVICE_SET_IRQS").seen["msi"]);
const delivered = (run: Run, nth: number): boolean => seenText(at(run, "MSI", nth).seen["delivered"]) === "1";

function q1(run: Run): string {
  if (missing(run)) return NA;
  const message = at(run, "MSI").seen;
  if (delivered(run, 0)) return msi(run);
  const its = msi(run) === "0x8090040" ? "physical" : msi(run);
  return `${its}, faults at S${seenText(message["stage"])}`;
}

function q5(run: Run, look: (run: Run) => string): string {
  if (missing(run)) return NA;
  return errno(run, ATTACH, 1) === "ok" ? look(run) : `attach ${errno(run, ATTACH, 1)}`;
}

/** Row -> scenario and how to read the cell off its results. */
const LOOK: Record<string, [string, (run: Run) => string]> = {
  "Q1 ranges": ["sw-msi-q1", (run) => (missing(run) ? NA : ranges(run))],
  "Q1 MSI": ["sw-msi-q1", q1],
  Q2: [
    "sw-msi-q2",
    (run) => {
      const alloc = errno(run, ALLOC);
      if (alloc === "ENOTTY") return `attach ${errno(run, ATTACH, 1)}`;
      return alloc === "ok" ? `attach ${errno(run, ATTACH)}` : `H allocation ${alloc}`;
    },
  ],
  Q3: ["sw-msi-q3", (run) => (missing(run) ? NA : `MAP ${errno(run, "IOMMU_IOAS_MAP")}, attach ${errno(run, ATTACH)}`)],
  Q4: ["sw-msi-q4", (run) => (missing(run) ? NA : errno(run, "IOMMU_IOAS_MAP"))],
  "Q5 ranges": ["sw-msi-q5", (run) => q5(run, () => (ranges(run) === "SW_MSI cut" ? "only D1's cut" : ranges(run)))],
  "Q5 MSI": [
    "sw-msi-q5",
    (run) =>
      q5(run, () => {
        const where = { "0x8000040": D1S, "0x9000040": "MSI at its own start" }[msi(run)] ?? msi(run);
        return delivered(run, 0) ? where : LOST;
      }),
  ],
  Q6: ["sw-msi-q6", (run) => (missing(run) ? NA : errno(run, "IOMMU_IOAS_MAP", 1))],
  Q7: ["sw-msi-q7", (run) => errno(run, ATTACH)],
  "Q7 ranges": ["sw-msi-q7", ranges],
  Q8: [
    "sw-msi-q8",
    (run) => {
      if (missing(run)) return NA;
      if (!delivered(run, 0)) return "never worked";
      return delivered(run, 1) ? "works" : LOST;
    },
  ],
  Q9: ["sw-msi-q9", ranges],
  Q10: ["sw-msi-q10", (run) => (missing(run) ? NA : ranges(run))],
};

/** Probes whose columns are proposals of their own: scenario, columns, rows. */
const OWN: readonly {
  probe: string;
  scenario: string;
  columns: readonly string[];
  rows: readonly [string, (run: Run) => string, readonly string[]][];
}[] = [
  {
    probe: "Q11",
    scenario: "sw-msi-q11",
    columns: ["linux-7.2", "sw-msi-option-rfc-2025-01", "sw-msi-option-2025-02", "sw-msi-option-2025-10"],
    rows: [
      ["cut", window, ["driver's", "driver's", "chosen", "chosen"]],
      ["MSI", msi, ["0x8000040", "0x70000040", "0x70000040", "0x70000040"]],
    ],
  },
  {
    probe: "Q12",
    scenario: "ioasid-q12",
    columns: [
      "linux-7.2",
      "ioasid-containers-2021-04",
      "ioasid-rfc1-2021-05",
      "dev-iommu-rfc2-2021-07",
      "dev-iommu-code-2021-09",
    ],
    rows: [
      ["map before attach", (run) => errno(run, "SPACE_MAP"), ["ok", "EINVAL", "EINVAL", "ok", "EINVAL"]],
      ["attach D1", (run) => errno(run, "SPACE_ATTACH"), ["ok", "ok", "ok", "ok", "ok"]],
      ["attach D2", (run) => errno(run, "SPACE_ATTACH", 1), ["ok", "EINVAL", "ok", "ok", "ok"]],
      ["fault record", faulter, ["of D2", "none", "without device", "of D2", "none"]],
    ],
  },
];

/** Whom the record of D2's fault names. */
function faulter(run: Run): string {
  const { seen } = at(run, "SPACE_FAULTS");
  if (seenText(seen["records"]) === "0") return "none";
  return seenText(seen["who"]) === "unknown" ? "without device" : `of ${seenText(seen["who"])}`;
}

/** Which window the ranges leave out. */
function window(run: Run): string {
  const text = seenText(at(run, "IOMMU_IOAS_IOVA_RANGES").seen["ranges"]);
  if (text === `${WINDOW}0xffffffffffff]`) return "driver's";
  return text === "[0x0,0x6fffffff][0x70200000,0xffffffffffff]" ? "chosen" : text;
}

describe("probes with columns of their own", () => {
  const cells = OWN.flatMap(({ probe, scenario: id, columns, rows }) =>
    rows.flatMap(([row, look, list]) =>
      columns.map((kernel, i) => ({ probe, row, id, kernel, look, cell: list[i] ?? "" })),
    ),
  );
  it.each(cells)("$probe $row, $kernel: $cell", ({ id, kernel, look, cell }) => {
    expect(look(start(scenario(id), kernel))).toBe(cell);
  });
});

describe("the result matrix", () => {
  const cells = Object.entries(MATRIX).flatMap(([row, list]) =>
    NAMES.flatMap((column, i) => COLUMNS[column].map((kernel) => ({ row, column, kernel, cell: list[i] ?? "" }))),
  );
  it.each(cells)("$row, $column ($kernel): $cell", ({ row, column, kernel, cell }) => {
    const [id, look] = LOOK[row] ?? [];
    if (id === undefined || look === undefined) throw new Error(`no way to look at ${row}`);
    const exception = EXCEPTIONS.find((e) => e.row === row && e.column === column);
    const seen = look(start(scenario(id), kernel));
    expect(seen).toBe(exception?.model ?? cell);
    if (exception !== undefined) expect(cell).not.toBe(exception.model);
  });

  it("has a cell for every kernel, and every probe is in the library", () => {
    for (const kernel of NAMES.flatMap((c): readonly string[] => COLUMNS[c]))
      expect(kernels.has(kernel), kernel).toBe(true);
    for (const [id] of Object.values(LOOK)) expect(library.map((s) => s.id)).toContain(id);
    expect(Object.keys(LOOK)).toEqual(Object.keys(MATRIX));
  });

  it.each(EXCEPTIONS)("$row, $column is an exception that has a reason", ({ because }) => {
    expect(because.length).toBeGreaterThan(40);
  });

  it("reads probe 5 with D1 attached first: without it, attach reserves the window of D3 alone", () => {
    const whole = scenario("sw-msi-q5");
    const steps = whole.steps.filter(
      (s, i) => i !== whole.steps.findIndex((one) => one.op === ATTACH) || s.op !== ATTACH,
    );
    const cut = (kernel: string) => ranges(start({ ...whole, steps }, kernel));
    for (const column of ["a2", "a3", "c", "d", "g1"] as const)
      for (const kernel of COLUMNS[column]) expect(cut(kernel)).toBe("[0x0,0x8ffffff][0x9100000,0xffffffffffff]");
    expect(cut("sw-msi-at-alloc-2024-07")).toBe("SW_MSI cut");
  });

  it("shows the interrupt that is lost without replace too", () => {
    for (const kernel of ["linux-6.2", "linux-6.4", "linux-6.14"])
      expect(delivered(start(scenario("sw-msi-q8-move"), kernel), 1)).toBe(false);
    expect(delivered(start(scenario("sw-msi-q8-move"), "linux-6.15"), 1)).toBe(true);
  });
});
