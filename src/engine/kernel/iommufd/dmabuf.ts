/** dma-buf files: one physical range that its exporter can take back. */
import type { File, FileOps } from "../file.ts";
import type { Kernel } from "../kernel.ts";
import type { IoptPages } from "./iopt_pages.ts";
import { iopt_area_unmap_domain } from "./pages.ts";

/** `exporter` decides whether iommufd may map it (VFIO PCI and the self-test may). */
export class DmaBuf {
  readonly exporter: "vfio-pci" | "selftest" | "other";
  /** Physical address of byte 0; memory or device memory. */
  readonly phys: number;
  /** Bytes. */
  readonly size: bigint;
  revoked = false;
  /** Page stores of iommufd that refer to it, to be emptied on revoke. */
  readonly attached = new Set<IoptPages>();

  constructor(exporter: DmaBuf["exporter"], phys: number, size: bigint) {
    this.exporter = exporter;
    this.phys = phys;
    this.size = size;
  }
}

/** The dma-buf behind an open file, or null when it is another kind of file. */
export function as_dmabuf(file: File): DmaBuf | null {
  return file.private_data instanceof DmaBuf ? file.private_data : null;
}

/**
 * The exporter says that its memory has moved: every mapping of it goes, for good; the areas stay. It says so also
 * when it gives the memory back (`revoked` false), which lets new mappings succeed, no more.
 */
export function dmabuf_revoke(k: Kernel, dmabuf: DmaBuf, revoked: boolean): void {
  dmabuf.revoked = revoked;
  for (const pages of [...dmabuf.attached].reverse()) {
    for (const { area, domain } of [...pages.tracks]) iopt_area_unmap_domain(k, area, pages, domain);
    if (pages.source.kind === "dmabuf") pages.source.gone = true;
  }
}

/** Files of exporters that have nothing to give back. */
export const dmabuf_fops: FileOps = Object.freeze({ name: "dmabuf" } satisfies FileOps);
