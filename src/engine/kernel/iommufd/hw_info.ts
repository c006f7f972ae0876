/** GET_HW_INFO. Source: linux 7.2 drivers/iommu/iommufd/device.c. */
import { decode } from "../../uapi/codec.ts";
import { errno } from "../../uapi/errno.ts";
import { HW_CAP, IOMMU_GET_HW_INFO } from "../../uapi/iommufd.ts";
import type { Device } from "../iommu/types.ts";
import type { Kernel } from "../kernel.ts";
import { clear_user, copy_to_user } from "../mm/uaccess.ts";
import { iommufd_get_object } from "./object.ts";
import { iommufd_ucmd_respond, type Ucmd } from "./ucmd.ts";

const INPUT_TYPE = 1;

function capabilities(k: Kernel, dev: Device): bigint {
  let caps = 0;
  if (k.ops.device_iommu_capable(k, dev, "DIRTY_TRACKING")) caps |= HW_CAP.DIRTY_TRACKING;
  if (k.features.hw_info_ats && !k.ops.device_iommu_capable(k, dev, "PCI_ATS_SUPPORTED"))
    caps |= HW_CAP.PCI_ATS_NOT_SUPPORTED;
  return BigInt(caps);
}

export function iommufd_get_hw_info(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(IOMMU_GET_HW_INFO, ucmd.bytes);
  const flags = k.features.hw_info_input_type ? INPUT_TYPE : 0;
  if (!k.check((cmd.flags & ~flags) === 0, "only known flags are set")) return -errno.EOPNOTSUPP;
  // The first of the four bytes was reserved too before it said how many PASIDs there are.
  const pasids = k.features.hwpt_pasid || cmd.out_max_pasid_log2 === 0;
  const clear = pasids && cmd.__reserved0 === 0 && cmd.__reserved1 === 0 && cmd.__reserved2 === 0;
  if (!k.check(clear, "the reserved bytes are 0")) return -errno.EOPNOTSUPP;
  const wanted = (cmd.flags & INPUT_TYPE) !== 0 ? cmd.data_type : 0;
  const idev = iommufd_get_object(k, ucmd.ictx, cmd.dev_id, "DEVICE");
  if (idev === null) return -errno.ENOENT;
  const info = idev.dev.iommu_ops?.hw_info?.(k, idev.dev, wanted) ?? { type: 0, data: new Uint8Array(0) };
  if (typeof info === "number") {
    k.check(false, "the driver has information of this type");
    return info;
  }
  const given = info.data.subarray(0, cmd.data_len);
  const rest = cmd.data_uptr + BigInt(given.length);
  const ok = copy_to_user(k, cmd.data_uptr, given) && clear_user(k, rest, cmd.data_len - given.length);
  if (!k.check(ok, "the data can be written")) return -errno.EFAULT;
  const { max_pasids } = idev.dev;
  return iommufd_ucmd_respond(k, ucmd, IOMMU_GET_HW_INFO, {
    data_len: info.data.length,
    data_type: info.type,
    out_max_pasid_log2: k.features.hwpt_pasid && max_pasids > 1 ? Math.floor(Math.log2(max_pasids)) : 0,
    out_capabilities: capabilities(k, idev.dev),
  });
}
