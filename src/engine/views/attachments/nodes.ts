/** The nodes of the attachments picture: one for each thing that exists, with the few facts that matter here. */
import { ArmSmmuNestedDomain } from "../../kernel/drivers/arm_smmu_v3/device.ts";
import type {
  IommufdGroup,
  IommufdHwptNested,
  IommufdHwptPaging,
  IommufdIoas,
  IommufdViommu,
} from "../../kernel/iommufd/objects.ts";
import { STE_CONFIG } from "../../../hw/smmuv3/ste.ts";
import { contexts, devRef, refOf } from "../../sim/refs.ts";
import { sizeText } from "../../sim/scenario/values.ts";
import type { World, WorldDevice } from "../../sim/world.ts";
import { count } from "../address/tracks.ts";
import { deviceOf, objectsOf, shortBdf, tableText } from "../context.ts";
import type { AttachNode } from "../types.ts";
import { sourceIdOf } from "../vtd.ts";
import { deviceHolder, elsewhereNodes, groupHolder } from "./elsewhere.ts";

type Line = AttachNode["lines"][number];

const hex = (v: bigint | number): string => `0x${v.toString(16)}`;
const plain = (text: string): Line => ({ text, tone: "plain" });
const bad = (text: string): Line => ({ text, tone: "bad" });

/** Everything that is drawn, in the order of the kinds from left to right. */
export function nodesOf(world: World): AttachNode[] {
  const nodes: AttachNode[] = [];
  for (const d of world.devices.values()) nodes.push(deviceNode(world, d));
  nodes.push(...groupNodes(world));
  for (const h of objectsOf(world, "HWPT_NESTED")) nodes.push(nestedNode(world, h));
  for (const v of objectsOf(world, "VIOMMU")) nodes.push(viommuNode(world, v));
  for (const v of objectsOf(world, "VDEVICE"))
    nodes.push({
      ref: refOf(world, v),
      kind: "vdevice",
      title: String(v.id),
      lines: [plain(`virtual SID ${hex(v.virt_id)}`), plain(`of ${devRef(world, v.dev.name).slice(4)}`)],
      users: v.users,
    });
  for (const q of objectsOf(world, "VEVENTQ"))
    nodes.push({
      ref: refOf(world, q),
      kind: "veventq",
      title: String(q.id),
      lines: [plain(count(q.num_events, "event")), plain(`depth ${q.depth}`)],
      users: q.users,
    });
  for (const f of objectsOf(world, "FAULT"))
    nodes.push({
      ref: refOf(world, f),
      kind: "fault",
      title: String(f.id),
      lines: [plain(count(f.deliver.length, "fault"))],
      users: f.users,
    });
  for (const q of objectsOf(world, "HW_QUEUE"))
    nodes.push({
      ref: refOf(world, q),
      kind: "hw_queue",
      title: String(q.id),
      lines: [plain(hex(q.base_addr)), plain(sizeText(q.length))],
      users: q.users,
    });
  for (const a of objectsOf(world, "ACCESS"))
    nodes.push({
      ref: refOf(world, a),
      kind: "access",
      title: String(a.id),
      lines: [plain(a.internal ? "of a queue" : a.ops?.needs_pin_pages === true ? "pins pages" : "copies")],
      users: a.users,
    });
  for (const h of objectsOf(world, "HWPT_PAGING")) nodes.push(pagingNode(world, h));
  for (const i of objectsOf(world, "IOAS")) nodes.push(ioasNode(world, i));
  nodes.push(...elsewhereNodes(world));
  for (const { fd, ctx } of contexts(world))
    nodes.push({
      ref: `fd:${fd}`,
      kind: "fd",
      title: `fd ${fd}`,
      lines: [plain("/dev/iommu"), plain(count(ctx.objects.size, "object"))],
    });
  return nodes;
}

function deviceNode(world: World, d: WorldDevice): AttachNode {
  const f = world.machine.pci.byBdf.get(d.bdf);
  const idev = objectsOf(world, "DEVICE").find((o) => o.dev.name === d.bdf);
  const lines = [
    plain(f?.desc.name ?? "device"),
    plain(shortBdf(d.bdf)),
    plain(sourceText(world, d.bdf, f?.desc.streamId ?? 0)),
  ];
  lines.push(plain(idev === undefined ? (deviceHolder(world, d.bdf) ?? "not bound") : `dev ${idev.id}`));
  return {
    ref: `dev:${d.name}`,
    kind: "device",
    title: d.name,
    lines,
    ...(idev === undefined ? {} : { users: idev.users }),
  };
}

/** The number under which its IOMMU knows a function. */
function sourceText(world: World, bdf: string, streamId: number): string {
  return world.machine.unitOf(bdf) === null ? `SID ${hex(streamId)}` : `source ${hex(sourceIdOf(world, bdf))}`;
}

