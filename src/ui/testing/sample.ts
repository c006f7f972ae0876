import type { Answer, EngineApi, LinkState, Opened } from "../../engine/protocol.ts";
import type { Frame, Lane } from "../../engine/views/types.ts";
import { attachmentsOf, inspectOf, walkOf, whyOf } from "./details.ts";
import { spaceOf } from "./space.ts";
import { COUNT, KERNELS, OLD, stepsOf } from "./steps.ts";

const scenario = {
  id: "sw-msi-nested",
  title: "SW_MSI and the nested direct attach",
  source: "iommu list, 31 Jul 2024",
  question:
    "A device is attached straight to a nested page table. Who keeps the window free in which the kernel places the MSI doorbell?",
  machine: "plain",
  kernels: KERNELS,
};

const problem = <T>(message: string): Answer<T> => ({ ok: false, problem: { message } });

export function frameOf(kernel: string, step: number): Frame {
  const at = kernel === OLD ? 0x8090040n : 0x8000040n;
  return {
    kernel,
    step,
    steps: stepsOf(kernel),
    addressSpace: spaceOf(kernel, step),
    attachments: attachmentsOf(kernel, step),
    walkTargets:
      step >= 9
        ? [
            { label: "MSI doorbell", device: "D1", iova: at, write: true },
            { label: "DMA", device: "D1", iova: 0x1000n, write: true },
          ]
        : [],
    walkDefault: step >= 9 ? 0 : -1,
    inspectDefault: step >= 9 ? "ste:0x18" : "dev:D1",
    why: whyOf(kernel, step),
    next: [
      {
        ref: "dev:D1",
        text: "ATTACH_IOMMUFD_PT D1 pt=3",
        result: "0",
        ok: true,
        line: "vmm ATTACH_IOMMUFD_PT D1 pt=3",
      },
      { ref: "dev:D1", text: "DETACH_IOMMUFD_PT D1", result: "0", ok: true, line: "vmm DETACH_IOMMUFD_PT D1" },
      {
        ref: "ioas:2",
        text: "HWPT_ALLOC pt=6 data=NONE",
        result: "EINVAL",
        ok: false,
        line: "vmm HWPT_ALLOC dev=D1 pt=6",
      },
    ],
  };
}

export const sample = {
  catalogue: () => ({
    version: 1,
    kernels: [
      ["linux-6.11", "6.11 rule", "paging attach only"],
      ["sw-msi-at-alloc-2024-07", "Jul-2024 patch", "at hwpt alloc"],
      ["linux-6.12", "6.12 rule", "nested attach too"],
      ["linux-7.2", "7.2", "+ native sw_msi"],
    ].map(([id = "", title = "", subtitle = ""]) => ({
      id,
      title,
      subtitle,
      date: "2024-07-31",
      changes: "",
      expects: [],
      objections: [],
      unknown: [],
    })),
    machines: [{ id: "plain", title: "Arm virt" }],
    scenarios: [scenario],
    first: scenario.id,
  }),
  open: (source): Answer<Opened> =>
    "id" in source && source.id !== scenario.id
      ? problem(`There is no scenario "${source.id}".`)
      : { ok: true, value: { scenario, text: "title: sample\n", steps: COUNT } },
  check: () => Promise.resolve(problem("The sample has no checks.")),
  openFiles: () => Promise.resolve(problem("The sample reads no files.")),
  frame: (kernel, step) => ({ ok: true, value: frameOf(kernel, step) }),
  steps: (kernel) => ({ ok: true, value: stepsOf(kernel) }),
  next: (kernel, step) => ({ ok: true, value: frameOf(kernel, step).next }),
  space: () => problem("The sample has no dense track."),
  spaceRows: () => problem("The sample has no dense track."),
  // The sample takes nothing away: what stands at the end is what ever stood.
  landmarks: (kernels) => ({ ok: true, value: frameOf(kernels[0] ?? OLD, COUNT) }),
  walk: (_kernel, _step, device, iova, write) => ({ ok: true, value: walkOf(device, iova, write) }),
  inspect: (_kernel, _step, ref) => {
    const found = inspectOf(ref);
    return found === null ? problem("Nothing is known of it.") : { ok: true, value: found };
  },
  lanes: (kernels): Answer<Lane[]> => {
    const first = stepsOf(kernels[0] ?? OLD);
    return {
      ok: true,
      value: kernels.map((kernel) => {
        const cells = stepsOf(kernel).map((s, i) => ({
          outcome: s.outcome,
          text: s.result,
          differs: s.result !== first[i]?.result,
        }));
        return { kernel, cells, firstDifference: cells.findIndex((c) => c.differs) + 1 };
      }),
    };
  },
  machine: () => problem("The sample has no machine."),
  peer: () => problem("The sample has no machine."),
  tables: () => Promise.resolve(problem("The sample has no table in memory.")),
  compare: () => problem("The sample compares nothing."),
  compareTraces: () => problem("The sample compares nothing."),
  compareSpaces: () => problem("The sample compares nothing."),
  ascii: () => Promise.resolve(problem("The sample has no text.")),
  scenarioJson: () => Promise.resolve(problem("The sample has no scenario.")),
  edit: () => Promise.resolve(problem("The sample cannot be edited.")),
  setBranches: () => Promise.resolve(problem("The sample cannot be edited.")),
  complete: () => Promise.resolve({ ok: true, value: { from: 0, to: 0, items: [], problem: null } }),
  actions: () => Promise.resolve({ ok: true, value: frameOf(OLD, COUNT).next }),
  makeLink: (state) =>
    Promise.resolve(
      `v=1&s=sw-msi-nested&k=${state.kernel}&n=${state.step}${Object.entries(state.view)
        .map(([k, v]) => `&x.${k}=${encodeURIComponent(v)}`)
        .join("")}`,
    ),
  readLink: (fragment): Promise<Answer<LinkState>> => {
    const fields = new URLSearchParams(fragment);
    if (fields.get("v") !== "1")
      return Promise.resolve(problem("The link has no version (v=1); it was not made by this program or was cut."));
    const view: Record<string, string> = {};
    for (const [k, v] of fields) if (k.startsWith("x.")) view[k.slice(2)] = v;
    return Promise.resolve({
      ok: true,
      value: {
        scenario: { id: fields.get("s") ?? "" },
        kernel: fields.get("k") ?? "",
        step: Number(fields.get("n") ?? "0"),
        view,
      },
    });
  },
} satisfies EngineApi;
