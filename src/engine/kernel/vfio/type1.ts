/**
 * /dev/vfio/vfio without iommufd: a container of groups, and type1 behind it, which maps the program's memory for all of
 * them. Source: linux 7.2 drivers/vfio/{container,vfio_iommu_type1}.c.
 */
import { errno } from "../../uapi/errno.ts";
import * as vfio from "../../uapi/vfio.ts";
import type { DevNode, File, FileOps } from "../file.ts";
import type { Kernel } from "../kernel.ts";
import { VfioContainer, type VfioGroup } from "./group_state.ts";
import { first_device, vfio_iommu_type1_detach_group } from "./type1_group.ts";
import { vfio_iommu_type1_get_info } from "./type1_info.ts";
import { vfio_iommu_type1_map_dma, vfio_iommu_type1_unmap_dma } from "./type1_map.ts";
import { type1_init } from "./type1_state.ts";

const TYPE1 = 1;
const TYPE1v2 = 3;
const DMA_CC = 4;
const UNMAP_ALL = 9;
const UPDATE_VADDR = 10;

/** The group's DMA is the container's; with an IOMMU chosen it joins at once. */
export function vfio_container_attach_group(k: Kernel, container: VfioContainer, group: VfioGroup): number {
  const dev = first_device(group);
  if (dev === null) return -errno.ENODEV;
  let rc = k.ops.iommu_device_claim_dma_owner(k, dev, group);
  if (rc < 0) return rc;
  if (container.type1 !== null) rc = k.ops.vfio_iommu_type1_attach_group(k, container.type1, group);
  if (rc < 0) k.ops.iommu_device_release_dma_owner(k, dev);
  else container.groups.push(group);
  return rc;
}

/** The last group takes the choice of the IOMMU with it. */
export function vfio_container_detach_group(k: Kernel, container: VfioContainer, group: VfioGroup): void {
  if (container.type1 !== null) vfio_iommu_type1_detach_group(k, container.type1, group);
  const dev = first_device(group);
  if (dev !== null) k.ops.iommu_device_release_dma_owner(k, dev);
  container.groups = container.groups.filter((one) => one !== group);
  if (container.groups.length === 0) container.type1 = null;
}

function check_extension(container: VfioContainer, arg: bigint): number {
  switch (Number(arg)) {
    case TYPE1:
    case TYPE1v2:
    case UNMAP_ALL:
      return 1;
    case UPDATE_VADDR:
      return container.type1 === null ? 0 : 1;
    case DMA_CC:
      return container.type1 !== null && container.type1.domains.length > 0 ? 1 : 0;
    default:
      return 0;
  }
}

function set_iommu(k: Kernel, container: VfioContainer, arg: bigint): number {
  const ready = container.groups.length > 0 && container.type1 === null;
  if (!k.check(ready, "the container has groups and no IOMMU yet")) return -errno.EINVAL;
  if (!k.check(arg === BigInt(TYPE1) || arg === BigInt(TYPE1v2), "the type is TYPE1 or TYPE1v2")) return -errno.ENODEV;
  const iommu = type1_init(arg !== BigInt(TYPE1));
  for (const [i, group] of container.groups.entries()) {
    const rc = k.ops.vfio_iommu_type1_attach_group(k, iommu, group);
    if (rc === 0) continue;
    for (const done of container.groups.slice(0, i)) vfio_iommu_type1_detach_group(k, iommu, done);
    return rc;
  }
  container.type1 = iommu;
  return 0;
}

function container_of(file: File): VfioContainer {
  if (!(file.private_data instanceof VfioContainer)) throw new Error("not a VFIO container");
  return file.private_data;
}

function vfio_fops_ioctl(k: Kernel, file: File, cmd: number, arg: bigint): number {
  const container = container_of(file);
  if (cmd === vfio.VFIO_GET_API_VERSION.cmd) return 0;
  if (cmd === vfio.VFIO_CHECK_EXTENSION.cmd) return check_extension(container, arg);
  if (cmd === vfio.VFIO_SET_IOMMU.cmd) return set_iommu(k, container, arg);
  const { type1 } = container;
  if (!k.check(type1 !== null, "an IOMMU was chosen") || type1 === null) return -errno.EINVAL;
  switch (cmd) {
    case vfio.VFIO_IOMMU_GET_INFO.cmd:
      return vfio_iommu_type1_get_info(k, type1, arg);
    case vfio.VFIO_IOMMU_MAP_DMA.cmd:
      return vfio_iommu_type1_map_dma(k, type1, arg);
    case vfio.VFIO_IOMMU_UNMAP_DMA.cmd:
      return vfio_iommu_type1_unmap_dma(k, type1, arg);
    default:
      k.check(false, "type1 knows the command", () => ({ left: `0x${cmd.toString(16)}` }));
      return -errno.ENOTTY;
  }
}

const vfio_fops: FileOps = Object.freeze({ name: "vfio-container", ioctl: vfio_fops_ioctl });

/** Every open is a container of its own. Groups hold the file. */
export class VfioContainerNode implements DevNode {
  readonly ops = vfio_fops;

  open(_k: Kernel, file: File): number {
    file.private_data = new VfioContainer();
    return 0;
  }
}