function groupNodes(world: World): AttachNode[] {
  const nodes = new Map<number, AttachNode>();
  for (const d of world.devices.values()) {
    const group = deviceOf(world, d.bdf)?.iommu_group ?? null;
    if (group === null || nodes.has(group.id)) continue;
    const lines = [plain(count(group.devices.length, "device"))];
    const igroup = igroupOf(world, group.id);
    if (igroup === null) lines.push(plain(groupHolder(world, group) ?? "not bound"));
    else lines.push(plain("sw_msi_start"), windowLine(world, igroup));
    nodes.set(group.id, { ref: `group:${group.id}`, kind: "group", title: String(group.id), lines });
  }
  return [...nodes.values()];
}

/** Where messages are never translated nothing needs it. Unset is bad where the group translates and nothing else will tell the doorbell where to go. */
function windowLine(world: World, igroup: IommufdGroup): Line {
  if (igroup.sw_msi_start !== null) return plain(hex(igroup.sw_msi_start));
  const hwpt = igroup.pasid_attach.get(0)?.hwpt;
  if (hwpt === undefined || world.machine.interruptRange) return plain("unset");
  const paging = hwpt.kind === "HWPT_PAGING" ? hwpt : parentOf(hwpt);
  return world.kernel.features.sw_msi === "cookie" && hasMsiCookie(paging) ? plain("unset") : bad("unset");
}

/** Up to 6.14: MSIs of the domain go through a cookie. */
export function hasMsiCookie(h: IommufdHwptPaging): boolean {
  return h.domain?.cookie_type === "dma-msi";
}

/** The group as some open iommufd knows it. */
export function igroupOf(world: World, id: number): IommufdGroup | null {
  for (const { ctx } of contexts(world)) for (const g of ctx.groups.values()) if (g.group.id === id) return g;
  return null;
}

function nestedNode(world: World, h: IommufdHwptNested): AttachNode {
  const lines = [plain("nested")];
  const priv = h.domain?.priv;
  if (priv instanceof ArmSmmuNestedDomain) {
    const config = ((priv.ste[0] ?? 0) >>> 1) & 7;
    const valid = ((priv.ste[0] ?? 0) & 1) === 1;
    const name = (STE_CONFIG as Readonly<Record<number, string>>)[config] ?? `Config ${config}`;
    lines.push(
      plain(`vSTE ${valid ? name : "not valid"}`),
      plain(hex(word64(priv.ste, 0))),
      plain(hex(word64(priv.ste, 1))),
    );
  }
  return { ref: refOf(world, h), kind: "nested", title: String(h.id), lines, users: h.users };
}

function word64(words: ArrayLike<number>, i: number): bigint {
  return (BigInt(words[i * 2 + 1] ?? 0) << 32n) | BigInt(words[i * 2] ?? 0);
}

function pagingNode(world: World, h: IommufdHwptPaging): AttachNode {
  const lines = [plain(h.nest_parent ? "nest parent" : h.auto_domain ? "automatic" : "paging"), plain(tableText(h))];
  if (world.kernel.features.sw_msi === "cookie") {
    const wanted = attachedBelow(world, h);
    lines.push(plain("iova_cookie"), hasMsiCookie(h) ? plain("MSI") : wanted ? bad("NULL") : plain("NULL"));
  } else lines.push(plain("present_sw_msi"), plain(hex(h.present_sw_msi)));
  return { ref: refOf(world, h), kind: "paging", title: String(h.id), lines, users: h.users };
}

/** Whether some group translates through this page table, directly or through a nested one. */
function attachedBelow(world: World, h: IommufdHwptPaging): boolean {
  for (const { ctx } of contexts(world))
    for (const g of ctx.groups.values()) {
      const hwpt = g.pasid_attach.get(0)?.hwpt;
      if (hwpt === h || (hwpt?.kind === "HWPT_NESTED" && parentOf(hwpt) === h)) return true;
    }
  return false;
}

export function parentOf(h: IommufdHwptNested): IommufdHwptPaging {
  return h.viommu?.hwpt ?? h.parent;
}

function ioasNode(world: World, i: IommufdIoas): AttachNode {
  const lines = [plain(count(i.iopt.areas.size, "area")), plain(count(i.iopt.reserved.length, "reserve"))];
  return { ref: refOf(world, i), kind: "ioas", title: String(i.id), lines, users: i.users };
}

function viommuNode(world: World, v: IommufdViommu): AttachNode {
  const lines = [plain("SMMUv3"), plain(count(v.vdevs.size, "vDEVICE"))];
  return { ref: refOf(world, v), kind: "viommu", title: String(v.id), lines, users: v.users };
}
