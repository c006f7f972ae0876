/** The older way to devices: groups, and containers of groups with VFIO type1. `steps/type1.ts` runs them. */
import * as vfio from "../../uapi/vfio.ts";
import type { OpDef } from "./ops.ts";
import { param, subject } from "./param.ts";

const container = param("container", "fd", { required: true });
const group = param("group", "fd", { required: true });
const types = Object.freeze({ TYPE1: 1, TYPE1v2: 3 });
/** Bit 2 is no flag of any release: VFIO_DMA_MAP_FLAG_MSI_RESERVED_IOVA of the 2016 series. */
const dmaFlags = Object.freeze({ R: 1, W: 2, MSI_RESERVED: 4 });

export const TYPE1_OPS: readonly OpDef[] = Object.freeze<OpDef[]>([
  { actor: "vmm", name: "OPEN_CONTAINER", params: [], makes: "container", doc: "Opens /dev/vfio/vfio." },
  {
    actor: "vmm",
    name: "OPEN_GROUP",
    params: [subject],
    makes: "group",
    doc: "Opens /dev/vfio/N of the device's group.",
  },
  {
    actor: "vmm",
    name: "VFIO_GROUP_SET_CONTAINER",
    params: [group, container],
    def: vfio.VFIO_GROUP_SET_CONTAINER,
    doc: "The group joins the container.",
  },
  {
    actor: "vmm",
    name: "VFIO_GROUP_UNSET_CONTAINER",
    params: [group],
    def: vfio.VFIO_GROUP_UNSET_CONTAINER,
    doc: "The group leaves its container.",
  },
  {
    actor: "vmm",
    name: "VFIO_SET_IOMMU",
    params: [container, param("type", "enum", { values: types })],
    def: vfio.VFIO_SET_IOMMU,
    doc: "Chooses the IOMMU model of the container (type=TYPE1v2 unless said): its groups get page tables.",
  },
  {
    actor: "vmm",
    name: "VFIO_IOMMU_GET_INFO",
    params: [container],
    def: vfio.VFIO_IOMMU_GET_INFO,
    doc: "Page sizes, and from 5.4 on the valid IOVAs: ranges, and how many (entries).",
  },
  {
    actor: "vmm",
    name: "VFIO_IOMMU_MAP_DMA",
    params: [
      container,
      param("iova", "addr", { required: true }),
      param("len", "size", { required: true }),
      param("va", "va"),
      param("flags", "flags", { values: dmaFlags }),
    ],
    def: vfio.VFIO_IOMMU_MAP_DMA,
    doc: "Maps user memory for every group of the container. RW unless said. MSI_RESERVED was proposed in 2016 only.",
  },
  {
    actor: "vmm",
    name: "VFIO_IOMMU_UNMAP_DMA",
    params: [container, param("iova", "addr", { required: true }), param("len", "size", { required: true })],
    def: vfio.VFIO_IOMMU_UNMAP_DMA,
    doc: "Takes whole mappings out.",
  },
  {
    actor: "vmm",
    name: "VFIO_GROUP_GET_DEVICE_FD",
    params: [group, subject],
    def: vfio.VFIO_GROUP_GET_DEVICE_FD,
    doc: "Opens the device by way of its group; the program then lets it master the bus.",
  },
]);
