/** Data of the page side of an IOAS: what backs an area, which of its pages are pinned. Source: linux 7.2 drivers/iommu/iommufd/io_pagetable.h. */
import type { File } from "../file.ts";
import type { Mm } from "../mm/mm.ts";
import type { UserStruct } from "../mm/state.ts";
import type { Task } from "../task.ts";
import type { DmaBuf } from "./dmabuf.ts";
import type { IommuDomain } from "../iommu/types.ts";
import type { IoptArea } from "./iopt.ts";
import { PinMap } from "./pin_map.ts";

/** Who is charged for pinned pages: nobody, the user, or the address space. */
export type AccountMode = "none" | "user" | "mm";

/** Where pages come from. `start`: byte offset in the file, page aligned. */
export type PagesSource =
  | { kind: "user"; mm: Mm; uptr: bigint }
  | { kind: "file"; file: File; start: bigint }
  | { kind: "dmabuf"; file: File; dmabuf: DmaBuf; start: bigint; /** Revoked once: stays empty. */ gone: boolean };

export class IoptPages {
  readonly source: PagesSource;
  readonly npages: number;
  /** The user asked for a writable mapping. */
  readonly writable: boolean;
  account_mode: AccountMode;
  /** Whose limits and counters apply; changed by IOAS_CHANGE_PROCESS. */
  source_mm: Mm;
  source_user: UserStruct;
  source_task: Task;
  /** Areas that use it; the last one gives everything back. */
  users = 1;
  /** Areas with a storage domain, for a dma-buf those to unmap when it is revoked. */
  readonly areas = new Set<IoptArea>();
  /** A dma-buf's mappings, oldest first: what a revoke takes away. */
  tracks: { area: IoptArea; domain: IommuDomain }[] = [];
  /** Page index -> frame and how many areas (with a domain) and accesses hold it. */
  readonly pinned = new PinMap();
  /** Pages charged now. */
  npinned = 0;

  constructor(source: PagesSource, npages: number, writable: boolean, mode: AccountMode, task: Task) {
    this.source = source;
    this.npages = npages;
    this.writable = writable;
    this.account_mode = mode;
    this.source_task = task;
    this.source_mm = task.mm;
    this.source_user = task.user;
  }
}
