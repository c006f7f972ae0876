import type { IommufdCtx } from "./objects.ts";

/** What exists of iommufd on this kernel, whatever holds it alive. */
export class IommufdState {
  readonly ctxs = new Set<IommufdCtx>();
  /** Number of page stores that some area or call still uses. */
  page_stores = 0;
  /** Numbers of mock devices in use. */
  readonly mock_ids = new Set<number>();
}
