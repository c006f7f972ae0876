import type { IommuGroup } from "./types.ts";

/** What the IOMMU core knows of this machine. */
export class IommuState {
  /** Group id -> group. */
  readonly groups = new Map<number, IommuGroup>();
}
