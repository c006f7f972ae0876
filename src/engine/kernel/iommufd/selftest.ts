/** What a kernel built with CONFIG_IOMMUFD_TEST adds to iommufd; without it there is nothing at these places. */
import type { IoctlDef } from "../../uapi/layout.ts";
import type { Kernel } from "../kernel.ts";
import type { IommufdCtx, IommufdSelftest } from "./objects.ts";
import type { Ucmd } from "./ucmd.ts";

/** Implemented by drivers/mock. Frozen. */
export interface Selftest {
  /** IOMMU_TEST_CMD. */
  readonly def: IoctlDef;
  readonly iommufd_test: (k: Kernel, ucmd: Ucmd) => number;
  readonly iommufd_selftest_destroy: (k: Kernel, sobj: IommufdSelftest) => void;
  /** Replaces the id of an access by that of its IOAS, and its start by an IOVA, where the caller's flag asks for it. */
  readonly iommufd_test_syz_conv_iova_id: (
    k: Kernel,
    ictx: IommufdCtx,
    cmd: { flags: number; src_ioas_id: number; src_iova: bigint },
  ) => void;
}
