import type { TraceEntry } from "../../engine/views/types.ts";
import type { AttachmentsView, InspectorView, WalkRead, WalkView, WhyView } from "../../engine/views/types.ts";
import { OLD } from "./steps.ts";

const plain = (text: string) => ({ text, tone: "plain" as const });
const bad = (text: string) => ({ text, tone: "bad" as const });

export function attachmentsOf(kernel: string, step: number): AttachmentsView {
  const old = kernel === OLD;
  const attached = step >= 9;
  const nodes: AttachmentsView["nodes"] = [
    { ref: "fd:3", kind: "fd", title: "fd 3", lines: [plain("/dev/iommu")] },
    {
      ref: "dev:D1",
      kind: "device",
      title: "D1",
      lines: [plain("edu"), plain("00:03.0"), plain("SID 0x18"), plain("dev 1")],
      users: 1,
    },
    {
      ref: "group:3",
      kind: "group",
      title: "3",
      lines: [plain("1 device"), attached && old ? bad("sw_msi_start unset") : plain("sw_msi_start 0x8000000")],
      users: 1,
    },
    { ref: "dev:D2", kind: "device", title: "D2", lines: [plain("nvme"), plain("01:00.0")] },
    { ref: "group:5", kind: "group", title: "5", lines: [plain(step >= 18 ? "1 device" : "not bound")] },
  ];
  const edges: AttachmentsView["edges"] = [
    { from: "dev:D1", to: "group:3", kind: "member", label: "" },
    { from: "dev:D2", to: "group:5", kind: "member", label: "" },
  ];
  if (step >= 2)
    nodes.push({
      ref: "ioas:2",
      kind: "ioas",
      title: "2",
      lines: [
        plain(`${step >= 5 ? 2 : step >= 4 ? 1 : 0} areas`),
        plain(attached && !old ? "2 reserved" : "1 reserved"),
      ],
      users: 1,
      ...(step === 2 ? { change: "added" as const } : {}),
    });
  if (step >= 3) {
    nodes.push({
      ref: "hwpt:3",
      kind: "paging",
      title: "3",
      lines: [plain("nest parent"), plain("S2, 44 bit"), attached && old ? bad("no MSI page") : plain("MSI page 0")],
      users: 2,
      ...(step === 3 ? { change: "added" as const } : {}),
    });
    edges.push({ from: "hwpt:3", to: "ioas:2", kind: "in" as "linked", label: "" });
  }
  if (step >= 6) {
    nodes.push({ ref: "viommu:4", kind: "viommu", title: "4", lines: [plain("Arm SMMUv3")], users: 2 });
    edges.push({ from: "viommu:4", to: "hwpt:3", kind: "linked", label: "" });
  }
  if (step >= 7) {
    nodes.push({ ref: "vdevice:5", kind: "vdevice", title: "5", lines: [plain("vSID 0x18")] });
    edges.push(
      { from: "vdevice:5", to: "viommu:4", kind: "part-of", label: "" },
      { from: "dev:D1", to: "vdevice:5", kind: "linked", label: "" },
    );
  }
  if (step >= 8) {
    nodes.push({
      ref: "hwpt:6",
      kind: "nested",
      title: "6",
      lines: [plain("S1, vSTE"), plain("CD 0x40000000")],
      users: 1,
    });
    edges.push({ from: "hwpt:6", to: "hwpt:3", kind: "parent", label: "" });
  }
  if (attached) {
    edges.push({ from: "group:3", to: "hwpt:6", kind: "attached", label: "attached" });
    if (old)
      edges.push(
        { from: "group:3", to: "hwpt:3", kind: "undone", label: "MSI cookie" },
        { from: "group:3", to: "ioas:2", kind: "undone", label: "reserve SW_MSI, owner D1" },
      );
  }
  for (const e of edges) if ((e.kind as string) === "in") e.kind = "part-of";
  return { nodes, edges };
}

