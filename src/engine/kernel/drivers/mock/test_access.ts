/** Accesses of the self-test: a file that pins and copies pages of an IOAS. Source: linux 7.2 drivers/iommu/iommufd/selftest.c. */
import { decode } from "../../../uapi/codec.ts";
import { errno } from "../../../uapi/errno.ts";
import {
  ACCESS_FLAGS,
  TEST_ACCESS_PAGES,
  TEST_ACCESS_REPLACE_IOAS,
  TEST_ACCESS_RW,
  TEST_CREATE_ACCESS,
  TEST_DESTROY_ACCESS_PAGES,
} from "../../../uapi/iommu_test.ts";
import { File, type FileOps, fput } from "../../file.ts";
import {
  iommufd_access_attach,
  iommufd_access_create,
  iommufd_access_destroy,
  iommufd_access_pin_pages,
  iommufd_access_replace,
  iommufd_access_rw,
  iommufd_access_unpin_pages,
} from "../../iommufd/access.ts";
import type { IoPagetable } from "../../iommufd/iopt.ts";
import { iommufd_get_object } from "../../iommufd/object.ts";
import type { AccessOps, IommufdAccess, IommufdCtx } from "../../iommufd/objects.ts";
import { iommufd_ucmd_respond, type Ucmd } from "../../iommufd/ucmd.ts";
import type { Kernel } from "../../kernel.ts";
import { PAGE_MASK_N, PAGE_SIZE_N } from "../../mm/const.ts";
import { mm_pages } from "../../mm/mm.ts";
import { copy_from_user, copy_to_user } from "../../mm/uaccess.ts";
import { get_unused_fd } from "../../task.ts";

const NEEDS_PIN = 1;
const MAX_LENGTH = 16n << 20n;

/** Pages that the user pinned with one call. */
interface Item {
  id: number;
  iova: bigint;
  length: bigint;
}

/** State behind an access file. */
export class TestAccess {
  access: IommufdAccess | null = null;
  readonly needs_pin: boolean;
  readonly items: Item[] = [];
  next_id = 0;

  constructor(needs_pin: boolean) {
    this.needs_pin = needs_pin;
  }
}

function test_access_unmap(k: Kernel, access: IommufdAccess, iova: bigint, length: bigint): void {
  if (!(access.priv instanceof TestAccess)) return;
  const { items } = access.priv;
  const last = iova + length - 1n;
  for (const item of items.slice()) {
    if (iova > item.iova + item.length - 1n || last < item.iova) continue;
    items.splice(items.indexOf(item), 1);
    iommufd_access_unpin_pages(k, access, item.iova, item.length);
  }
}

const access_ops: AccessOps = Object.freeze({ needs_pin_pages: false, unmap: test_access_unmap });
const access_ops_pin: AccessOps = Object.freeze({ needs_pin_pages: true, unmap: test_access_unmap });

const access_fops: FileOps = Object.freeze({
  name: "access",
  release: (k: Kernel, file: File): void => {
    const test = file.private_data;
    if (!(test instanceof TestAccess) || test.access === null) return;
    const { access } = test;
    test.access = null;
    test_access_unmap(k, access, 0n, 0xffff_ffff_ffff_ffffn);
    iommufd_access_destroy(k, access);
  },
} satisfies FileOps);

export function test_create_access(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(TEST_CREATE_ACCESS, ucmd.bytes);
  if (!k.check((cmd.flags & ~NEEDS_PIN) === 0, "only the flag NEEDS_PIN_PAGES")) return -errno.EOPNOTSUPP;
  const pin = (cmd.flags & NEEDS_PIN) !== 0;
  const test = new TestAccess(pin);
  const file = new File(access_fops, "anon_inode:[iommufd_test_staccess]", test);
  const fd = get_unused_fd(k.current);
  if (fd < 0) return fd;
  const access = iommufd_access_create(k, ucmd.ictx, pin ? access_ops_pin : access_ops, test);
  if (typeof access === "number") return access;
  test.access = access;
  let rc = iommufd_access_attach(k, access, cmd.id);
  if (rc === 0) rc = iommufd_ucmd_respond(k, ucmd, TEST_CREATE_ACCESS, { out_access_fd: fd });
  if (rc < 0) {
    fput(k, file);
    return rc;
  }
  k.current.fds.set(fd, file);
  return 0;
}

/** The access behind a descriptor of the caller; null: -EBADFD. */
function get_access(k: Kernel, fd: number): { test: TestAccess; access: IommufdAccess } | null {
  const test = k.current.fds.get(fd)?.private_data;
  const ok = test instanceof TestAccess && test.access !== null;
  if (!k.check(ok, `descriptor ${fd} is an access`) || !(test instanceof TestAccess) || test.access === null)
    return null;
  return { test, access: test.access };
}

/** An IOVA given as {u32 n, u32 offset}: so far into the n-th area by address; 0 when there are fewer. */
function nth_area_iova(iopt: IoPagetable, code: bigint): bigint {
  let nth = Number(code & 0xffff_ffffn);
  for (const area of iopt.areas) if (nth-- === 0) return BigInt.asUintN(64, area.start + (code >> 32n));
  return 0n;
}

