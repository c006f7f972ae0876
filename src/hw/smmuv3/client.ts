/** What an SMMU says to the devices in front of it, other than the answer to a translation. */
import type { Smmuv3 } from "./smmu.ts";

/** How a held transaction goes on: as if it had just arrived, with a bus error, or reading zeros and writing nothing. */
export type Resumption = "retry" | "abort" | "raz";

/** PRG response codes: Response Failure, Invalid Request, Success. */
export type PageResponse = "failure" | "invalid" | "success";

export interface SmmuClient {
  /** The transaction that is held under `stag`. */
  resumed(smmu: Smmuv3, stag: number, how: Resumption): void;
  /** ATS invalidation: 2^size pages of 4 KiB around the address, size 52 = all. `ssid` -1 = without PASID. */
  invalidateAtc(smmu: Smmuv3, sid: number, ssid: number, global: boolean, hi: number, lo: number, size: number): void;
  pageResponse(smmu: Smmuv3, sid: number, ssid: number, prgi: number, code: PageResponse): void;
}