export function whyOf(kernel: string, step: number): WhyView {
  const old = kernel === OLD;
  const walk: TraceEntry[] = [
    { t: "enter", depth: 0, fn: "smmu_translate", args: ["sid=0x18", "iova=0x8090040", "W"] },
    { t: "mem", depth: 1, who: "smmu", write: false, pa: 0x4555f000, lo: 0xfe880009, hi: 0, what: "L1STD[0]" },
    { t: "mem", depth: 1, who: "smmu", write: false, pa: 0xfe880600, lo: 0x4000000f, hi: 0, what: "STE 0x18" },
    { t: "check", depth: 1, ok: true, what: "STE.V, Config 7" },
    { t: "mem", depth: 1, who: "smmu", write: false, pa: 0x40000000, lo: 0x40001000, hi: 0, what: "CD[0]" },
    { t: "mem", depth: 1, who: "smmu", write: false, pa: 0x40001000, lo: 0x40002003, hi: 0, what: "S1 L0[000]" },
    { t: "mem", depth: 1, who: "smmu", write: false, pa: 0x40002000, lo: 0x40003003, hi: 0, what: "S1 L1[000]" },
    {
      t: "check",
      depth: 1,
      ok: false,
      what: "S1 L2[040] valid",
      detail: {
        left: "0x0",
        right: "bit 0 set",
        range: { start: 0x8090040n, last: 0x8090043n },
        before: { start: 0x200000n, last: 0x3fffffn, label: "2M" },
        after: { start: 0x40000000n, last: 0x7fffffffn, label: "1G" },
      },
    },
    {
      t: "event",
      depth: 1,
      smmu: "smmu0",
      words: [0x10, 0x18, 0, 0],
      text: "F_TRANSLATION sid=0x18 W S1 IN 0x8090040",
    },
    { t: "leave", depth: 0, fn: "smmu_translate", ret: "F_TRANSLATION", failed: true },
    { t: "msi", depth: 0, what: "eventfd 9", delivered: false },
  ];
  const map: TraceEntry[] = [
    { t: "enter", depth: 0, fn: "iommufd_ioas_map", args: ["ioas=2", "iova=0x8000000", "len=0x10000"] },
    { t: "enter", depth: 1, fn: "iopt_map_user_pages", args: [] },
    { t: "check", depth: 2, ok: true, what: "aligned to 0x1000" },
    {
      t: "check",
      depth: 2,
      ok: false,
      what: "no reserved range is met",
      detail: {
        range: { start: 0x8000000n, last: 0x800ffffn },
        hits: [{ start: 0x8000000n, last: 0x80fffffn, label: "SW_MSI of D1" }],
      },
    },
    { t: "leave", depth: 1, fn: "iopt_map_user_pages", ret: "-EINVAL", failed: true },
    { t: "leave", depth: 0, fn: "iommufd_ioas_map", ret: "-EINVAL", failed: true },
  ];
  if (step === 11 || (step === 13 && old))
    return {
      headline: "the interrupt was lost",
      entries: walk,
      opened: 7,
      causes: [
        {
          step: 10,
          text: "address stays physical",
          opened: 1,
          entries: [
            { t: "enter", depth: 0, fn: "iommu_dma_prepare_msi", args: [] },
            { t: "check", depth: 1, ok: false, what: "domain->iova_cookie", detail: { left: "NULL", right: "set" } },
            { t: "leave", depth: 0, fn: "iommu_dma_prepare_msi", ret: "0", failed: false },
          ],
        },
        {
          step: 9,
          text: "skipped",
          opened: 1,
          entries: [
            { t: "enter", depth: 0, fn: "iommufd_hw_pagetable_attach", args: [] },
            { t: "check", depth: 1, ok: false, what: "hwpt_is_paging(hwpt)" },
            { t: "note", depth: 1, what: "iopt_table_enforce_dev_resv_regions not called" },
            { t: "note", depth: 1, what: "iommufd_group_setup_msi not called" },
            { t: "leave", depth: 0, fn: "iommufd_hw_pagetable_attach", ret: "0", failed: false },
          ],
        },
      ],
    };
  if (step === 16 && !old) return { headline: "the map was refused", entries: map, opened: 3, causes: [] };
  return {
    headline: step === 0 ? "nothing has run yet" : "it went through",
    entries:
      step === 0
        ? []
        : map
            .filter((e) => e.t !== "check" || e.ok)
            .map((e) => (e.t === "leave" ? { ...e, ret: "0", failed: false } : e)),
    opened: -1,
    causes: [],
  };
}

const s2 = [0x45584000, 0x4557c008, 0x45526000];
const s2v = [0x4557c003, 0x45526003, 0x400007fd];

