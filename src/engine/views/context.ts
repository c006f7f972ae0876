/** What every view is computed from: the world after a step, the world before it, and the step's result. */
import type { ArmLpaePgtable } from "../kernel/drivers/io_pgtable_arm/table.ts";
import { DmarDomain } from "../kernel/drivers/intel/domain.ts";
import { ArmSmmuDomain } from "../kernel/drivers/arm_smmu_v3/device.ts";
import type { IommufdHwptPaging, IommufdObject, ObjectKind, ObjectOf } from "../kernel/iommufd/objects.ts";
import type { Device, IommuDomain } from "../kernel/iommu/types.ts";
import { contexts } from "../sim/refs.ts";
import type { StepResult } from "../sim/result.ts";
import type { Step } from "../sim/scenario/types.ts";
import type { World } from "../sim/world.ts";
import type { TableView } from "./address/tables.ts";
import type { TableShape } from "./leaves.ts";
import { vtdShape } from "./vtd.ts";

/** Worlds are for reading only. `before`, `step` and `result` are null before the first step. */
export interface ViewContext {
  world: World;
  before: World | null;
  step: Step | null;
  result: StepResult | null;
  /** Filled by `tablesIn`. */
  tables?: TableView[];
}

/** All objects of a kind over every open iommufd, by descriptor, then by id. */
export function objectsOf<K extends ObjectKind>(world: World, kind: K): ObjectOf<K>[] {
  return contexts(world).flatMap(({ ctx }) =>
    [...ctx.objects.values()]
      .filter((o: IommufdObject): o is ObjectOf<K> => o.kind === kind)
      .sort((a, b) => a.id - b.id),
  );
}

/** The kernel's device for a bdf; null when the machine has none. */
export function deviceOf(world: World, bdf: string): Device | null {
  return world.kernel.platform?.pci.get(bdf)?.dev ?? null;
}

/** The Arm table behind a paging domain; null for another driver's. */
export function pgtableOf(domain: IommuDomain | null): ArmLpaePgtable | null {
  return domain !== null && domain.priv instanceof ArmSmmuDomain ? domain.priv.pgtable : null;
}

/** The table behind a paging domain as it stands in memory, whichever driver made it; null without one. */
export function shapeOfDomain(domain: IommuDomain | null): TableShape | null {
  const table = pgtableOf(domain);
  if (table !== null) {
    return {
      root: table.pgd,
      stage: table.cfg.stage,
      granule: table.geo.pg_shift,
      startLevel: table.geo.start_level,
      topEntries: 2 ** table.geo.pgd_bits,
    };
  }
  const dmar = domain?.priv instanceof DmarDomain ? domain.priv : null;
  if (dmar === null || dmar.table.levels === 0) return null;
  return vtdShape(dmar.table.hardware_root(), dmar.table.levels, dmar.stage);
}

export function tableText(hwpt: IommufdHwptPaging): string {
  const dmar = hwpt.domain?.priv;
  if (dmar instanceof DmarDomain) return `${dmar.stage} stage ${dmar.width}-bit`;
  const table = pgtableOf(hwpt.domain);
  return table === null ? "" : `S${table.cfg.stage} ${table.cfg.ias}-bit`;
}

/** `03.0` for 0000:00:03.0, `01:00.0` for another bus. */
export function shortBdf(bdf: string): string {
  return bdf.replace(/^0000:/, "").replace(/^00:/, "");
}

/** Physical address behind a user address of the VMM, without faulting anything in; null when no page is there. */
export function userToPhys(world: World, va: bigint): number | null {
  const vma = world.vmm.mm.vmas.at(va);
  if (vma === undefined) return null;
  const pfn = vma.store.frames.get(vma.pgoff + Number((va - vma.start) >> 12n));
  return pfn < 0 ? null : pfn * 4096 + Number(va & 4095n);
}

/** The name of the VMM's memory at an address, with the offset: `RAM+0x1000`. */
export function memoryName(world: World, va: bigint): string {
  for (const m of world.memory.values())
    if (va >= m.va && va < m.va + m.length) return va === m.va ? m.name : `${m.name}+0x${(va - m.va).toString(16)}`;
  return `0x${va.toString(16)}`;
}
