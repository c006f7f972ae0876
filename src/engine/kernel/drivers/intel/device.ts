/** What the VT-d driver keeps for each device: linux `struct device_domain_info`. */
import type { Device } from "../../iommu/types.ts";
import type { IntelIommu } from "./caps.ts";

export class DeviceDomainInfo {
  readonly iommu: IntelIommu;
  readonly bdf: string;
  readonly ats_supported: boolean;
  /** Page requests of the device reach the kernel. */
  readonly pri_enabled: boolean;
  /** Regions that firmware uses, both ends inclusive. */
  readonly rmrrs: readonly { start: number; last: number }[];
  /** Physical address of its PASID directory in scalable mode, 0 = none. */
  directory = 0;
  /** Requests with PASID are allowed. */
  pasids = false;

  constructor(
    iommu: IntelIommu,
    bdf: string,
    caps: { ats: boolean; pri: boolean },
    rmrrs: readonly { start: number; last: number }[],
  ) {
    this.iommu = iommu;
    this.bdf = bdf;
    this.ats_supported = caps.ats;
    this.pri_enabled = caps.pri;
    this.rmrrs = rmrrs;
  }
}

export function info_of(dev: Device): DeviceDomainInfo {
  if (!(dev.iommu_priv instanceof DeviceDomainInfo)) throw new Error(`${dev.name} is not behind a VT-d unit`);
  return dev.iommu_priv;
}
