/**
 * What a VMM does for its guest in several calls, and what a guest's kernel does for itself. `steps/actors.ts` and
 * `steps/guest_kernel.ts` run them; every call is a real one and stands in the result.
 */
import type { OpDef } from "./ops.ts";
import { param, subject } from "./param.ts";

const viommu = param("viommu", "id", { required: true });
const at = param("at", "addr", { required: true });

export const ACTOR_OPS: readonly OpDef[] = Object.freeze<OpDef[]>([
  {
    actor: "vmm",
    name: "LAY_OUT",
    params: [param("ioas", "id", { required: true }), param("from", "addr")],
    doc: "Reads IOVA_RANGES and maps the guest's memories where the guest has them; from= places them anew around the holes.",
  },
  {
    actor: "vmm",
    name: "PLUG",
    params: [subject, param("pt", "id", { required: true }), param("viommu", "id"), param("virt_id", "count")],
    makes: "device id",
    doc: "Hotplug of a device into the guest: bind, attach to pt=, and a vDEVICE where viommu= and virt_id= say so.",
  },
  {
    actor: "vmm",
    name: "GUEST_STE",
    params: [subject, viommu, param("at", "addr"), param("vste", "words")],
    makes: "hwpt",
    doc: "The guest changed the stream's entry (two words at guest address at=, or vste=): page table for it, attach, the old one destroyed.",
  },
  {
    actor: "vmm",
    name: "RELAY",
    params: [viommu, param("each", "word", { bare: true, words: ["each"] })],
    doc: "Gives the kernel the commands that the guest queued: in one HWPT_INVALIDATE, or each in its own.",
  },
  {
    actor: "vmm",
    name: "INJECT",
    params: [param("queue", "fd", { required: true }), at],
    doc: "Reads a vIOMMU's event queue and writes the records into the guest's own queue at guest address at=.",
  },
  {
    actor: "vmm",
    name: "PREPARE_MSI",
    params: [
      subject,
      param("index", "enum", { values: { MSI: 1, MSIX: 2 } }),
      param("iova", "addr", { required: true }),
    ],
    doc: "Proposed in 2024: the address that the guest wrote for the first vector, before the vectors are enabled.",
  },
  {
    actor: "vmm",
    name: "IRQ_ACTION",
    params: [
      subject,
      param("how", "word", {
        required: true,
        bare: true,
        words: ["trigger", "mask", "unmask", "resample", "clear", "off"],
      }),
      param("index", "enum", { values: { INTX: 0, MSI: 1, MSIX: 2, ERR: 3, REQ: 4 } }),
      param("start", "count"),
      param("count", "count"),
    ],
    doc: "VFIO_DEVICE_SET_IRQS as VMMs also use it: eventfds for INTx, errors and requests; mask, unmask (resample: by an eventfd); clear: no eventfd.",
  },
  {
    actor: "vmm",
    name: "EXPORT_BAR",
    params: [
      subject,
      param("bar", "count", { required: true }),
      param("offset", "addr"),
      param("len", "size", { required: true }),
    ],
    makes: "fd",
    doc: "VFIO_DEVICE_FEATURE DMA_BUF: a part of a BAR as a file that IOAS_MAP_FILE takes.",
  },
  {
    actor: "guest",
    name: "STE",
    params: [at, param("vste", "words", { required: true })],
    doc: "Writes the first two words of a stream table entry at guest address at=.",
  },
  {
    actor: "guest",
    name: "INVALIDATE",
    params: [
      param("what", "word", { required: true, bare: true, words: ["va", "asid", "all", "cd", "cds"] }),
      param("table", "id"),
      param("iova", "addr"),
      param("len", "size"),
      param("sid", "count"),
      param("ssid", "count"),
    ],
    doc: "Queues commands: pages of table= (va), its ASID, everything (all), a context descriptor of the virtual stream sid= (cd; cds: all of them).",
  },
  {
    actor: "guest",
    name: "EVENT",
    params: [at],
    doc: "The guest reads the next record of its event queue at guest address at=.",
  },
]);
