/** Device -> group -> page tables -> IOAS -> fd, as the kernel holds them, with what it did not do. */
import { refOf } from "../../sim/refs.ts";
import type { World } from "../../sim/world.ts";
import { type ViewContext, deviceOf, objectsOf } from "../context.ts";
import type { AttachEdge, AttachmentsView, AttachNode } from "../types.ts";
import { elsewhereEdges } from "./elsewhere.ts";
import { hasMsiCookie, igroupOf, nodesOf, parentOf } from "./nodes.ts";

export function attachments(ctx: ViewContext): AttachmentsView {
  const nodes = nodesOf(ctx.world);
  const edges = edgesOf(ctx.world);
  if (ctx.before === null) return { nodes, edges };
  return { nodes: markNodes(nodes, nodesOf(ctx.before)), edges: markEdges(edges, edgesOf(ctx.before)) };
}

function edgesOf(world: World): AttachEdge[] {
  const edges: AttachEdge[] = [];
  const groups = new Set<number>();
  for (const d of world.devices.values()) {
    const group = deviceOf(world, d.bdf)?.iommu_group ?? null;
    if (group === null) continue;
    edges.push({ from: `dev:${d.name}`, to: `group:${group.id}`, kind: "member", label: "" });
    groups.add(group.id);
  }
  for (const id of groups) edges.push(...groupEdges(world, id), ...pasidEdges(world, id));
  for (const h of objectsOf(world, "HWPT_NESTED")) {
    const from = refOf(world, h);
    edges.push({ from, to: refOf(world, parentOf(h)), kind: "parent", label: "" });
    if (h.viommu !== null) edges.push({ from, to: refOf(world, h.viommu), kind: "part-of", label: "" });
  }
  for (const v of objectsOf(world, "VIOMMU"))
    edges.push({ from: refOf(world, v), to: refOf(world, v.hwpt), kind: "part-of", label: "" });
  for (const v of objectsOf(world, "VDEVICE")) {
    edges.push({ from: refOf(world, v), to: refOf(world, v.viommu), kind: "part-of", label: "" });
    edges.push({ from: refOf(world, v), to: refOf(world, v.idev), kind: "part-of", label: "" });
  }
  for (const q of objectsOf(world, "VEVENTQ"))
    edges.push({ from: refOf(world, q), to: refOf(world, q.viommu), kind: "part-of", label: "" });
  for (const h of [...objectsOf(world, "HWPT_PAGING"), ...objectsOf(world, "HWPT_NESTED")]) {
    if (h.kind === "HWPT_PAGING")
      edges.push({ from: refOf(world, h), to: refOf(world, h.ioas), kind: "linked", label: "" });
    if (h.fault !== null) edges.push({ from: refOf(world, h), to: refOf(world, h.fault), kind: "part-of", label: "" });
  }
  for (const q of objectsOf(world, "HW_QUEUE")) {
    edges.push({ from: refOf(world, q), to: refOf(world, q.viommu), kind: "part-of", label: "" });
    if (q.access !== null)
      edges.push({ from: refOf(world, q), to: refOf(world, q.access), kind: "part-of", label: "" });
  }
  for (const a of objectsOf(world, "ACCESS"))
    if (a.ioas !== null) edges.push({ from: refOf(world, a), to: refOf(world, a.ioas), kind: "linked", label: "" });
  edges.push(...elsewhereEdges(world));
  for (const i of objectsOf(world, "IOAS"))
    edges.push({ from: refOf(world, i), to: `fd:${fdOf(world, i.ictx)}`, kind: "part-of", label: "" });
  return edges;
}

function fdOf(world: World, ictx: object): number {
  for (const [fd, file] of world.vmm.fds) if (file.private_data === ictx) return fd;
  return world.iommufd;
}

/** What the group is attached to, and which of the two duties of an attach were left undone. */
function groupEdges(world: World, id: number): AttachEdge[] {
  const igroup = igroupOf(world, id);
  const attach = igroup?.pasid_attach.get(0);
  if (igroup === null || attach === undefined) return [];
  const { hwpt } = attach;
  const edges: AttachEdge[] = [{ from: `group:${id}`, to: refOf(world, hwpt), kind: "attached", label: "" }];
  const paging = hwpt.kind === "HWPT_PAGING" ? hwpt : parentOf(hwpt);
  for (const idev of attach.devices.values())
    for (const region of world.kernel.ops.iommu_get_resv_regions(world.kernel, idev.dev)) {
      if (region.type !== "sw-msi") continue;
      const last = region.start + region.length - 1n;
      const kept = paging.ioas.iopt.reserved.some((r) => r.start <= region.start && r.last >= last);
      const name = refOf(world, idev).slice("dev:".length);
      if (!kept)
        edges.push({
          from: `group:${id}`,
          to: refOf(world, paging.ioas),
          kind: "undone",
          label: `reserve SW_MSI, owner ${name}`,
        });
      if (world.kernel.features.sw_msi === "cookie" ? !hasMsiCookie(paging) : igroup.sw_msi_start === null)
        edges.push({ from: `group:${id}`, to: refOf(world, paging), kind: "undone", label: "MSI cookie" });
    }
  return edges;
}

/** What the group's requests with a PASID go through. */
function pasidEdges(world: World, id: number): AttachEdge[] {
  return [...(igroupOf(world, id)?.pasid_attach ?? [])]
    .filter(([pasid]) => pasid !== 0)
    .map(([pasid, { hwpt }]) => ({
      from: `group:${id}`,
      to: refOf(world, hwpt),
      kind: "attached",
      label: `PASID ${pasid}`,
    }));
}

function markNodes(now: AttachNode[], before: AttachNode[]): AttachNode[] {
  const old = new Map(before.map((n) => [n.ref, n]));
  const marked = now.map((n): AttachNode => {
    const was = old.get(n.ref);
    old.delete(n.ref);
    if (was === undefined) return { ...n, change: "added" };
    const said = new Set(was.lines.map((l) => l.text));
    const lines = n.lines.map((l) => (said.has(l.text) || l.tone === "bad" ? l : { ...l, tone: "new" as const }));
    const same = lines.every((l) => l.tone !== "new") && was.users === n.users && was.lines.length === n.lines.length;
    return same ? n : { ...n, lines, change: "changed" };
  });
  for (const gone of old.values()) marked.push({ ...gone, change: "removed" });
  return marked;
}

const key = (e: AttachEdge): string => `${e.from} ${e.to} ${e.kind} ${e.label}`;

function markEdges(now: AttachEdge[], before: AttachEdge[]): AttachEdge[] {
  const old = new Map(before.map((e) => [key(e), e]));
  const marked = now.map((e): AttachEdge => (old.delete(key(e)) ? e : { ...e, change: "added" }));
  for (const gone of old.values()) marked.push({ ...gone, change: "removed" });
  return marked;
}