export function walkOf(device: string, iova: bigint, write: boolean): WalkView {
  let n = 0;
  const read = (pa: number, lo: number, what: string, decoded: string, ok = true): WalkRead => ({
    n: ++n,
    pa,
    lo,
    hi: 0,
    what,
    decoded,
    ok,
  });
  const rows: WalkView["rows"] = [
    {
      title: "Stream",
      sub: "0x18",
      s2: [read(0x4555f000, 0xfe880009, "L1STD[0]", "span 9"), null, null, null],
      entry: read(0xfe880600, 0x4000000f, "STE 0x18", "Config 7"),
      reached: true,
    },
  ];
  const entries: [string, number, number, string][] = [
    ["CD[0]", 0x40000000, 0x40001000, "TTB0"],
    ["L0 [000]", 0x40001000, 0x40002003, "table"],
    ["L1 [000]", 0x40002000, 0x40003003, "table"],
    ["L2 [040]", 0x40003200, 0, "invalid"],
  ];
  for (const [title, pa, value, decoded] of entries) {
    const slots = s2.map((a, i) => read(a, s2v[i] ?? 0, `S2 L${i}`, i === 2 ? "block 2M" : "table"));
    rows.push({
      title,
      sub: `IPA 0x${pa.toString(16)}`,
      s2: [...slots, null],
      entry: read(pa, value, title, decoded, decoded !== "invalid"),
      reached: true,
    });
  }
  rows.push(
    { title: "L3 [090]", sub: "", s2: [null, null, null, null], entry: null, reached: false },
    { title: "output", sub: "", s2: [null, null, null, null], entry: null, reached: false },
  );
  return {
    device,
    ref: `dev:${device}`,
    iova,
    write,
    title: `${device} 0x${iova.toString(16)} ${write ? "W" : "R"}`,
    rows,
    levels: ["L0", "L1", "L2", "L3"],
    reads: n,
    ok: false,
    end: "F_TRANSLATION stage 1 level 2",
    tlb: "miss",
    failing: { row: 4, why: "entry invalid" },
  };
}

export function inspectOf(ref: string): InspectorView | null {
  if (!/^(dev|ste|hwpt|ioas|step)/.test(ref)) return null;
  const word = (offset: number, value: number, fields: [string, number, number, ("guest" | "host")?, string?][]) => ({
    offset,
    value,
    fields: fields.map(([name, hi, lo, from, meaning]) => ({
      name,
      hi,
      lo,
      value: (value >>> lo) & (2 ** (hi - lo + 1) - 1),
      ...(from === undefined ? {} : { from }),
      ...(meaning === undefined ? {} : { meaning }),
    })),
  });
  return {
    ref,
    title: "STE 0x18",
    subtitle: "at 0xfe880600",
    fields: [
      { name: "Config", value: "7  S1 translate, S2 translate" },
      { name: "S1ContextPtr", value: "0x40000000  IPA of CD 0" },
      { name: "S2TTB", value: "0x45584000  PA of hwpt 3, level 0", ref: "hwpt:3" },
      { name: "S2T0SZ, S2PS", value: "20, 4  44 bit in, 44 bit out", change: true },
    ],
    grids: [
      {
        title: "STE 0x18",
        address: 0xfe880600n,
        spec: "SMMUv3 IHI 0070 5.2",
        words: [
          word(0, 0x4000000f, [
            ["S1ContextPtr_lo", 31, 6, "guest"],
            ["S1Fmt", 5, 4, "guest"],
            ["Config", 3, 1, "guest", "S1 and S2"],
            ["V", 0, 0, "guest"],
          ]),
          word(4, 0, [
            ["S1CDMax", 31, 27, "guest"],
            ["S1ContextPtr_hi", 23, 0, "guest"],
          ]),
          word(8, 0xd4, [
            ["STRW", 31, 30],
            ["EATS", 29, 28, "guest"],
            ["S1STALLD", 27, 27, "guest"],
            ["S2FWB", 25, 25],
            ["MEV", 19, 19],
            ["S1CSH", 7, 6, "guest"],
            ["S1COR", 5, 4, "guest"],
            ["S1CIR", 3, 2, "guest"],
            ["S1DSS", 1, 0, "guest"],
          ]),
          word(12, 0, [["SHCFG", 13, 12]]),
          word(16, 1, [["S2VMID", 15, 0]]),
          word(20, 0x044c3594, [
            ["S2R", 26, 26],
            ["S2S", 25, 25],
            ["S2PTW", 22, 22],
            ["S2ENDI", 20, 20],
            ["S2AA64", 19, 19],
            ["S2PS", 18, 16],
            ["S2TG", 15, 14],
            ["S2SH0", 13, 12],
            ["S2OR0", 11, 10],
            ["S2IR0", 9, 8],
            ["S2SL0", 7, 6],
            ["S2T0SZ", 5, 0],
          ]),
          word(24, 0x45584000, [["S2TTB_lo", 31, 4]]),
          word(28, 0, [["S2TTB_hi", 19, 0]]),
        ],
      },
    ],
    structs: ref.startsWith("step")
      ? [
          {
            title: "struct iommu_ioas_map",
            bytes: Uint8Array.from({ length: 40 }, (_, i) => (i * 37) & 255),
            fields: [
              { name: "size", offset: 0, size: 4, value: "0x28", out: false },
              { name: "flags", offset: 4, size: 4, value: "0x7", out: false },
              { name: "ioas_id", offset: 8, size: 4, value: "2", out: false },
              { name: "user_va", offset: 16, size: 8, value: "0x7f0000000000", out: false },
              { name: "length", offset: 24, size: 8, value: "0x10000", out: false },
              { name: "iova", offset: 32, size: 8, value: "0x8000000", out: true },
            ],
          },
        ]
      : [],
  };
}
