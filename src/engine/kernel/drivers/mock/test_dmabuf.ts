/** dma-bufs made of ordinary memory. Source: linux 7.2 drivers/iommu/iommufd/selftest.c. */
import { decode } from "../../../uapi/codec.ts";
import { errno } from "../../../uapi/errno.ts";
import { TEST_DMABUF_GET, TEST_DMABUF_REVOKE } from "../../../uapi/iommu_test.ts";
import { File, type FileOps } from "../../file.ts";
import { as_dmabuf, DmaBuf, dmabuf_revoke } from "../../iommufd/dmabuf.ts";
import type { Ucmd } from "../../iommufd/ucmd.ts";
import type { Kernel } from "../../kernel.ts";
import { PAGE_SIZE } from "../../mm/const.ts";
import { fd_install } from "../../syscall.ts";

const MAX_PAGES = 512;

const test_dmabuf_fops: FileOps = Object.freeze({
  name: "dmabuf",
  release: (k: Kernel, file: File): void => {
    const dmabuf = as_dmabuf(file);
    if (dmabuf !== null) k.mm.frames.release(dmabuf.phys / PAGE_SIZE, Number(dmabuf.size) / PAGE_SIZE);
  },
} satisfies FileOps);

/** A descriptor. Its memory is contiguous and aligned to its size rounded up to a power of two. */
export function test_dmabuf_get(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(TEST_DMABUF_GET, ucmd.bytes);
  const pages = Math.ceil(cmd.length / PAGE_SIZE);
  if (!k.check(pages > 0 && pages <= MAX_PAGES, "the length is between 1 byte and 2 MiB")) return -errno.EINVAL;
  const pfn = k.fails() ? -1 : k.mm.frames.alloc(pages, 2 ** Math.ceil(Math.log2(pages)));
  if (pfn < 0) return -errno.ENOMEM;
  const dmabuf = new DmaBuf("selftest", pfn * PAGE_SIZE, BigInt(pages * PAGE_SIZE));
  return fd_install(k, k.current, new File(test_dmabuf_fops, "/dmabuf:", dmabuf));
}

export function test_dmabuf_revoke(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(TEST_DMABUF_REVOKE, ucmd.bytes);
  const file = k.current.fds.get(cmd.fd | 0);
  if (!k.check(file !== undefined, "the descriptor is open") || file === undefined) return -errno.EBADF;
  const dmabuf = as_dmabuf(file);
  if (!k.check(dmabuf?.exporter === "selftest", "the file is a dma-buf of the self-test") || dmabuf === null)
    return -errno.EINVAL;
  dmabuf_revoke(k, dmabuf, cmd.revoked !== 0);
  return 0;
}
