/**
 * What the IOMMU may do to the address of an MSI, and what is written into the device.
 * Source: linux 7.2 include/linux/msi.h.
 */

/** The part of `struct msi_desc` that `iommu_dma_prepare_msi` fills. */
export interface MsiDesc {
  /** Name of the device, for the trace. */
  dev: string;
  /** Page number of the doorbell's IOVA: the address is `iommu_msi_iova << iommu_msi_shift`. */
  iommu_msi_iova: bigint;
  /** log2 of the bytes around the doorbell that were mapped; 0 = the physical address is used. */
  iommu_msi_shift: number;
}

export function msi_desc_init(dev: string): MsiDesc {
  return { dev, iommu_msi_iova: 0n, iommu_msi_shift: 0 };
}

/** The doorbell is mapped: `iova` is the address of its page of 2^shift bytes. */
export function msi_desc_set_iommu_msi_iova(desc: MsiDesc, iova: bigint, shift: number): void {
  desc.iommu_msi_iova = iova >> BigInt(shift);
  desc.iommu_msi_shift = shift;
}

/** The address to program for a doorbell: its IOVA where it was mapped, else the physical address. */
export function msi_msg_addr(desc: MsiDesc, phys: bigint): bigint {
  if (desc.iommu_msi_shift === 0) return phys;
  const shift = BigInt(desc.iommu_msi_shift);
  return (desc.iommu_msi_iova << shift) | (phys & ((1n << shift) - 1n));
}

/** A message as it stands in an MSI capability or an MSI-X table entry. */
export interface MsiMsg {
  address: bigint;
  data: number;
}
