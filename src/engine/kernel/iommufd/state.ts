import type { IommufdCtx } from "./objects.ts";
import type { IoptPages } from "./iopt_pages.ts";

/** What exists of iommufd on this kernel, whatever holds it alive. */
export class IommufdState {
  readonly ctxs = new Set<IommufdCtx>();
  /** Page stores that some area or access still uses. */
  readonly pages = new Set<IoptPages>();
  /** Numbers of mock devices in use. */
  readonly mock_ids = new Set<number>();
}
