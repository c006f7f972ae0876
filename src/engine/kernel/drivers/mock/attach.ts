/** What attaching a mock domain does: nearly nothing, but what it refuses is as in the kernel. */
import { errno } from "../../../uapi/errno.ts";
import type { Device, IommuDomain, IommuDomainOps } from "../../iommu/types.ts";
import { iommufd_viommu_get_vdev_id } from "../../iommufd/viommu.ts";
import type { Kernel } from "../../kernel.ts";
import { MOCK_NO_DIRTY, MockNested, type MockViommu, to_mock_dev } from "./state.ts";

/** An attach of this PASID fails every second time, so that tests reach the way back. */
const FAULTY_PASID = 1024;

/** Counts attachments with a fault handler: the device reports page requests as long as there is one. */
function mock_iopf(dev: Device, domain: IommuDomain, old: IommuDomain | null): void {
  if (domain.iopf_handler !== null) dev.iopf_users++;
  if (old !== null && old.iopf_handler !== null && dev.iopf_users > 0) {
    if (--dev.iopf_users === 0) dev.iopf_partial = [];
  }
}

export function mock_domain_nop_attach(k: Kernel, domain: IommuDomain, dev: Device, old: IommuDomain | null): number {
  const mdev = to_mock_dev(dev);
  const dirty = domain.dirty_ops === null || (mdev.flags & MOCK_NO_DIRTY) === 0;
  if (!k.check(dirty, "the device tracks dirty pages, or the domain does not")) return -errno.EINVAL;
  let viommu: MockViommu | null = null;
  let vdev_id = 0n;
  if (domain.priv instanceof MockNested && domain.priv.viommu !== null) {
    viommu = domain.priv.viommu;
    const found = iommufd_viommu_get_vdev_id(viommu.core, dev);
    if (!k.check(found !== null, "the device has a vdevice at the virtual IOMMU") || found === null)
      return -errno.ENOENT;
    vdev_id = found;
  }
  if (viommu !== mdev.viommu) {
    mdev.viommu = viommu;
    mdev.vdev_id = vdev_id;
  }
  mock_iopf(dev, domain, old);
  return 0;
}

export function mock_domain_set_dev_pasid_nop(
  k: Kernel,
  domain: IommuDomain,
  dev: Device,
  pasid: number,
  old: IommuDomain | null,
): number {
  const mdev = to_mock_dev(dev);
  if (pasid === FAULTY_PASID) {
    const fail = mdev.pasid_1024_fake_error && domain.type !== "blocked";
    mdev.pasid_1024_fake_error = !mdev.pasid_1024_fake_error && domain.type !== "blocked";
    if (!k.check(!fail, "PASID 1024 of the mock succeeds this time")) return -errno.ENOMEM;
  }
  mock_iopf(dev, domain, old);
  return 0;
}

const blocking_ops: IommuDomainOps = Object.freeze({
  attach_dev: mock_domain_nop_attach,
  set_dev_pasid: mock_domain_set_dev_pasid_nop,
});

/** Shared by all mock devices; carries no state. */
export const mock_blocking_domain: IommuDomain = Object.freeze({
  type: "blocked",
  ops: blocking_ops,
  owner: null,
  pgsize_bitmap: 0n,
  aperture_start: 0n,
  aperture_end: 0n,
  dirty_ops: null,
  cookie_type: "none",
  cookie: null,
  iopf_handler: null,
  priv: Object.freeze({}),
});