/** IOAS_COPY of kernels with the self-test: takes flag bit 16 off and decodes `src_iova`. */
export function iommufd_test_syz_conv_iova_id(
  k: Kernel,
  ictx: IommufdCtx,
  cmd: { flags: number; src_ioas_id: number; src_iova: bigint },
): void {
  if ((cmd.flags & ACCESS_FLAGS.SYZ) === 0) return;
  cmd.flags &= ~ACCESS_FLAGS.SYZ;
  const ioas = iommufd_get_object(k, ictx, cmd.src_ioas_id, "IOAS");
  if (ioas !== null) cmd.src_iova = nth_area_iova(ioas.iopt, cmd.src_iova);
}

function access_iova(access: IommufdAccess, flags: number, iova: bigint): bigint {
  if ((flags & ACCESS_FLAGS.SYZ) === 0) return iova;
  return access.ioas === null ? 0n : nth_area_iova(access.ioas.iopt, iova);
}

/** Do these frames stand behind the caller's pages? */
function check_pages(k: Kernel, uptr: bigint, frames: readonly number[]): number {
  for (let i = 0; i < frames.length; i++) {
    const hit = mm_pages(k, k.current.mm, uptr + BigInt(i) * PAGE_SIZE_N, false, 1);
    if (!k.check(hit !== null, "the page to compare with can be read") || hit === null) return -errno.EFAULT;
    if (!k.check(hit.pfn === frames[i], "the pinned page is the caller's")) return -errno.EBADE;
  }
  return 0;
}

export function test_access_pages(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(TEST_ACCESS_PAGES, ucmd.bytes);
  const { length, flags } = cmd;
  if (!k.check(length <= MAX_LENGTH, "at most 16 MiB")) return -errno.ENOMEM;
  const known = (flags & ~(ACCESS_FLAGS.WRITE | ACCESS_FLAGS.SYZ)) === 0;
  if (!k.check(known, "only the flags WRITE and SYZ")) return -errno.EOPNOTSUPP;
  const got = get_access(k, cmd.id);
  if (got === null) return -errno.EBADFD;
  const { test, access } = got;
  if (!k.check(test.needs_pin, "the access was made for pinning")) return -errno.EOPNOTSUPP;
  const iova = access_iova(access, flags, cmd.iova);
  const frames = iommufd_access_pin_pages(k, access, iova, length, (flags & ACCESS_FLAGS.WRITE) !== 0);
  if (typeof frames === "number") return frames;
  let rc = cmd.uptr === 0n ? 0 : check_pages(k, BigInt.asUintN(64, cmd.uptr - (iova & PAGE_MASK_N)), frames);
  if (rc === 0 && k.fails()) rc = -errno.ENOMEM;
  if (rc === 0) {
    const item = { id: test.next_id++, iova, length };
    rc = iommufd_ucmd_respond(k, ucmd, TEST_ACCESS_PAGES, { out_access_pages_id: item.id });
    if (rc === 0) test.items.push(item);
  }
  if (rc < 0) iommufd_access_unpin_pages(k, access, iova, length);
  return rc;
}

export function test_destroy_access_pages(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(TEST_DESTROY_ACCESS_PAGES, ucmd.bytes);
  const got = get_access(k, cmd.id);
  if (got === null) return -errno.EBADFD;
  const { items } = got.test;
  const at = items.findIndex((item) => item.id === cmd.access_pages_id);
  const item = items[at];
  if (!k.check(item !== undefined, "the pages are pinned under this number") || item === undefined)
    return -errno.ENOENT;
  items.splice(at, 1);
  iommufd_access_unpin_pages(k, got.access, item.iova, item.length);
  return 0;
}

export function test_access_rw(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(TEST_ACCESS_RW, ucmd.bytes);
  const { flags } = cmd;
  const { WRITE, SLOW, SYZ } = ACCESS_FLAGS;
  if (!k.check(cmd.length <= MAX_LENGTH, "at most 16 MiB")) return -errno.ENOMEM;
  if (!k.check((flags & ~(WRITE | SLOW | SYZ)) === 0, "only the flags WRITE, SLOW and SYZ")) return -errno.EOPNOTSUPP;
  const got = get_access(k, cmd.id);
  if (got === null) return -errno.EBADFD;
  if (k.fails()) return -errno.ENOMEM;
  const write = (flags & WRITE) !== 0;
  const bytes = write ? copy_from_user(k, cmd.uptr, Number(cmd.length)) : new Uint8Array(Number(cmd.length));
  if (!k.check(bytes !== null, "the data can be read") || bytes === null) return -errno.EFAULT;
  const rc = iommufd_access_rw(k, got.access, access_iova(got.access, flags, cmd.iova), bytes, flags & ~SYZ);
  if (rc < 0 || write) return rc;
  return k.check(copy_to_user(k, cmd.uptr, bytes), "the data can be written") ? 0 : -errno.EFAULT;
}

export function test_access_replace_ioas(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(TEST_ACCESS_REPLACE_IOAS, ucmd.bytes);
  const got = get_access(k, cmd.id);
  return got === null ? -errno.EBADFD : iommufd_access_replace(k, got.access, cmd.ioas_id);
}
