/** Kernel objects: the fields that the kernel keeps, with references to the objects that they name. */
import { messageOf } from "../../../hw/pci/msi.ts";
import type { IommufdObject } from "../../kernel/iommufd/objects.ts";
import { IOMMU_READ, IOMMU_WRITE } from "../../kernel/iommu/types.ts";
import { deviceNames, contextOf, objectOf, refOf } from "../../sim/refs.ts";
import { sizeText } from "../../sim/scenario/values.ts";
import type { World } from "../../sim/world.ts";
import { igroupOf } from "../attachments/nodes.ts";
import { deviceOf, memoryName, objectsOf, pgtableOf, tableText } from "../context.ts";
import type { InspectorView } from "../types.ts";
import { inspectElsewhere } from "./elsewhere.ts";

type Fields = InspectorView["fields"];

const hex = (v: bigint | number): string => `0x${v.toString(16)}`;

function view(ref: string, title: string, subtitle: string, fields: Fields): InspectorView {
  return { ref, title, subtitle, fields, grids: [], structs: [] };
}

/** Null when nothing of this name exists now. */
export function inspectObject(world: World, ref: string): InspectorView | null {
  if (ref.startsWith("dev:")) return inspectDevice(world, ref.slice(4));
  if (ref.startsWith("group:")) return inspectGroup(world, Number(ref.slice(6)));
  if (ref.startsWith("area:")) return inspectArea(world, ref);
  if (ref.startsWith("s1:")) return inspectGuestTable(world, ref.slice(3));
  if (ref.startsWith("fd:")) return inspectFile(world, Number(ref.slice(3)));
  if (/^(container|space):/.test(ref)) return inspectElsewhere(world, ref);
  const object = objectOf(world, ref);
  return object === null
    ? null
    : view(ref, ref.replace(":", " "), kindText(object), [
        { name: "users", value: String(object.users) },
        ...fieldsOf(world, object),
      ]);
}

function kindText(o: IommufdObject): string {
  return `IOMMUFD_OBJ_${o.kind}`;
}

function fieldsOf(world: World, o: IommufdObject): Fields {
  const to = (name: string, object: IommufdObject | null): Fields =>
    object === null ? [] : [{ name, value: refOf(world, object).replace(":", " "), ref: refOf(world, object) }];
  switch (o.kind) {
    case "IOAS":
      return [
        { name: "iova_alignment", value: hex(o.iopt.iova_alignment) },
        { name: "areas", value: String(o.iopt.areas.size) },
        ...o.iopt.reserved.map((r) => ({
          name: "reserved",
          value: `${hex(r.start)}-${hex(r.last)} ${deviceNames(world, r.label)}`,
        })),
        ...o.hwpt_list.flatMap((h) => to("hwpt_list", h)),
      ];
    case "HWPT_PAGING": {
      const table = pgtableOf(o.domain);
      return [
        { name: "table", value: tableText(o) },
        ...(table === null ? [] : [{ name: "pgd", value: hex(table.pgd) }]),
        { name: "nest_parent", value: String(o.nest_parent) },
        { name: "auto_domain", value: String(o.auto_domain) },
        ...(world.kernel.features.sw_msi === "cookie"
          ? [{ name: "msi_cookie", value: String(o.msi_cookie) }]
          : [{ name: "present_sw_msi", value: hex(o.present_sw_msi) }]),
        ...to("ioas", o.ioas),
        ...to("fault", o.fault),
      ];
    }
    case "HWPT_NESTED":
      return [...to("viommu", o.viommu), ...to("parent", o.viommu?.hwpt ?? o.parent), ...to("fault", o.fault)];
    case "VIOMMU":
      return [
        ...to("hwpt", o.hwpt),
        { name: "type", value: String(o.type) },
        { name: "vdevs", value: String(o.vdevs.size) },
      ];
    case "VDEVICE":
      return [{ name: "virt_id", value: hex(o.virt_id) }, ...to("viommu", o.viommu), ...to("idev", o.idev)];
    case "VEVENTQ":
      return [
        ...to("viommu", o.viommu),
        { name: "num_events", value: String(o.num_events) },
        { name: "depth", value: String(o.depth) },
      ];
    case "FAULT":
      return [
        { name: "deliver", value: String(o.deliver.length) },
        { name: "response", value: String(o.response.size) },
      ];
    case "HW_QUEUE":
      return [
        ...to("viommu", o.viommu),
        { name: "base_addr", value: hex(o.base_addr) },
        { name: "length", value: sizeText(o.length) },
        ...to("access", o.access),
      ];
    case "ACCESS":
      return [
        ...to("ioas", o.ioas),
        { name: "iova_alignment", value: hex(o.iova_alignment) },
        { name: "internal", value: String(o.internal) },
      ];
    default:
      return [];
  }
}

