import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { brokenInvariants, leftovers } from "../kernel/iommufd/invariants.ts";
import { hwpt_devices } from "../kernel/iommufd/linkage.ts";
import { find_hwpt_paging } from "../kernel/iommufd/hw_pagetable.ts";
import type { IommufdHwptPaging } from "../kernel/iommufd/objects.ts";
import { sys_close } from "../kernel/syscall.ts";
import { execute } from "../sim/execute.ts";
import { machineById } from "../sim/machines.ts";
import { makeWorld, type World } from "../sim/world.ts";
import { kernels, parsed } from "../testing/scenarios.ts";

/** Proposals that change when regions are reserved or domains linked. */
const IDS = [
  "sw-msi-at-alloc-verify",
  "nested-resv-v1-2024-08",
  "nested-resv-v2-2024-08",
  "sw-msi-option-rfc-2025-01",
  "sw-msi-option-2025-02",
  "sw-msi-option-2025-10",
  "deferred-linkage-2023",
  "devices-users-2023-01",
  "created-linked-unfinalised",
  "resv-all-nested-2023",
  "resv-sw-msi-only-2023-07",
  "resv-report-2023-07",
];
const HEAD = [
  "title: t",
  "machine: plain-window",
  "kernels: linux-7.2",
  "device: D1 0000:00:03.0",
  "device: D2 0000:01:00.0",
  "memory: BUF len=64K",
];

const id = fc.integer({ min: 1, max: 12 });
const dev = fc.constantFrom("D1", "D2");
const iova = fc.constantFrom("0x1000", "0x8000000", "0x9000000", "0x40000000", "0x70000000", "0x1000000000000");
const call = fc.oneof(
  fc.constant("vmm IOAS_ALLOC"),
  fc.tuple(dev, id, fc.constantFrom("", " NEST_PARENT")).map(([d, p, f]) => `vmm HWPT_ALLOC dev=${d} pt=${p}${f}`),
  fc.tuple(dev, id).map(([d, h]) => `vmm VIOMMU_ALLOC dev=${d} hwpt=${h}`),
  fc.tuple(dev, id, fc.constantFrom("{9,0}", "{1,0}")).map(([d, p, v]) => `vmm HWPT_ALLOC dev=${d} pt=${p} vste=${v}`),
  { weight: 4, arbitrary: fc.tuple(dev, id).map(([d, p]) => `vmm ATTACH_IOMMUFD_PT ${d} pt=${p}`) },
  fc.tuple(dev).map(([d]) => `vmm DETACH_IOMMUFD_PT ${d}`),
  { weight: 2, arbitrary: fc.tuple(id, iova).map(([i, a]) => `vmm IOAS_MAP ioas=${i} iova=${a} len=4K va=BUF`) },
  fc.tuple(id, iova).map(([i, a]) => `vmm IOAS_UNMAP ioas=${i} iova=${a} len=4K`),
  fc.tuple(dev).map(([d]) => `vmm SET_IRQS ${d} index=MSIX`),
  fc.tuple(id, iova).map(([i, a]) => `vmm IOMMU_OPTION object=${i} option=SW_MSI_START val=${a}`),
  fc.tuple(id, fc.nat(2)).map(([i, n]) => `vmm IOMMU_OPTION object=${i} option=SW_MSI_SIZE val=${n}`),
  fc.tuple(id, id).map(([i, d]) => `vmm IOMMU_IOAS_IMPORT_RESV ioas=${i} dev=${d}`),
  fc.tuple(id).map(([i]) => `vmm IOMMU_DESTROY id=${i}`),
);
const START = ["vmm BIND_IOMMUFD D1", "vmm BIND_IOMMUFD D2", "vmm IOAS_ALLOC", "vmm HWPT_ALLOC dev=1 pt=3 NEST_PARENT"];
const calls = fc.array(call, { minLength: 30, maxLength: 60, size: "max" });

function world(kernel: string, lines: readonly string[]): { world: World; steps: ReturnType<typeof parsed>["steps"] } {
  const scenario = parsed([...HEAD, "", ...START, ...lines, ""].join("\n"));
  const profile = kernels.resolve(kernel, true);
  const machine = machineById(scenario.machine);
  if (profile === undefined || machine === undefined) throw new Error(`no ${kernel}`);
  const made = makeWorld(scenario, profile, machine);
  if (typeof made === "string") throw new Error(made);
  return { world: made, steps: scenario.steps };
}

function* hwpts(w: World): Generator<IommufdHwptPaging> {
  for (const ictx of w.kernel.iommufd.ctxs)
    for (const obj of ictx.objects.values()) if (obj.kind === "HWPT_PAGING") yield obj;
}

/** Devices on a parent and on everything nested on it. */
function family(w: World, hwpt: IommufdHwptPaging): number {
  let n = 0;
  for (const obj of hwpt.ictx.objects.values()) {
    if (obj.kind !== "HWPT_PAGING" && obj.kind !== "HWPT_NESTED") continue;
    if (find_hwpt_paging(w.kernel, obj) === hwpt) n += hwpt_devices(obj);
  }
  return n;
}

describe("random calls on two devices with different windows", () => {
  it.each(IDS)("%s keeps the books, links when it says, and leaves nothing behind", (kernel) => {
    let ok = 0;
    const deferred = kernels.resolve(kernel, true)?.features.hwpt_linkage === "attach";
    fc.assert(
      fc.property(calls, (lines) => {
        const { world: w, steps } = world(kernel, lines);
        for (const step of steps) {
          if (execute(w, step, false).errno === "ok") ok++;
          expect(brokenInvariants(w.kernel)).toEqual([]);
          for (const hwpt of hwpts(w)) {
            const linked = hwpt.ioas.hwpt_list.includes(hwpt);
            expect(linked).toBe(deferred ? family(w, hwpt) > 0 : true);
          }
        }
        for (const fd of [...w.vmm.fds.keys()].filter((n) => n > 2).toReversed()) sys_close(w.kernel, w.vmm, fd);
        expect(leftovers(w.kernel)).toEqual([]);
      }),
      { numRuns: 25, seed: 3, endOnFailure: true },
    );
    expect(ok).toBeGreaterThan(25 * 10);
  });
});
