/** What the series of 2025 on IOMMU_OPTION SW_MSI_START and SIZE share. */
import type { Device, ResvRegion } from "../../kernel/iommu/types.ts";
import { enforce_regions } from "../../kernel/iommufd/device.ts";
import type { IoPagetable } from "../../kernel/iommufd/iopt.ts";
import { iommufd_option_respond } from "../../kernel/iommufd/main.ts";
import { iommufd_get_object } from "../../kernel/iommufd/object.ts";
import type { IommufdCtx, IommufdDevice, IommufdGroup, SwMsiOption } from "../../kernel/iommufd/objects.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { ULONG_MAX } from "../../kernel/mm/const.ts";
import type { KernelOps } from "../../kernel/ops.ts";
import { decode } from "../../uapi/codec.ts";
import { errno } from "../../uapi/errno.ts";
import { IOMMU_OPTION, OPTION_OP } from "../../uapi/iommufd.ts";
import { OPTION_ID_PROPOSED } from "../../uapi/proposals.ts";

const { SW_MSI_START, SW_MSI_SIZE } = OPTION_ID_PROPOSED;
const MIB = 1n << 20n;

export interface OptionCmd {
  what: "start" | "size";
  op: number;
  object_id: number;
  /** In: what SET gives; out: what GET answers. */
  value: { val64: bigint };
}

/** IOMMU_OPTION with the two options; the others as before. */
export function with_sw_msi_option(
  base: KernelOps,
  run: (k: Kernel, ictx: IommufdCtx, cmd: OptionCmd) => number,
): KernelOps["iommufd_option"] {
  return (k, ucmd) => {
    const cmd = decode(IOMMU_OPTION, ucmd.bytes);
    const known = cmd.option_id === SW_MSI_START || cmd.option_id === SW_MSI_SIZE;
    if (!known || cmd.__reserved !== 0) return base.iommufd_option(k, ucmd);
    const what = cmd.option_id === SW_MSI_START ? "start" : "size";
    const value = { val64: cmd.val64 };
    const rc = run(k, ucmd.ictx, { what, op: cmd.op, object_id: cmd.object_id, value });
    return rc < 0 ? rc : iommufd_option_respond(k, ucmd, value);
  };
}

/** The window that the user asked for, or null: a size of 0 or no start leaves the driver's. */
export function wanted_window(option: SwMsiOption): { start: bigint; length: bigint } | null {
  return option.size === 0n || option.start === ULONG_MAX ? null : { start: option.start, length: option.size };
}

export interface DeviceRules {
  /** Whether the option may still be looked at and changed. */
  unused(idev: IommufdDevice): boolean;
  /** What `unused` says, for "Why". */
  unusedText: string;
  /** v2 of the series: limits of the numbers, and no wrap around. */
  limits: boolean;
}

/** e2 and e3: the options of one device; SIZE counts in MiB; any operation but SET and GET does nothing. */
export function device_option(k: Kernel, ictx: IommufdCtx, cmd: OptionCmd, rules: DeviceRules): number {
  const idev = iommufd_get_object(k, ictx, cmd.object_id, "DEVICE");
  if (idev === null) return -errno.ENOENT;
  if (cmd.op !== OPTION_OP.GET && cmd.op !== OPTION_OP.SET) return 0;
  if (!k.check(rules.unused(idev), rules.unusedText, () => ({ objects: [idev.id] }))) return -errno.EBUSY;
  const option = idev.sw_msi_option;
  if (cmd.op === OPTION_OP.GET) {
    cmd.value.val64 = cmd.what === "start" ? option.start : option.size / MIB;
    return 0;
  }
  const { val64 } = cmd.value;
  if (cmd.what === "start") {
    const rc = test_window(k, idev.dev, val64, option.size, rules.limits);
    if (rc === 0) option.start = val64;
    return rc;
  }
  const fits = !rules.limits || val64 <= ULONG_MAX >> 20n;
  if (!k.check(fits, "the size in MiB is less than 2^44")) return -errno.EINVAL;
  const size = BigInt.asUintN(64, val64 * MIB);
  const rc = size === 0n ? 0 : test_window(k, idev.dev, option.start, size, rules.limits);
  if (rc === 0) option.size = size;
  return rc;
}

/** A start is tested with at least 1 MiB, against every region of the device but its own window and relaxable ones. */
function test_window(k: Kernel, dev: Device, start: bigint, size: bigint, limits: boolean): number {
  const length = size > MIB ? size : MIB;
  const aligned = start % MIB === 0n && size % MIB === 0n;
  if (!k.check(aligned, "start and size are multiples of 1 MiB", () => ({ left: `start 0x${start.toString(16)}` })))
    return -errno.EINVAL;
  if (limits && !k.check(start + length - 1n <= ULONG_MAX, "the window ends inside 64 bits")) return -errno.EOVERFLOW;
  const last = BigInt.asUintN(64, start + length - 1n);
  const hits = k.ops
    .iommu_get_resv_regions(k, dev)
    .filter((r) => r.type !== "sw-msi" && r.type !== "direct-relaxable")
    .filter((r) => r.start <= last && r.start + r.length - 1n >= start);
  const detail = () => ({
    range: { start, last },
    hits: hits.map((r) => ({ start: r.start, last: r.start + r.length - 1n, label: `${r.type} of ${dev.name}` })),
  });
  return k.check(hits.length === 0, "the window meets no region of the device", detail) ? 0 : -errno.EADDRINUSE;
}

/** e2 and e3: at an attach the user's window stands in the place of the driver's; a replace sees the driver's. */
export function enforce_moved_window(k: Kernel, iopt: IoPagetable, dev: Device, igroup: IommufdGroup | null): number {
  const regions = k.ops.iommu_get_resv_regions(k, dev);
  if (igroup === null) return enforce_regions(k, iopt, dev, regions, null);
  const idev = [...igroup.ictx.objects.values()].find((o) => o.kind === "DEVICE" && o.dev === dev);
  const window = idev?.kind === "DEVICE" ? wanted_window(idev.sw_msi_option) : null;
  const moved = (r: ResvRegion): ResvRegion =>
    window !== null && r.type === "sw-msi" ? Object.assign({}, r, window) : r;
  const before = igroup.sw_msi_start;
  const rc = enforce_regions(k, iopt, dev, regions.map(moved), igroup);
  // Doorbells of a group lie where its first attached device has its window.
  if (igroup.pasid_attach.has(0)) igroup.sw_msi_start = before;
  return rc;
}
