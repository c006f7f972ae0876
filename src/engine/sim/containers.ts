/** VFIO's own containers that the program has open, for pictures and results. */
import { VfioContainer } from "../kernel/vfio/group_state.ts";
import type { Type1 } from "../kernel/vfio/type1_state.ts";
import type { Ref } from "../views/types.ts";
import type { World } from "./world.ts";

export interface OpenContainer {
  /** `container:5`. */
  ref: Ref;
  /** `container fd 5`. */
  title: string;
  type1: Type1;
}

/** Those with an IOMMU, lowest descriptor first. */
export function containers(world: World): OpenContainer[] {
  const out: OpenContainer[] = [];
  for (const fd of [...world.vmm.fds.keys()].sort((a, b) => a - b)) {
    const own = world.vmm.fds.get(fd)?.private_data;
    if (own instanceof VfioContainer && own.type1 !== null)
      out.push({ ref: `container:${fd}`, title: `container fd ${fd}`, type1: own.type1 });
  }
  return out;
}

/** Id of the track of a domain's table: containers have one for each kind of IOMMU that their groups need. */
export function containerTable(one: Pick<OpenContainer, "ref">, index: number): string {
  return `${one.ref}:table${index === 0 ? "" : index}`;
}

/** The table that a device's requests go through by way of its group's container; null = none. */
export function containerTableOf(world: World, bdf: string): string | null {
  const group = world.kernel.platform?.pci.get(bdf)?.dev.iommu_group ?? null;
  for (const one of containers(world)) {
    const index = one.type1.domains.findIndex(({ domain }) => group !== null && group.domain === domain);
    if (index >= 0) return containerTable(one, index);
  }
  return null;
}
