/** Short human names of PCI functions, for labels only. */

const KNOWN: Readonly<Record<string, string>> = Object.freeze({
  "8086:10d3": "e1000e",
  "8086:100e": "e1000",
  "1234:11e8": "edu",
  "1b36:0008": "host bridge",
  "1b36:0010": "nvme",
  "1b36:000c": "root port",
  "1b36:000e": "PCIe-PCI bridge",
  "104c:8232": "switch up",
  "104c:8233": "switch down",
  "1af4:1009": "virtio-9p",
});

const CLASSES: Readonly<Record<string, string>> = Object.freeze({
  "0100": "SCSI",
  "0106": "SATA",
  "0108": "nvme",
  "0200": "network",
  "0300": "VGA",
  "0302": "GPU",
  "0403": "audio",
  "0600": "host bridge",
  "0601": "ISA bridge",
  "0604": "PCI bridge",
  "0c03": "USB",
  "0c05": "SMBus",
  "1200": "accelerator",
});

/** `vendor`, `device`: 0x1234; `classCode`: 0x020000. */
export function pciName(vendor: number, device: number, classCode: number): string {
  const id = `${vendor.toString(16).padStart(4, "0")}:${device.toString(16).padStart(4, "0")}`;
  const base = (classCode >>> 8).toString(16).padStart(4, "0");
  return KNOWN[id] ?? CLASSES[base] ?? id;
}
