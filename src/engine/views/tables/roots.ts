/** Where the tables of a world are entered, and how a root's name leads to its first table. */
import { hex } from "../../../hw/base/bits.ts";
import { containers, containerTable } from "../../sim/containers.ts";
import { openSpaces, spaceTable } from "../../sim/spaces.ts";
import { refOf } from "../../sim/refs.ts";
import type { World } from "../../sim/world.ts";
import { guestShape, guestToPhys } from "../address/tables.ts";
import { deviceOf, objectsOf, shapeOfDomain, tableText } from "../context.ts";
import type { TableShape } from "../leaves.ts";
import type { Ref } from "../types.ts";
import { configSource, tlbSource } from "./caches.ts";
import { collectionTable, deviceTable, msixSource } from "./interrupts.ts";
import { levelSource, PHYSICAL } from "./levels.ts";
import { type QueueName, queueOf, queueSource } from "./queues.ts";
import type { Reading, Source } from "./source.ts";
import { streamTable } from "./streams.ts";
import { sourceIdOf, vtdOf, vtdUnits } from "../vtd.ts";
import type { TableRoot } from "./types.ts";
import { invalidationQueue, irteTable, vtdRoot } from "./vtd.ts";

export function tableRoots(world: World): TableRoot[] {
  const roots: TableRoot[] = [];
  const { machine } = world;
  const smmus = machine.smmus;
  const streams = [...world.devices.values()].filter((d) => machine.smmuOf(d.bdf) !== null);
  for (const d of streams)
    roots.push({
      ref: `dev:${d.name}`,
      title: `${d.name}, stream ${hex(streamOf(world, d.bdf))}`,
      group: "streams",
    });
  for (const d of world.devices.values())
    if (vtdOf(world, d.bdf) !== null)
      roots.push({
        ref: `dev:${d.name}`,
        title: `${d.name}, source ${hex(sourceIdOf(world, d.bdf))}`,
        group: "streams",
      });
  for (const { ref, title } of pagings(world)) roots.push({ ref, title, group: "page tables" });
  for (const name of world.guestTables.keys())
    roots.push({ ref: `s1:${name}`, title: `guest stage 1 ${name}`, group: "guest" });
  for (const smmu of smmus) {
    const of = smmus.length > 1 ? ` ${smmu.name}` : "";
    const root = (part: string, title: string): void => {
      roots.push({ ref: `smmu:${smmu.name}:${part}`, title: `${title}${of}`, group: "queues and caches" });
    };
    root("cmdq", "CMDQ");
    root("evtq", "EVTQ");
    if (queueOf(smmu, "priq").base !== 0) root("priq", "PRIQ");
    root("tlb", "TLB");
    root("configs", "Configurations cached");
  }
  for (const { name } of vtdUnits(world)) {
    roots.push({ ref: `vtd:${name}:iq`, title: `Invalidation queue of ${name}`, group: "queues and caches" });
    roots.push({ ref: `vtd:${name}:irt`, title: `Interrupt remapping of ${name}`, group: "interrupts" });
  }
  for (const d of world.devices.values())
    if ((machine.pci.byBdf.get(d.bdf)?.msix ?? null) !== null)
      roots.push({ ref: `msix:${d.name}`, title: `MSI-X of ${d.name}`, group: "interrupts" });
  if (machine.its !== null) {
    roots.push({ ref: "its:devices", title: "ITS devices", group: "interrupts" });
    roots.push({ ref: "its:collections", title: "ITS collections", group: "interrupts" });
  }
  return roots;
}

