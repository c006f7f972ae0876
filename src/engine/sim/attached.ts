/** Which tables a device's requests go through now, as the kernel has attached them. */
import { ArmSmmuNestedDomain } from "../kernel/drivers/arm_smmu_v3/device.ts";
import type { IommufdHwpt, IommufdHwptPaging } from "../kernel/iommufd/objects.ts";
import { contexts, refOf } from "./refs.ts";
import type { GuestTable } from "./guest.ts";
import type { World, WorldDevice } from "./world.ts";

export interface Attached {
  hwpt: IommufdHwpt;
  paging: IommufdHwptPaging;
  /** Tracks of the address space; null where there is none. */
  s1Track: string | null;
  tableTrack: string | null;
  guest: GuestTable | null;
}

/** Context descriptors of a guest's linear table. */
const CD_BYTES = 64n;

/** Null while the device is not attached. `pasid`: of its requests with that PASID, 0 = of those without. */
export function attachedTables(world: World, device: WorldDevice, pasid = 0): Attached | null {
  for (const { ctx } of contexts(world))
    for (const igroup of ctx.groups.values()) {
      const own = igroup.pasid_attach.get(pasid);
      const attach = own ?? igroup.pasid_attach.get(0);
      if (attach === undefined || ![...attach.devices.values()].some((d) => d.dev.name === device.bdf)) continue;
      const { hwpt } = attach;
      const paging = hwpt.kind === "HWPT_PAGING" ? hwpt : (hwpt.viommu?.hwpt ?? hwpt.parent);
      const config = hwpt.kind === "HWPT_NESTED" ? vsteConfig(hwpt.domain?.priv) : null;
      if (own === undefined && config?.kind !== "s1") return null;
      const slot = own === undefined ? BigInt(pasid) * CD_BYTES : 0n;
      const guest = config?.kind === "s1" ? guestTableAt(world, config.pointer + slot) : null;
      const dead = config?.kind === "abort";
      return {
        hwpt,
        paging,
        s1Track: guest === null ? null : `s1:${guest.name}`,
        tableTrack: dead ? null : `${refOf(world, paging)}:table`,
        guest,
      };
    }
  return null;
}

function vsteConfig(priv: object | undefined): { kind: "s1" | "bypass" | "abort"; pointer: bigint } {
  if (!(priv instanceof ArmSmmuNestedDomain)) return { kind: "abort", pointer: 0n };
  const w0 = priv.ste[0] ?? 0;
  const config = (w0 >>> 1) & 7;
  const pointer = (BigInt((priv.ste[1] ?? 0) & 0xfffff) << 32n) | BigInt((w0 & ~63) >>> 0);
  if ((w0 & 1) === 0 || (config & 4) === 0) return { kind: "abort", pointer };
  return { kind: config === 4 ? "bypass" : "s1", pointer };
}

/** The one written there last. */
function guestTableAt(world: World, cd: bigint): GuestTable | null {
  return [...world.guestTables.values()].findLast((t) => t.cd === cd) ?? null;
}
