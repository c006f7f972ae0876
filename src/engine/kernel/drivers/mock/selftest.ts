/** The self-test as a part of a kernel: `config.selftest`. */
import { IOMMU_TEST_CMD } from "../../../uapi/iommu_test.ts";
import type { Selftest } from "../../iommufd/selftest.ts";
import { releaseNumber } from "../../profile.ts";
import { iommufd_test_6_12 } from "./release_6_12.ts";
import { iommufd_test } from "./test.ts";
import { iommufd_test_syz_conv_iova_id } from "./test_access.ts";
import { iommufd_selftest_destroy } from "./test_device.ts";

export const SELFTEST: Selftest = Object.freeze({
  def: IOMMU_TEST_CMD,
  iommufd_test: (k, ucmd) =>
    k.features.uapi_release < releaseNumber("6.13") ? iommufd_test_6_12(k, ucmd) : iommufd_test(k, ucmd),
  iommufd_selftest_destroy,
  iommufd_test_syz_conv_iova_id,
} satisfies Selftest);
