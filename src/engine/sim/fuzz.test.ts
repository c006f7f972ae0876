import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FOUR, parsed, start } from "../testing/scenarios.ts";
import { contextAt, frameOf, pastOf } from "../views/frame.ts";
import { inspect } from "../views/inspect/view.ts";
import { walkView } from "../views/walk/view.ts";

const head = [
  "title: t",
  "machine: plain-resv",
  "kernels: linux-7.2",
  "device: D1 0000:00:03.0",
  "device: D2 0000:01:00.0",
  "device: D3 0000:00:02.0",
  "memory: RAM len=2M ipa=0x40000000 pages=huge",
  "memory: BUF len=64K ipa=0x41000000",
  "given guest T = S1_TABLE cd=0x40000000",
];
const dev = fc.constantFrom("D1", "D2", "D3");
const id = fc.integer({ min: 0, max: 9 });
const iova = fc.constantFrom(
  "0x0",
  "0x1000",
  "0x8000000",
  "0x40000000",
  "0x40001000",
  "0x7ffff000",
  "0xfffffffff000",
  "U64_MAX",
);
const len = fc.constantFrom("0", "1", "4K", "64K", "2M", "1G", "U64_MAX");
const va = fc.constantFrom("RAM", "BUF", "BUF+0x800", "0x10");
const step = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(dev).map(([d]) => `vmm BIND_IOMMUFD ${d}`) },
  { weight: 3, arbitrary: fc.constant("vmm IOAS_ALLOC") },
  {
    weight: 5,
    arbitrary: fc
      .tuple(dev, id, fc.constantFrom("", " NEST_PARENT", " PASID", " DIRTY_TRACKING"))
      .map(([d, p, f]) => `vmm HWPT_ALLOC dev=${d} pt=${p}${f}`),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(dev, id, fc.constantFrom("{0x4000000b,0xd4}", "{9,0}", "{1,0}", "{0,0}", "{0xff}", "{}"))
      .map(([d, p, v]) => `vmm HWPT_ALLOC dev=${d} pt=${p} vste=${v}`),
  },
  {
    weight: 6,
    arbitrary: fc.tuple(id, iova, len, va).map(([i, a, l, v]) => `vmm IOAS_MAP ioas=${i} iova=${a} len=${l} va=${v}`),
  },
  fc.tuple(id, len, va).map(([i, l, v]) => `vmm IOAS_MAP ioas=${i} len=${l} va=${v}`),
  fc.tuple(id, iova, len).map(([i, a, l]) => `vmm IOAS_UNMAP ioas=${i} iova=${a} len=${l}`),
  fc.tuple(id).map(([i]) => `vmm IOAS_IOVA_RANGES ioas=${i}`),
  fc.tuple(id, iova, iova).map(([i, a, b]) => `vmm IOAS_ALLOW_IOVAS ioas=${i} ranges=[${a},${b}]`),
  fc
    .tuple(id, id, len, iova, iova)
    .map(([a, b, l, x, y]) => `vmm IOAS_COPY dst=${a} src=${b} len=${l} dst_iova=${x} src_iova=${y}`),
  fc.tuple(dev, id).map(([d, h]) => `vmm VIOMMU_ALLOC dev=${d} hwpt=${h}`),
  fc
    .tuple(dev, id, fc.integer({ min: 0, max: 30 }))
    .map(([d, v, n]) => `vmm VDEVICE_ALLOC viommu=${v} dev=${d} virt_id=${n}`),
  fc.tuple(id).map(([v]) => `vmm VEVENTQ_ALLOC viommu=${v}`),
  fc.tuple(id).map(([v]) => `vmm HWPT_INVALIDATE hwpt=${v} commands={0x30,0,0x11,0}`),
  { weight: 6, arbitrary: fc.tuple(dev, id).map(([d, p]) => `vmm ATTACH_IOMMUFD_PT ${d} pt=${p}`) },
  fc.tuple(dev).map(([d]) => `vmm DETACH_IOMMUFD_PT ${d}`),
  {
    weight: 2,
    arbitrary: fc.tuple(dev, fc.constantFrom("MSI", "MSIX", "INTX")).map(([d, i]) => `vmm SET_IRQS ${d} index=${i}`),
  },
  fc.tuple(dev).map(([d]) => `vmm SET_IRQS ${d} index=MSI off`),
  fc.tuple(id).map(([i]) => `vmm DESTROY id=${i}`),
  fc.tuple(dev).map(([d]) => `vmm RESET ${d}`),
  fc.tuple(dev).map(([d]) => `vmm CLOSE ${d}`),
  fc.tuple(dev).map(([d]) => `vmm GET_HW_INFO dev=${d}`),
  fc
    .tuple(iova, iova, len)
    .map(([a, b, l]) => `guest S1_MAP T iova=${a} ipa=${b} len=${l === "1G" ? "2M" : l === "U64_MAX" ? "4K" : l}`),
  fc.tuple(iova, len).map(([a, l]) => `guest S1_UNMAP T iova=${a} len=${l === "U64_MAX" ? "1" : l}`),
  {
    weight: 3,
    arbitrary: fc
      .tuple(dev, fc.constantFrom("read", "write"), iova)
      .map(([d, w, a]) => `device ${d} DMA ${w} iova=${a} len=64`),
  },
  { weight: 2, arbitrary: fc.tuple(dev).map(([d]) => `device ${d} MSI`) },
  fc.tuple(dev).map(([d]) => `admin RESERVED_REGIONS ${d}`),
);

/** A start from which the random steps get somewhere: D1 bound, a parent, a vIOMMU, a nested hwpt. */
const nested = [
  "vmm BIND_IOMMUFD D1",
  "vmm IOAS_ALLOC",
  "vmm HWPT_ALLOC dev=D1 pt=2 NEST_PARENT",
  "vmm IOAS_MAP ioas=2 iova=0x40000000 len=2M va=RAM",
  "vmm VIOMMU_ALLOC dev=D1 hwpt=3",
  "vmm VDEVICE_ALLOC viommu=4 dev=D1 virt_id=24",
  "vmm HWPT_ALLOC dev=D1 pt=4 vste={0x4000000b,0xd4}",
];

describe("whatever a person types", () => {
  it("runs on every kernel and can be drawn after every step", () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.array(step, { minLength: 1, maxLength: 16 }),
        fc.constantFrom(...FOUR),
        (far, random, kernel) => {
          const steps = [...(far ? nested : []), ...random];
          const s = parsed([...head, ...steps].join("\n"));
          const run = start(s, kernel);
          expect(run.results.length).toBe(steps.length);
          for (let n = 0; n <= steps.length; n++) {
            const frame = frameOf(run, n);
            const { world, before } = contextAt(run, n);
            for (const ref of [
              frame.inspectDefault,
              ...frame.attachments.nodes.filter((x) => x.change !== "removed").map((x) => x.ref),
            ])
              expect(inspect(world, before, pastOf(run, n), ref)).not.toBeNull();
            for (const t of frame.walkTargets) expect(walkView(world, t.device, t.iova, t.write)).not.toBeNull();
          }
        },
      ),
      { numRuns: Number(process.env["RUNS"] ?? 40) },
    );
  });
});
