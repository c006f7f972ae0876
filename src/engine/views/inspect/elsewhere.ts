/** Containers of VFIO and address spaces of 2021, as the kernel keeps them. */
import { containers, containerTable } from "../../sim/containers.ts";
import { devRef } from "../../sim/refs.ts";
import { openSpaces, spaceTable } from "../../sim/spaces.ts";
import { sizeText } from "../../sim/scenario/values.ts";
import type { World } from "../../sim/world.ts";
import type { IommuDomain } from "../../kernel/iommu/types.ts";
import { memoryName, pgtableOf } from "../context.ts";
import type { InspectorView } from "../types.ts";

type Fields = InspectorView["fields"];

const hex = (v: bigint | number): string => `0x${v.toString(16)}`;

/** Null: no container, no space, and no table of one has this name now. */
export function inspectElsewhere(world: World, ref: string): InspectorView | null {
  for (const one of containers(world)) {
    const { type1 } = one;
    if (one.ref === ref)
      return view(ref, one.title, type1.v2 ? "VFIO type1v2" : "VFIO type1", [
        { name: "dma_avail", value: String(type1.avail) },
        { name: "pgsize_bitmap", value: hex(type1.pgsize_bitmap) },
        ...dmas(world, type1.dmas),
        ...type1.iova_list.map((r) => ({ name: "iova_list", value: `${hex(r.start)}-${hex(r.last)}` })),
        ...type1.domains.map((_, i) => to("domain", containerTable(one, i))),
      ]);
    for (const [i, { domain }] of type1.domains.entries())
      if (containerTable(one, i) === ref) return tableView(ref, domain, one.ref);
  }
  for (const one of openSpaces(world)) {
    const { space } = one;
    if (spaceTable(one.ref) === ref && space.domain !== null) return tableView(ref, space.domain, one.ref);
    if (one.ref !== ref) continue;
    const parent = openSpaces(world).find((s) => s.space === space.parent);
    return view(ref, one.title, KINDS[space.kind], [
      { name: "nest", value: String(space.nest) },
      ...(parent === undefined ? [] : [to("parent", parent.ref)]),
      ...(space.table === null ? [] : [{ name: "table", value: hex(space.table.address) }]),
      ...space.attached.map(({ device, pasid }) => ({
        ...to(pasid === 0 ? "attached" : `attached, PASID ${pasid}`, devRef(world, device.vdev.pdev.dev.name)),
      })),
      ...dmas(world, space.dmas),
      ...(space.domain === null ? [] : [to("domain", spaceTable(ref))]),
    ]);
  }
  return null;
}

const KINDS = Object.freeze({ kernel: "built by map and unmap", user: "a guest's tables", dummy: "for accounting" });

function tableView(ref: string, domain: IommuDomain, owner: string): InspectorView {
  const table = pgtableOf(domain);
  return view(ref, "iommu_domain", domain.type, [
    { name: "table", value: table === null ? "none" : `S${table.cfg.stage} ${table.cfg.ias}-bit` },
    ...(table === null ? [] : [{ name: "pgd", value: hex(table.pgd) }]),
    to("owner", owner),
  ]);
}

function dmas(world: World, list: readonly { iova: bigint; size: bigint; vaddr: bigint }[]): Fields {
  return list.map((d) => ({
    name: `dma ${hex(d.iova)}`,
    value: `${sizeText(d.size)} of ${memoryName(world, d.vaddr)}`,
  }));
}

function to(name: string, ref: string): Fields[number] {
  return { name, value: ref.replace(":", " "), ref };
}

function view(ref: string, title: string, subtitle: string, fields: Fields): InspectorView {
  return { ref, title, subtitle, fields, grids: [], structs: [] };
}
