/** Nodes and edges of what is not iommufd: VFIO's own containers, and the interfaces of 2021. */
import type { ForeignSpace } from "../../kernel/foreign_api.ts";
import { VfioContainer } from "../../kernel/vfio/group_state.ts";
import type { IommuDomain, IommuGroup } from "../../kernel/iommu/types.ts";
import { containerTable } from "../../sim/containers.ts";
import { foreignDevice, foreignFiles, openSpaces, spaceTable } from "../../sim/spaces.ts";
import type { World } from "../../sim/world.ts";
import { count } from "../address/tracks.ts";
import { deviceOf, pgtableOf } from "../context.ts";
import type { AttachEdge, AttachNode } from "../types.ts";

type Line = AttachNode["lines"][number];

const plain = (text: string): Line => ({ text, tone: "plain" });
const edge = (from: string, to: string, kind: AttachEdge["kind"], label = ""): AttachEdge => ({
  from,
  to,
  kind,
  label,
});

function open(world: World): { fd: number; own: VfioContainer }[] {
  return [...world.vmm.fds]
    .sort(([a], [b]) => a - b)
    .flatMap(([fd, { private_data: own }]) => (own instanceof VfioContainer ? [{ fd, own }] : []));
}

/** What holds the group in place of iommufd, in words; null: nobody. */
export function groupHolder(world: World, group: IommuGroup): string | null {
  const container = open(world).find(({ own }) => own.groups.some((g) => g.iommu_group === group));
  if (container !== undefined) return `container ${container.fd}`;
  const held = group.devices.some((d) => foreignDevice(world, d.name) !== null);
  return held ? "bound" : null;
}

/** The same of one device. */
export function deviceHolder(world: World, bdf: string): string | null {
  const held = foreignDevice(world, bdf);
  if (held !== null) return "bound";
  const group = deviceOf(world, bdf)?.iommu_group ?? null;
  if (group === null) return null;
  const own = open(world).find((c) => c.own.groups.some((g) => g.iommu_group === group))?.own;
  const used = own?.groups.find((g) => g.iommu_group === group)?.container_users ?? 0;
  return used > 0 ? "open" : null;
}

function domainNode(ref: string, domain: IommuDomain | null): AttachNode | null {
  const table = pgtableOf(domain);
  if (domain === null) return null;
  const lines = table === null ? [plain(domain.type)] : [plain(`S${table.cfg.stage} ${table.cfg.ias}-bit`)];
  return { ref, kind: "domain", title: "domain", lines };
}

/** In the order of the kinds from left to right, as the other nodes. */
export function elsewhereNodes(world: World): AttachNode[] {
  const nodes: AttachNode[] = [];
  const add = (node: AttachNode | null): void => {
    if (node !== null) nodes.push(node);
  };
  for (const { fd, own } of open(world)) {
    const { type1 } = own;
    const one = { ref: `container:${fd}` };
    type1?.domains.forEach(({ domain }, i) => add(domainNode(containerTable(one, i), domain)));
    const lines = [plain(type1 === null ? "no IOMMU set" : type1.v2 ? "type1v2" : "type1")];
    if (type1 !== null) lines.push(plain(count(type1.dmas.length, "map")));
    lines.push(plain(count(own.groups.length, "group")));
    add({ ref: one.ref, kind: "container", title: String(fd), lines });
  }
  for (const { ref, space } of openSpaces(world)) {
    if (space.kind === "kernel") add(domainNode(spaceTable(ref), space.domain));
    add(spaceNode(ref, space));
  }
  for (const { fd, file } of foreignFiles(world)) {
    const lines = [plain(file.file.path), plain(count(file.spaces.size, "space"))];
    if (file.queue.length + file.waiting.length > 0)
      lines.push(plain(count(file.queue.length + file.waiting.length, "fault")));
    add({ ref: `fd:${fd}`, kind: "fd", title: `fd ${fd}`, lines });
  }
  return nodes;
}

function spaceNode(ref: string, space: ForeignSpace): AttachNode {
  const title = String(space.id);
  if (space.kind === "user") {
    const lines = [plain("guest tables")];
    if (space.table !== null) lines.push(plain(`0x${space.table.address.toString(16)}`));
    return { ref, kind: "nested", title, lines };
  }
  const lines = space.kind === "dummy" ? [plain("accounting only")] : [plain(count(space.dmas.length, "map"))];
  if (space.nest) lines.push(plain("nest parent"));
  return { ref, kind: "space", title, lines };
}

export function elsewhereEdges(world: World): AttachEdge[] {
  const edges: AttachEdge[] = [];
  for (const { fd, own } of open(world)) {
    const ref = `container:${fd}`;
    const { type1 } = own;
    if (type1 === null) {
      for (const g of own.groups) edges.push(edge(`group:${g.iommu_group.id}`, ref, "part-of"));
      continue;
    }
    type1.domains.forEach(({ groups }, i) => {
      const table = containerTable({ ref }, i);
      for (const g of groups) edges.push(edge(`group:${g.iommu_group.id}`, table, "attached"));
      edges.push(edge(table, ref, "linked"));
    });
  }
  const spaces = openSpaces(world);
  for (const { ref, fd, space } of spaces) {
    const below = space.parent === null ? undefined : spaces.find((s) => s.space === space.parent);
    const table = spaceTable(ref);
    const through = space.kind === "kernel" && space.domain !== null ? table : ref;
    const told = new Set<string>();
    for (const { device, pasid } of space.attached) {
      const group = device.vdev.pdev.dev.iommu_group;
      if (group === null) continue;
      const label = pasid === 0 ? "" : `PASID ${pasid}`;
      if (told.has(`${group.id} ${label}`)) continue;
      told.add(`${group.id} ${label}`);
      edges.push(edge(`group:${group.id}`, through, "attached", label));
    }
    if (through === table) edges.push(edge(table, ref, "linked"));
    if (below !== undefined)
      edges.push(edge(ref, below.space.domain === null ? below.ref : spaceTable(below.ref), "parent"));
    if (space.kind !== "user") edges.push(edge(ref, `fd:${fd}`, "part-of"));
  }
  return edges;
}
