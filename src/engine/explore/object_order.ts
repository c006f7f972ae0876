/**
 * An order of the objects of an iommufd that does not depend on their ids: by what they are and hold. Worlds that differ
 * only in which of two like objects came first are then the same. Objects that look alike at this depth keep the order of
 * the search's labels: the key stays exact, at worst two symmetric states count as two.
 */
import type { IommufdCtx, IommufdHwptPaging, IommufdIoas, IommufdObject } from "../kernel/iommufd/objects.ts";
import type { World } from "../sim/world.ts";

export function inOrder(world: World, ctx: IommufdCtx): IommufdObject[] {
  const labels = new Map<number, string>();
  for (const [label, { id }] of world.names) if (id !== 0) labels.set(id, label);
  const attached = new Map<IommufdObject, string>();
  for (const igroup of ctx.groups.values())
    for (const [pasid, { hwpt, devices }] of igroup.pasid_attach)
      attached.set(
        hwpt,
        `${attached.get(hwpt) ?? ""}${pasid}:${[...devices.values()].map((d) => d.dev.name).join("+")}`,
      );
  return [...ctx.objects.values()]
    .map((object) => ({ object, look: look(object, attached), label: labels.get(object.id) ?? "" }))
    .sort((a, b) => compare(a.look, b.look) || compare(a.label, b.label) || a.object.id - b.object.id)
    .map(({ object }) => object);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function look(object: IommufdObject, attached: ReadonlyMap<IommufdObject, string>): string {
  const who = attached.get(object) ?? "";
  switch (object.kind) {
    case "DEVICE":
      return `DEVICE ${object.dev.name}`;
    case "IOAS":
      return `IOAS ${ioasLook(object)} ${object.hwpt_list.map((h) => `${hwptLook(h)}${attached.get(h) ?? ""}`).join()}`;
    case "HWPT_PAGING":
      return `HWPT_PAGING ${hwptLook(object)} ${who} ${ioasLook(object.ioas)}`;
    case "HWPT_NESTED":
      return `HWPT_NESTED ${who} ${hwptLook(object.parent)}`;
    case "VDEVICE":
      return `VDEVICE ${object.dev.name}`;
    default:
      return object.kind;
  }
}

function hwptLook(hwpt: IommufdHwptPaging): string {
  const { nest_parent, auto_domain, pasid_compat, present_sw_msi } = hwpt;
  return `${String(nest_parent)}${String(auto_domain)}${String(pasid_compat)}${present_sw_msi}`;
}

function ioasLook({ iopt }: IommufdIoas): string {
  const areas = [...iopt.areas].map((a) => `${a.start}-${a.last}`).join();
  const reserved = iopt.reserved.map((r) => `${r.start}-${r.last}`).join();
  return `${areas}|${reserved}|${iopt.allowed.size}`;
}