/** The first table of a root; null when nothing of this name is there now. */
export function rootSource(r: Reading, ref: Ref, pasid: number): Source | null {
  const { world, before } = r;
  const [kind = "", name = "", part = ""] = ref.split(":");
  if (kind === "dev") {
    const d = world.devices.get(name);
    const unit = d === undefined ? null : vtdOf(world, d.bdf);
    if (d !== undefined && unit !== null)
      return vtdRoot(r, { unit, sid: sourceIdOf(world, d.bdf), pasid, owner: [ref] });
    const smmu = d === undefined ? null : world.machine.smmuOf(d.bdf);
    return d === undefined || smmu === null
      ? null
      : streamTable(r, { smmu, sid: streamOf(world, d.bdf), pasid, owner: [ref] });
  }
  if (kind === "s1") {
    const table = world.guestTables.get(name);
    const find = (ipa: number): number | null => guestToPhys(world, ipa);
    return table === undefined ? null : levelSource(r, guestShape(table.root), { find, guest: true }, [ref]);
  }
  if (kind === "vtd") {
    const unit = vtdUnits(world).find((u) => u.name === name);
    if (unit === undefined) return null;
    const old = before === null ? null : (vtdUnits(before).find((u) => u.name === name) ?? null);
    return part === "irt" ? irteTable(r, unit) : invalidationQueue(r, unit, old);
  }
  if (kind === "smmu") {
    const i = world.machine.smmus.findIndex((s) => s.name === name);
    const smmu = world.machine.smmus[i];
    const old = before?.machine.smmus[i] ?? null;
    if (smmu === undefined) return null;
    if (part === "tlb") return tlbSource(smmu, old);
    if (part === "configs") return configSource(smmu, old);
    return isQueue(part) ? queueSource(r, smmu, part, old) : null;
  }
  if (kind === "msix") {
    const bdf = world.devices.get(name)?.bdf ?? "";
    const table = world.machine.pci.byBdf.get(bdf)?.msix ?? null;
    return table === null ? null : msixSource(name, table, before?.machine.pci.byBdf.get(bdf)?.msix ?? null);
  }
  const { its } = world.machine;
  if (kind === "its") return its === null ? null : name === "devices" ? deviceTable(r, its) : collectionTable(r, its);
  const paging = pagings(world).find((p) => p.ref === ref);
  return paging === undefined ? null : levelSource(r, paging.table, PHYSICAL, [...new Set([ref, paging.owner])]);
}

function isQueue(part: string): part is QueueName {
  return part === "cmdq" || part === "evtq" || part === "priq";
}

export function streamOf(world: World, bdf: string): number {
  return world.machine.pci.byBdf.get(bdf)?.desc.streamId ?? 0;
}

interface Paging {
  ref: Ref;
  owner: Ref;
  title: string;
  table: TableShape;
}

/** Page tables that the kernel keeps for iommufd, for VFIO's containers and for its own DMA. */
export function pagings(world: World): Paging[] {
  const out: Paging[] = [];
  for (const hwpt of objectsOf(world, "HWPT_PAGING")) {
    const table = shapeOfDomain(hwpt.domain);
    const ref = refOf(world, hwpt);
    if (table !== null) out.push({ ref, owner: ref, title: `${ref.replace(":", " ")}, ${tableText(hwpt)}`, table });
  }
  for (const one of containers(world))
    one.type1.domains.forEach(({ domain }, i) => {
      const table = shapeOfDomain(domain);
      if (table !== null) out.push({ ref: containerTable(one, i), owner: one.ref, title: one.title, table });
    });
  for (const { ref, title, space } of openSpaces(world)) {
    const table = shapeOfDomain(space.domain);
    if (table !== null) out.push({ ref: spaceTable(ref), owner: ref, title, table });
  }
  for (const d of world.devices.values()) {
    const group = deviceOf(world, d.bdf)?.iommu_group ?? null;
    const table = group === null ? null : shapeOfDomain(group.default_domain);
    const ref = `group:${group?.id ?? ""}:default`;
    if (table !== null && !out.some((p) => p.table.root === table.root))
      out.push({ ref, owner: `group:${group?.id ?? ""}`, title: `default domain of group ${group?.id ?? ""}`, table });
  }
  return out;
}
