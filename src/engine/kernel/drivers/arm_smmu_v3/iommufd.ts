/**
 * What the driver gives to iommufd: hardware info, vIOMMUs, nested domains, and the invalidations of a guest.
 * Source: linux 7.2 arm-smmu-v3-iommufd.c.
 */
import { errno } from "../../../uapi/errno.ts";
import { HW_INFO_ARM_SMMUV3, HWPT_ARM_SMMUV3, VIOMMU_ARM_SMMUV3_INVALIDATE } from "../../../uapi/records.ts";
import { encode } from "../../../uapi/codec.ts";
import type {
  Device,
  IommuDomain,
  IommuDomainOps,
  UserData,
  UserDataArray,
  VdeviceCore,
  ViommuCore,
  ViommuOps,
} from "../../iommu/types.ts";
import { iommu_copy_struct_from_full_user_array, iommu_copy_struct_from_user } from "../../iommu/user_data.ts";
import type { Kernel } from "../../kernel.ts";
import { type Cmd, OP } from "./cmd.ts";
import { arm_smmu_cmdq_issue_cmdlist, CMDQ_BATCH_ENTRIES } from "./cmdq.ts";
import { ArmSmmuDomain, type ArmSmmuMaster, ArmSmmuNestedDomain, ArmVsmmu, dev_master } from "./device.ts";
import { CFG, ste_config, vste_allowed, vste_eats, vste_without_eats } from "./ste.ts";

const IOMMU_HW_INFO_TYPE_ARM_SMMUV3 = 2;
export const IOMMU_VIOMMU_TYPE_ARM_SMMUV3 = 1;
const IOMMU_HWPT_DATA_ARM_SMMUV3 = 2;
const IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3 = 1;

/** ID registers as they are; -EOPNOTSUPP for another type. */
export function arm_smmu_hw_info(k: Kernel, dev: Device, type: number): { type: number; data: Uint8Array } | number {
  const known = type === 0 || type === IOMMU_HW_INFO_TYPE_ARM_SMMUV3;
  if (!k.check(known, "the driver has information of this type")) return -errno.EOPNOTSUPP;
  const { smmu } = dev_master(dev);
  const [idr0 = 0, idr1 = 0, idr2 = 0, idr3 = 0, idr4 = 0, idr5 = 0] = smmu.idr;
  const { iidr, aidr } = smmu;
  const data = encode(HW_INFO_ARM_SMMUV3, { idr0, idr1, idr2, idr3, idr4, idr5, iidr, aidr });
  return { type: IOMMU_HW_INFO_TYPE_ARM_SMMUV3, data };
}

/** Nesting needs that a guest cannot get around the caches: CANWBS in front of the device, or S2FWB. */
export function arm_smmu_viommu_supported(k: Kernel, dev: Device, type: number): boolean {
  const master = dev_master(dev);
  const { features } = master.smmu;
  if (!k.check(features.nesting, "the SMMU has both stages")) return false;
  const coherent = master.canwbs || features.s2fwb;
  if (!k.check(coherent, "the device's traffic is always write-back: CANWBS or S2FWB")) return false;
  return k.check(type === IOMMU_VIOMMU_TYPE_ARM_SMMUV3, "the driver knows this type of vIOMMU");
}

export function arm_vsmmu_init(
  k: Kernel,
  viommu: ViommuCore,
  parent: IommuDomain,
  dev: Device,
  _data: UserData | null,
): number {
  const { smmu } = dev_master(dev);
  const paging = parent.priv;
  const same = paging instanceof ArmSmmuDomain && paging.smmu === smmu;
  if (!k.check(same, "the parent was made for this SMMU") || !(paging instanceof ArmSmmuDomain)) return -errno.EINVAL;
  viommu.priv = new ArmVsmmu(viommu, smmu, parent, paging.tag);
  viommu.ops = arm_vsmmu_ops;
  return 0;
}

function vsmmu_of(viommu: ViommuCore): ArmVsmmu {
  if (!(viommu.priv instanceof ArmVsmmu)) throw new Error("not a vIOMMU of arm-smmu-v3");
  return viommu.priv;
}

const EATS_ABORT = 0;
const EATS_TRANS = 1;

/** Checks and cleans the first two 64-bit words of a guest's STE. -EIO for anything that a guest may not say. */
function arm_smmu_validate_vste(k: Kernel, vste: Uint32Array): number {
  if (((vste[0] ?? 0) & 1) === 0) {
    k.note("vSTE.V is 0: taken as an abort");
    vste.fill(0);
    return 0;
  }
  const allowed = vste_allowed();
  const clean = vste.every((word, w) => (word & ~(allowed[w] ?? 0)) === 0);
  if (!k.check(clean, "only bits that a guest may set")) return -errno.EIO;
  const config = ste_config(vste);
  const known = config === CFG.ABORT || config === CFG.BYPASS || config === CFG.S1;
  if (!k.check(known, "vSTE.Config is abort, bypass or S1", () => ({ left: `Config ${config}` }))) return -errno.EIO;
  const eats = vste_eats(vste);
  if (!k.check(eats === EATS_ABORT || eats === EATS_TRANS, "vSTE.EATS is 0 or 1")) return -errno.EIO;
  return 0;
}

export function arm_vsmmu_alloc_domain_nested(
  k: Kernel,
  viommu: ViommuCore,
  flags: number,
  data: UserData,
): IommuDomain | number {
  const vsmmu = vsmmu_of(viommu);
  if (!k.check(flags === 0, "no flags")) return -errno.EOPNOTSUPP;
  const { size } = HWPT_ARM_SMMUV3;
  const bytes = iommu_copy_struct_from_user(k, data, IOMMU_HWPT_DATA_ARM_SMMUV3, size, size);
  if (typeof bytes === "number") return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const vste = new Uint32Array(4).map((_, w) => view.getUint32(4 * w, true));
  return arm_vsmmu_domain_of_vste(k, vsmmu, vste);
}

