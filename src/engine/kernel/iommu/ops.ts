/** The replaceable functions of drivers/iommu/iommu.c, the drivers, VFIO and the irq code. */
// oxlint-disable-next-line typescript/no-empty-interface
export interface CoreOps {}

export const coreOps: CoreOps = {};
