/** Doorbell pages of a domain that a subsystem without an allocator of its own maps at fixed IOVAs: type1, and iommufd up to 6.14. */
import { errno } from "../../uapi/errno.ts";
import type { Kernel } from "../kernel.ts";
import type { IommuDomain } from "./types.ts";

export class MsiCookie {
  /** IOVA of the next doorbell page. */
  msi_iova: bigint;
  /** Mapped doorbell pages, oldest first. */
  readonly pages: { phys: bigint; iova: bigint }[] = [];

  constructor(base: bigint) {
    this.msi_iova = base;
  }
}

/** Source: linux 6.12 drivers/iommu/dma-iommu.c. -EINVAL on a domain of another kind, -ENOMEM when it has state already. */
export function iommu_get_msi_cookie(k: Kernel, domain: IommuDomain, base: bigint): number {
  if (domain.type !== "unmanaged") return -errno.EINVAL;
  if (domain.cookie_type !== "none" || k.fails()) return -errno.ENOMEM;
  domain.cookie_type = "dma-msi";
  domain.cookie = new MsiCookie(base);
  return 0;
}