/** The nested domain that a guest's STE asks for: its first two 64-bit words as four u32, low half first. */
export function arm_vsmmu_domain_of_vste(k: Kernel, vsmmu: ArmVsmmu, vste: Uint32Array): IommuDomain | number {
  const rc = arm_smmu_validate_vste(k, vste);
  if (rc < 0) return rc;
  const enable_ats = ste_config(vste) === CFG.S1 && vste_eats(vste) === EATS_TRANS;
  if (k.fails()) return -errno.ENOMEM;
  return {
    type: "nested",
    ops: arm_smmu_nested_ops,
    owner: vsmmu.s2_parent.owner,
    pgsize_bitmap: 0n,
    aperture_start: 0n,
    aperture_end: 0n,
    dirty_ops: null,
    cookie_type: "none",
    cookie: null,
    iopf_handler: null,
    priv: new ArmSmmuNestedDomain(vsmmu, vste_without_eats(vste), enable_ats),
  };
}

const arm_smmu_nested_ops: IommuDomainOps = Object.freeze({
  attach_dev: (k: Kernel, domain: IommuDomain, dev: Device, old: IommuDomain | null) =>
    k.ops.arm_smmu_attach_dev_nested(k, domain, dev, old),
  get_msi_mapping_domain: (domain: IommuDomain) =>
    domain.priv instanceof ArmSmmuNestedDomain ? domain.priv.vsmmu.s2_parent : domain,
});

/** The device's StreamID for a virtual one, -1 = unknown. */
function vsid_to_sid(vsmmu: ArmVsmmu, vsid: number): number {
  const vdev = vsmmu.core.vdevs.get(BigInt(vsid));
  return vdev === undefined ? -1 : (dev_master(vdev.dev).streams[0] ?? -1);
}

/**
 * A guest's command made safe: its VMID is the parent's, its StreamID the physical one, NSNH_ALL is confined to the
 * VMID. -EIO for any other command and for an unknown StreamID.
 */
function arm_vsmmu_convert_user_cmd(k: Kernel, vsmmu: ArmVsmmu, user: Cmd): Cmd | number {
  const [w0, w1, w2, w3] = user;
  const op = w0 & 0xff;
  const vmid = ((w1 & 0xffff0000) | vsmmu.vmid) >>> 0;
  switch (op) {
    case OP.TLBI_NSNH_ALL:
      return [OP.TLBI_NH_ALL, vsmmu.vmid, 0, 0];
    case OP.TLBI_NH_VA:
    case OP.TLBI_NH_VAA:
    case OP.TLBI_NH_ALL:
    case OP.TLBI_NH_ASID:
      return [w0, vmid, w2, w3];
    case OP.ATC_INV:
    case OP.CFGI_CD:
    case OP.CFGI_CD_ALL: {
      const sid = vsid_to_sid(vsmmu, w1);
      if (!k.check(sid >= 0, "a vDEVICE has this StreamID", () => ({ left: `vSID 0x${w1.toString(16)}` })))
        return -errno.EIO;
      return [w0, sid, w2, w3];
    }
    default:
      k.check(false, "a command that a guest may give", () => ({ left: `opcode 0x${op.toString(16)}` }));
      return -errno.EIO;
  }
}

/**
 * Issues a guest's commands in portions with a sync each. An entry that cannot be converted ends it: `entry_num` counts
 * the entries before it, although those of the unfinished portion were never issued.
 */
export function arm_vsmmu_cache_invalidate(k: Kernel, viommu: ViommuCore, array: UserDataArray): number {
  const vsmmu = vsmmu_of(viommu);
  const { size } = VIOMMU_ARM_SMMUV3_INVALIDATE;
  const total = array.entry_num;
  array.entry_num = 0;
  const bytes = iommu_copy_struct_from_full_user_array(
    k,
    { ...array, entry_num: total },
    IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3,
    size,
  );
  if (typeof bytes === "number") return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let portion: Cmd[] = [];
  for (let i = 0; i < total; i++) {
    const at = i * size;
    const word = (w: number) => view.getUint32(at + 4 * w, true);
    const cmd = arm_vsmmu_convert_user_cmd(k, vsmmu, [word(0), word(1), word(2), word(3)]);
    if (typeof cmd === "number") return cmd;
    portion.push(cmd);
    array.entry_num = i + 1;
    if (portion.length < CMDQ_BATCH_ENTRIES - 1 && i + 1 < total) continue;
    arm_smmu_cmdq_issue_cmdlist(k, vsmmu.smmu, portion, true);
    portion = [];
  }
  return 0;
}

/** Several StreamIDs cannot stand behind one virtual one. */
function arm_vsmmu_vdevice_init(k: Kernel, vdev: VdeviceCore): number {
  const master: ArmSmmuMaster = dev_master(vdev.dev);
  const n = master.streams.length;
  return k.check(n === 1, "the device has one StreamID", () => ({ left: `${n} StreamIDs` })) ? 0 : -errno.EOPNOTSUPP;
}

const arm_vsmmu_ops: ViommuOps = Object.freeze({
  alloc_domain_nested: (k: Kernel, viommu: ViommuCore, flags: number, data: UserData) =>
    k.ops.arm_vsmmu_alloc_domain_nested(k, viommu, flags, data),
  cache_invalidate: (k: Kernel, viommu: ViommuCore, array: UserDataArray) =>
    k.ops.arm_vsmmu_cache_invalidate(k, viommu, array),
  vdevice_init: arm_vsmmu_vdevice_init,
});