function inspectDevice(world: World, name: string): InspectorView | null {
  const d = world.devices.get(name);
  const f = d === undefined ? undefined : world.machine.pci.byBdf.get(d.bdf);
  if (d === undefined || f === undefined) return null;
  const group = deviceOf(world, d.bdf)?.iommu_group ?? null;
  const sid = hex(f.desc.streamId);
  const idev = objectsOf(world, "DEVICE").find((o) => o.dev.name === d.bdf);
  const message = messageOf(f.config, f.msix, 0);
  const fields: Fields = [
    { name: "function", value: d.bdf },
    { name: "StreamID", value: sid, ref: `ste:${sid}` },
    {
      name: "group",
      value: group === null ? "none" : String(group.id),
      ...(group === null ? {} : { ref: `group:${group.id}` }),
    },
    { name: "iommufd", value: idev === undefined ? "not bound" : `dev ${idev.id}, users ${idev.users}` },
    { name: "bus master", value: String(f.busMaster) },
  ];
  if (typeof message === "string") fields.push({ name: "MSI", value: message });
  else {
    fields.push({ name: "MSI address", value: hex((BigInt(message.hi) << 32n) | BigInt(message.lo)) });
    fields.push({ name: "MSI data", value: hex(message.data) });
  }
  for (const r of group === null
    ? []
    : world.kernel.ops.iommu_get_resv_regions(world.kernel, deviceOf(world, d.bdf) ?? never()))
    fields.push({ name: `${r.type} region`, value: `${hex(r.start)}-${hex(r.start + r.length - 1n)}` });
  return view(`dev:${name}`, name, f.desc.name, fields);
}

function never(): never {
  throw new Error("a device in a group exists");
}

function inspectGroup(world: World, id: number): InspectorView | null {
  const group = world.kernel.iommu.groups.get(id);
  if (group === undefined) return null;
  const igroup = igroupOf(world, id);
  const attach = igroup?.pasid_attach.get(0);
  return view(`group:${id}`, `group ${id}`, "iommu_group", [
    ...group.devices.map((d) => ({ name: "device", value: deviceNames(world, d.name) })),
    { name: "domain", value: group.domain?.type ?? "none" },
    {
      name: "sw_msi_start",
      value: igroup?.sw_msi_start === null || igroup === null ? "unset" : hex(igroup.sw_msi_start),
    },
    { name: "required_sw_msi", value: hex(igroup?.required_sw_msi ?? 0n) },
    ...(attach === undefined ? [] : [{ name: "hwpt", value: String(attach.hwpt.id), ref: refOf(world, attach.hwpt) }]),
  ]);
}

function inspectArea(world: World, ref: string): InspectorView | null {
  const m = /^area:(.+):(0x[0-9a-f]+)$/.exec(ref);
  const ioas = m === null ? null : objectOf(world, `ioas:${m[1] ?? ""}`);
  const area = m === null || ioas?.kind !== "IOAS" ? undefined : ioas.iopt.areas.at(BigInt(m[2] ?? "0"));
  if (area === undefined || ioas === null) return null;
  const source = area.pages?.source;
  const fields: Fields = [
    { name: "iova", value: `${hex(area.start)}-${hex(area.last)}` },
    { name: "length", value: sizeText(area.length) },
    { name: "access", value: (area.iommu_prot & IOMMU_READ ? "R" : "") + (area.iommu_prot & IOMMU_WRITE ? "W" : "") },
    { name: "ioas", value: String(ioas.id), ref: refOf(world, ioas) },
  ];
  if (source?.kind === "user") fields.push({ name: "memory", value: memoryName(world, source.uptr + area.start_byte) });
  fields.push({ name: "npinned", value: String(area.pages?.npinned ?? 0) });
  return view(ref, `area ${hex(area.start)}`, "iopt_area", fields);
}

function inspectGuestTable(world: World, name: string): InspectorView | null {
  const t = world.guestTables.get(name);
  if (t === undefined) return null;
  return view(`s1:${name}`, `guest stage 1 ${name}`, "in guest memory", [
    { name: "CD", value: hex(t.cd) },
    { name: "root", value: hex(t.root) },
    { name: "tables", value: `${hex(t.root)}-${hex(t.next - 1n)}` },
    { name: "ASID", value: String(t.asid) },
  ]);
}

function inspectFile(world: World, fd: number): InspectorView | null {
  const ctx = contextOf(world, fd);
  if (ctx === null) return null;
  return view(`fd:${fd}`, `fd ${fd}`, "/dev/iommu", [
    ...[...ctx.objects.values()].map((o) => ({
      name: `id ${o.id}`,
      value: refOf(world, o).replace(":", " "),
      ref: refOf(world, o),
    })),
    ...ctx.sw_msi_list.map((m) => ({
      name: `sw_msi ${m.id}`,
      value: `${hex(m.sw_msi_start + m.pgoff * 4096n)} -> ${hex(m.msi_addr)}`,
    })),
  ]);
}
