/**
 * MSI doorbells under an IOMMU, and the regions that firmware describes.
 * Source: linux 7.2 drivers/iommu/dma-iommu.c, iommu.c `iommu_dma_prepare_msi`; up to 6.14 dma-iommu.c.
 */
import { errno } from "../../uapi/errno.ts";
import { type MsiDesc, msi_desc_set_iommu_msi_iova } from "../irq/msi.ts";
import type { Kernel } from "../kernel.ts";
import { iort_iommu_get_resv_regions } from "./iort.ts";
import { MsiCookie } from "./msi_cookie.ts";
import { the_platform } from "../platform.ts";
import {
  type Device,
  IOMMU_CACHE,
  IOMMU_MMIO,
  IOMMU_NOEXEC,
  IOMMU_READ,
  IOMMU_WRITE,
  type IommuDomain,
  type ResvRegion,
} from "./types.ts";

/** DMA-API state of a default domain, as far as doorbells need it: addresses are taken from the top down. */
class IovaCookie {
  readonly granule: bigint;
  /** Address above the next page. */
  top: bigint;
  readonly pages: { phys: bigint; iova: bigint }[] = [];
  /** Never handed out, both ends inclusive. */
  reserved: readonly { start: bigint; last: bigint }[] = [];

  constructor(granule: bigint, top: bigint) {
    this.granule = granule;
    this.top = top;
  }

  /** The highest free page below `top`. */
  next(): bigint {
    let at = this.top - this.granule;
    for (let hit = this.meets(at); hit !== undefined; hit = this.meets(at)) {
      at = (hit.start & ~(this.granule - 1n)) - this.granule;
    }
    return at;
  }

  private meets(at: bigint): { start: bigint } | undefined {
    return this.reserved.find((r) => r.start < at + this.granule && r.last >= at);
  }
}

const PAGE = 4096n;
/** DMA-API addresses are taken from below 4 GiB first. */
const DMA_32BIT_TOP = 1n << 32n;

/** A domain of the DMA API. */
export function iommu_dma_init_domain(domain: IommuDomain): void {
  domain.cookie_type = "dma-iova";
  domain.cookie = new IovaCookie(domain.pgsize_bitmap & -domain.pgsize_bitmap, DMA_32BIT_TOP);
}

/** Keeps IOVAs of a DMA-API domain free; nothing on another domain. */
export function iommu_dma_reserve(domain: IommuDomain, ranges: readonly { start: bigint; last: bigint }[]): void {
  if (domain.cookie instanceof IovaCookie) domain.cookie.reserved = [...domain.cookie.reserved, ...ranges];
}

/** Maps the doorbell's page in a domain with a cookie if it is not mapped there, and notes its IOVA. -ENOMEM. */
export function iommu_dma_sw_msi(k: Kernel, domain: IommuDomain, desc: MsiDesc, phys: bigint): number {
  const { cookie } = domain;
  if (!(cookie instanceof IovaCookie) && !(cookie instanceof MsiCookie)) throw new Error("a domain without MSI cookie");
  const granule = cookie instanceof IovaCookie ? cookie.granule : PAGE;
  const page = phys & ~(granule - 1n);
  let entry = cookie.pages.find((it) => it.phys === page);
  if (entry === undefined) {
    if (k.fails()) return -errno.ENOMEM;
    const iova = cookie instanceof IovaCookie ? cookie.next() : cookie.msi_iova;
    const rc = k.ops.iommu_map(k, domain, iova, page, granule, IOMMU_WRITE | IOMMU_NOEXEC | IOMMU_MMIO);
    if (rc < 0) return -errno.ENOMEM;
    if (cookie instanceof IovaCookie) cookie.top = iova;
    else cookie.msi_iova += granule;
    entry = { phys: page, iova };
    cookie.pages.push(entry);
  }
  msi_desc_set_iommu_msi_iova(desc, entry.iova, granule.toString(2).length - 1);
  return 0;
}

/** `domain = hwpt 4 (nested)` in the words of the trace. */
function domain_text(domain: IommuDomain): string {
  const { cookie } = domain;
  const id = cookie !== null && "id" in cookie ? `hwpt ${String(cookie.id)}` : "domain";
  return `${id} (${domain.type})`;
}

/** Up to 6.14: the domain whose table gets the doorbell; a nested one's parent where the driver redirects (6.13 on). */
export function iommu_get_msi_mapping_domain(_k: Kernel, domain: IommuDomain): IommuDomain {
  return domain.ops.get_msi_mapping_domain?.(domain) ?? domain;
}

/**
 * Called when an interrupt is set up: makes the doorbell reachable through the device's domain and notes in `desc`
 * which address to program. -EOPNOTSUPP: the domain translates and nobody maps doorbells in it (6.15 on).
 */
export function iommu_dma_prepare_msi(k: Kernel, desc: MsiDesc, dev: Device, phys: bigint): number {
  desc.iommu_msi_iova = 0n;
  desc.iommu_msi_shift = 0;
  const group = dev.iommu_group;
  const domain = group?.domain ?? null;
  if (domain === null) {
    k.note(`${dev.name} has no IOMMU: the doorbell's physical address is used`);
    return 0;
  }
  return k.features.sw_msi === "cookie"
    ? k.ops.iommu_dma_prepare_msi_cookie(k, desc, domain, phys)
    : prepare_native(k, desc, dev, domain, phys);
}

function prepare_native(k: Kernel, desc: MsiDesc, dev: Device, domain: IommuDomain, phys: bigint): number {
  k.note(`domain = ${domain_text(domain)}`);
  if (domain.type === "identity") return 0;
  switch (domain.cookie_type) {
    case "dma-iova":
    case "dma-msi":
      return k.ops.iommu_dma_sw_msi(k, domain, desc, phys);
    case "iommufd":
      return k.ops.iommufd_sw_msi(k, domain, dev, desc, phys);
    case "none":
      k.check(false, "somebody maps doorbells in the domain", () => ({ left: domain_text(domain) }));
      return -errno.EOPNOTSUPP;
  }
}

/** Up to 6.14: a cookie on the domain, or the physical address. */
export function iommu_dma_prepare_msi_cookie(k: Kernel, desc: MsiDesc, domain: IommuDomain, phys: bigint): number {
  k.note(`domain = ${domain_text(domain)}`);
  const target = k.ops.iommu_get_msi_mapping_domain(k, domain);
  if (target !== domain) k.note(`MSIs of this domain are mapped in ${domain_text(target)}`);
  if (
    !k.check(target.cookie instanceof MsiCookie || target.cookie instanceof IovaCookie, "the domain has an MSI cookie")
  ) {
    k.note("domain->iova_cookie NULL, address stays physical");
    return 0;
  }
  return k.ops.iommu_dma_sw_msi(k, target, desc, phys);
}

/** What IORT, else the device tree, say about the device: in the order in which they stand there. */
export function iommu_dma_get_resv_regions(k: Kernel, dev: Device): ResvRegion[] {
  const pdev = the_platform(k).pci.get(dev.name);
  if (pdev === undefined) return [];
  const iort = the_platform(k).machine.desc.firmware?.kind === "acpi" ? iort_iommu_get_resv_regions(k, pdev) : [];
  const nodes = pdev.hw.desc.regions.map(({ start, last, kind }) => ({
    start: BigInt(start),
    length: BigInt(last) - BigInt(start) + 1n,
    type: kind,
    prot: IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE,
  }));
  return [...iort, ...nodes];
}
