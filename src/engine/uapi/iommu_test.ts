/**
 * IOMMU_TEST_CMD: one number, one struct of 72 bytes, a union per operation. Kernels built with CONFIG_IOMMUFD_TEST only.
 * Source: linux 7.2 drivers/iommu/iommufd/iommufd_test.h.
 */
import { defineIoctl, flags, id, iova, length, ptr, size, u32, u64, type Fields, type IoctlDef } from "./layout.ts";

export const IOMMU_TEST_CMD_NR = 0x3ba0;
export const ACCESS_FLAGS = Object.freeze({ WRITE: 1, SLOW: 4, SYZ: 1 << 16 });

/** Union offsets below count from byte 16; this adds it. */
const U = 16;

function op<const F extends Fields>(name: string, nr: number, since: string, fields: F) {
  const head = { size: size(), op: u32(4, { kind: "enum", values: { [name]: nr } }), id: id(8, "id") } as const;
  const rest = { __reserved: u32(12, { kind: "pad" }) } as const;
  return Object.freeze({
    nr,
    ...defineIoctl(
      {
        name: `IOMMU_TEST_CMD ${name}`,
        struct: "struct iommu_test_cmd",
        cmd: IOMMU_TEST_CMD_NR,
        size: 72,
        min: 68,
        since,
        on: "iommufd",
      },
      { ...head, ...fields, ...rest },
    ),
  });
}

const access = {
  flags: flags(U, ACCESS_FLAGS),
  out_access_pages_id: u32(U + 4, { dir: "out", label: "pages" }),
  iova: iova(U + 8),
  length: length(U + 16),
  uptr: ptr(U + 24),
} as const;

/** The part that all operations share. */
export const IOMMU_TEST_CMD = op("?", 0, "6.2", { __union: u64(U, { kind: "pad" }) });

