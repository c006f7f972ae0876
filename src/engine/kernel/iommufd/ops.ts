/** The replaceable functions of drivers/iommu/iommufd. */
// oxlint-disable-next-line typescript/no-empty-interface
export interface IommufdOps {}

export const iommufdOps: IommufdOps = {};
