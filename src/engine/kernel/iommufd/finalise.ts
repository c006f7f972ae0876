/** Domains that a driver finishes only when it sees a device: SMMUv3 before its device-aware allocation (about 6.9). */
import type { IommuDomain } from "../iommu/types.ts";
import type { Kernel } from "../kernel.ts";

/** A driver that cannot finish a domain before it knows the device says nothing about its aperture yet. */
export function defer_finalise(k: Kernel, domain: IommuDomain): void {
  if (k.features.domain_finalise !== "attach") return;
  domain.finalised_aperture = { start: domain.aperture_start, end: domain.aperture_end };
  domain.aperture_start = 0n;
  domain.aperture_end = 0n;
  k.note("the driver has not finalised the domain: its aperture is [0, 0] until a device is attached");
}

/** The driver has seen a device: the aperture is known. What was reserved for the old one stays. */
export function finalise_at_attach(k: Kernel, domain: IommuDomain): void {
  const known = domain.finalised_aperture;
  if (known === undefined) return;
  delete domain.finalised_aperture;
  domain.aperture_start = known.start;
  domain.aperture_end = known.end;
  k.note(`the driver finalises the domain: aperture 0x${known.start.toString(16)}-0x${known.end.toString(16)}`);
}