export const TEST_ADD_RESERVED = op("ADD_RESERVED", 1, "6.2", { start: iova(U, "in", "start"), length: length(U + 8) });
const mock = {
  out_stdev_id: id(U, "stdev", "out"),
  out_hwpt_id: id(U + 4, "hwpt", "out"),
  out_idev_id: id(U + 8, "dev", "out"),
} as const;
export const TEST_MOCK_DOMAIN = op("MOCK_DOMAIN", 2, "6.2", mock);
export const TEST_MD_CHECK_MAP = op("MD_CHECK_MAP", 3, "6.2", {
  iova: iova(U),
  length: length(U + 8),
  uptr: ptr(U + 16),
});
export const TEST_MD_CHECK_REFS = op("MD_CHECK_REFS", 4, "6.2", {
  length: length(U),
  uptr: ptr(U + 8),
  refs: u32(U + 16),
});
export const TEST_CREATE_ACCESS = op("CREATE_ACCESS", 5, "6.2", {
  out_access_fd: u32(U, { kind: "fd", dir: "out", label: "fd" }),
  flags: flags(U + 4, { NEEDS_PIN: 1 }),
});
export const TEST_DESTROY_ACCESS_PAGES = op("DESTROY_ACCESS_PAGES", 6, "6.2", {
  access_pages_id: u32(U, { label: "pages" }),
});
export const TEST_ACCESS_PAGES = op("ACCESS_PAGES", 7, "6.2", access);
export const TEST_ACCESS_RW = op("ACCESS_RW", 8, "6.2", {
  iova: iova(U),
  length: length(U + 8),
  uptr: ptr(U + 16),
  flags: flags(U + 24, ACCESS_FLAGS),
});
export const TEST_SET_TEMP_MEMORY_LIMIT = op("SET_TEMP_MEMORY_LIMIT", 9, "6.2", { limit: u32(U) });
export const TEST_MOCK_DOMAIN_REPLACE = op("MOCK_DOMAIN_REPLACE", 10, "6.6", { pt_id: id(U, "pt", "inout") });
export const TEST_ACCESS_REPLACE_IOAS = op("ACCESS_REPLACE_IOAS", 11, "6.6", { ioas_id: id(U, "ioas") });
export const TEST_MOCK_DOMAIN_FLAGS = op("MOCK_DOMAIN_FLAGS", 12, "6.7", {
  ...mock,
  dev_flags: flags(U + 12, { NO_DIRTY: 1, HUGE_IOVA: 2, PASID: 4 }),
});
export const TEST_DIRTY = op("DIRTY", 13, "6.7", {
  flags: flags(U),
  iova: iova(U + 8),
  length: length(U + 16),
  page_size: u64(U + 24, { kind: "length", label: "page" }),
  uptr: ptr(U + 32),
  out_nr_dirty: u64(U + 40, { dir: "out", label: "nr" }),
});
export const TEST_MD_CHECK_IOTLB = op("MD_CHECK_IOTLB", 14, "6.8", {
  iotlb_id: u32(U, { label: "entry" }),
  iotlb: u32(U + 4),
});
export const TEST_TRIGGER_IOPF = op("TRIGGER_IOPF", 15, "6.11", {
  dev_id: id(U, "dev"),
  pasid: u32(U + 4),
  grpid: u32(U + 8),
  perm: u32(U + 12),
  addr: iova(U + 16, "in", "addr"),
});
export const TEST_DEV_CHECK_CACHE = op("DEV_CHECK_CACHE", 16, "6.13", {
  cache_id: u32(U, { label: "entry" }),
  cache: u32(U + 4),
});
export const TEST_TRIGGER_VEVENT = op("TRIGGER_VEVENT", 17, "6.15", { dev_id: id(U, "dev") });
const pasid_pt = { pasid: u32(U), pt_id: id(U + 4, "pt", "inout") } as const;
export const TEST_PASID_ATTACH = op("PASID_ATTACH", 18, "6.15", pasid_pt);
export const TEST_PASID_REPLACE = op("PASID_REPLACE", 19, "6.15", pasid_pt);
export const TEST_PASID_DETACH = op("PASID_DETACH", 20, "6.15", { pasid: u32(U) });
export const TEST_PASID_CHECK_HWPT = op("PASID_CHECK_HWPT", 21, "6.15", { pasid: u32(U), hwpt_id: id(U + 4, "hwpt") });
export const TEST_DMABUF_GET = op("DMABUF_GET", 22, "6.19", { length: u32(U), open_flags: u32(U + 4) });
export const TEST_DMABUF_REVOKE = op("DMABUF_REVOKE", 23, "6.19", { fd: u32(U, { kind: "fd" }), revoked: u32(U + 4) });

/** `id` of the shared head is a pt, an ioas, a stdev, an idev or an access fd, as the operation says. */
export const IOMMU_TEST_OPS: readonly (IoctlDef & { readonly nr: number })[] = Object.freeze([
  TEST_ADD_RESERVED,
  TEST_MOCK_DOMAIN,
  TEST_MD_CHECK_MAP,
  TEST_MD_CHECK_REFS,
  TEST_CREATE_ACCESS,
  TEST_DESTROY_ACCESS_PAGES,
  TEST_ACCESS_PAGES,
  TEST_ACCESS_RW,
  TEST_SET_TEMP_MEMORY_LIMIT,
  TEST_MOCK_DOMAIN_REPLACE,
  TEST_ACCESS_REPLACE_IOAS,
  TEST_MOCK_DOMAIN_FLAGS,
  TEST_DIRTY,
  TEST_MD_CHECK_IOTLB,
  TEST_TRIGGER_IOPF,
  TEST_DEV_CHECK_CACHE,
  TEST_TRIGGER_VEVENT,
  TEST_PASID_ATTACH,
  TEST_PASID_REPLACE,
  TEST_PASID_DETACH,
  TEST_PASID_CHECK_HWPT,
  TEST_DMABUF_GET,
  TEST_DMABUF_REVOKE,
]);
