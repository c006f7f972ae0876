/** A hand-made world for tests of the picture: discussion 0 in nineteen steps, on four kernels. Nothing here computes. */
import type { Actor, Outcome, StepView } from "../../engine/views/types.ts";

export const OLD = "linux-6.11";
export const KERNELS = [OLD, "sw-msi-at-alloc-2024-07", "linux-6.12", "linux-7.2"];

interface Row {
  actor: Actor;
  prefix: string;
  op: string;
  args: string;
  tick: string;
  /** On the old rule, then on the others. */
  old: string;
  others?: string;
  refs: string[];
  note?: string;
}

const rows: Row[] = [
  {
    actor: "vmm",
    prefix: "VFIO_",
    op: "DEVICE_BIND_IOMMUFD",
    args: "D1 0000:00:03.0",
    tick: "bind D1",
    old: "dev 1",
    refs: ["dev:D1"],
    note: "The VMM takes the device away from its driver; until it is attached all its DMA is blocked.",
  },
  { actor: "vmm", prefix: "IOMMU_", op: "IOAS_ALLOC", args: "", tick: "ioas", old: "ioas 2", refs: ["ioas:2"] },
  {
    actor: "vmm",
    prefix: "IOMMU_",
    op: "HWPT_ALLOC",
    args: "dev=1 pt=2 flags=NEST_PARENT",
    tick: "parent",
    old: "hwpt 3",
    refs: ["hwpt:3", "ioas:2"],
    note: "The parent: a stage 2 that holds the guest's memory.",
  },
  {
    actor: "vmm",
    prefix: "IOMMU_",
    op: "IOAS_MAP",
    args: "ioas=2 iova=0x40000000 len=2M RW",
    tick: "map 2M",
    old: "0",
    refs: ["area:2:0x40000000", "ioas:2"],
  },
  {
    actor: "vmm",
    prefix: "IOMMU_",
    op: "IOAS_MAP",
    args: "ioas=2 iova=0x41000000 len=64K RW",
    tick: "map 64K",
    old: "0",
    refs: ["area:2:0x41000000", "ioas:2"],
  },
  {
    actor: "vmm",
    prefix: "IOMMU_",
    op: "VIOMMU_ALLOC",
    args: "dev=1 hwpt=3",
    tick: "viommu",
    old: "viommu 4",
    refs: ["viommu:4"],
  },
  {
    actor: "vmm",
    prefix: "IOMMU_",
    op: "VDEVICE_ALLOC",
    args: "viommu=4 dev=1 virt_id=24",
    tick: "vdevice",
    old: "vdevice 5",
    refs: ["vdevice:5"],
  },
  {
    actor: "vmm",
    prefix: "IOMMU_",
    op: "HWPT_ALLOC",
    args: "dev=1 pt=4 vSTE {0x4000000b, 0xd4}",
    tick: "nested",
    old: "hwpt 6",
    refs: ["hwpt:6"],
  },
  {
    actor: "vmm",
    prefix: "VFIO_",
    op: "DEVICE_ATTACH_IOMMUFD_PT",
    args: "D1 pt=6",
    tick: "attach 6",
    old: "0",
    refs: ["dev:D1", "hwpt:6"],
    note: "The direct attach: the device never meets the parent. The 6.11 rule looks at paging page tables only.",
  },
  {
    actor: "vmm",
    prefix: "VFIO_",
    op: "DEVICE_SET_IRQS",
    args: "D1 MSI[0] eventfd=9",
    tick: "set_irqs",
    old: "0x8090040",
    others: "0x8000040",
    refs: ["dev:D1"],
  },
  {
    actor: "device",
    prefix: "",
    op: "MSI write",
    args: "D1",
    tick: "MSI write",
    old: "F_TRANSLATION",
    others: "F_TRANSLATION",
    refs: ["dev:D1"],
    note: "The MSI capability holds the physical doorbell: no kernel path told hwpt 6 that its parent must carry an MSI page.",
  },
  {
    actor: "guest",
    prefix: "",
    op: "S1_MAP",
    args: "0x8000000 len=1M 1:1 device",
    tick: "S1 map",
    old: "ok",
    refs: ["guest:T"],
  },
  {
    actor: "device",
    prefix: "",
    op: "MSI write",
    args: "D1",
    tick: "MSI write",
    old: "F_TRANSLATION",
    others: "delivered",
    refs: ["dev:D1"],
  },
  {
    actor: "device",
    prefix: "",
    op: "DMA write",
    args: "D1 iova=0x1000 len=64",
    tick: "DMA",
    old: "64 bytes",
    refs: ["dev:D1"],
  },
  {
    actor: "vmm",
    prefix: "IOMMU_",
    op: "IOAS_IOVA_RANGES",
    args: "ioas=2",
    tick: "ranges",
    old: "1 range",
    others: "2 ranges",
    refs: ["ioas:2"],
  },
  {
    actor: "vmm",
    prefix: "IOMMU_",
    op: "IOAS_MAP",
    args: "ioas=2 iova=0x8000000 len=64K RW",
    tick: "map 64K",
    old: "0",
    others: "EINVAL",
    refs: ["ioas:2"],
  },
  {
    actor: "vmm",
    prefix: "VFIO_",
    op: "DEVICE_ATTACH_IOMMUFD_PT",
    args: "D1 pt=3",
    tick: "attach 3",
    old: "EADDRINUSE",
    others: "0",
    refs: ["dev:D1", "hwpt:3"],
  },
  {
    actor: "vmm",
    prefix: "VFIO_",
    op: "DEVICE_BIND_IOMMUFD",
    args: "D2 0000:01:00.0",
    tick: "bind D2",
    old: "dev 7",
    refs: ["dev:D2"],
  },
  {
    actor: "vmm",
    prefix: "VFIO_",
    op: "DEVICE_ATTACH_IOMMUFD_PT",
    args: "D2 pt=3",
    tick: "attach D2",
    old: "EADDRINUSE",
    others: "0",
    refs: ["dev:D2", "hwpt:3"],
  },
];

function outcome(result: string): Outcome {
  if (/^E[A-Z]+$/.test(result)) return "errno";
  return result.startsWith("F_") ? "fault" : "ok";
}

export const COUNT = rows.length;

export function stepsOf(kernel: string): StepView[] {
  return rows.map((row, i) => {
    const result = kernel === OLD ? row.old : (row.others ?? row.old);
    const { old: _old, others: _others, ...rest } = row;
    const how = outcome(result);
    const spoken = `step ${i + 1}: ${row.prefix}${row.op} ${how === "ok" ? "answered" : "failed,"} ${result}`;
    return { ...rest, index: i + 1, outcome: how, result, spoken };
  });
}
