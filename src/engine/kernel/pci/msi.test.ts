import { expect, test } from "vitest";
import { Machine } from "../../../hw/machine.ts";
import { CAP } from "../../../hw/pci/regs.ts";
import { NOMSI } from "../../presets/nomsi.ts";
import { PLAIN } from "../../presets/plain.ts";
import { errno } from "../../uapi/errno.ts";
import { boot, kernel_after_device_access } from "../boot.ts";
import { free_irq, type IrqDesc, request_irq } from "../irq/irqdesc.ts";
import { baseOps } from "../ops.ts";
import { the_platform } from "../platform.ts";
import { NEWEST_FEATURES } from "../resolve.ts";
import { pci_alloc_irq_vectors, pci_free_irq_vectors } from "./msi.ts";
import { pci_set_master, type PciDev } from "./pci_dev.ts";

const PROFILE = {
  profile: { id: "linux-7.2", title: "7.2", date: "2026-08-16", changes: "" },
  features: NEWEST_FEATURES,
  ops: baseOps,
} as const;
const EDU = "0000:00:03.0";
/** Multiple Message Capable, bits 3:1 of the control register: log2 of the vectors. */
const FOUR_VECTORS = 2 << 1;

/** The test device with an MSI capability of four vectors. */
function edu(): { k: ReturnType<typeof boot>; pdev: PciDev } {
  const k = boot(new Machine(PLAIN), PROFILE);
  const pdev = the_platform(k).pci.get(EDU);
  if (pdev === undefined) throw new Error(EDU);
  const { config } = pdev.hw;
  const control = config.find(CAP.MSI) + 2;
  config.bytes[control] = (config.bytes[control] ?? 0) | FOUR_VECTORS;
  pci_set_master(pdev);
  return { k, pdev };
}

test("several vectors of one MSI capability: it has the message of the first, the device adds the number", () => {
  const { k, pdev } = edu();
  const { config } = pdev.hw;
  const cap = config.find(CAP.MSI);
  expect(pci_alloc_irq_vectors(k, pdev, "msi", 4)).toBe(4);
  const irqs: readonly IrqDesc[] = pdev.msi?.irqs ?? [];
  expect(irqs.map((desc) => desc.hwirq)).toEqual([0, 1, 2, 3]);
  expect(config.read(cap + 12, 2)).toBe(0);
  expect((config.read(cap + 2, 2) >> 4) & 7).toBe(2);
  const fired: number[] = [];
  for (const desc of irqs) request_irq(desc, (_k, d) => fired.push(d.index), desc);
  for (const vector of [2, 0, 3]) expect(the_platform(k).machine.msi(EDU, vector).end).toBe("its");
  kernel_after_device_access(k);
  expect(fired).toEqual([2, 0, 3]);
  for (const desc of irqs) free_irq(desc);
  pci_free_irq_vectors(k, pdev);
  expect(config.read(cap + 4, 4)).toBe(0);
  expect(config.read(cap + 2, 2) & 0x71).toBe(0);
});

test.each([
  ["nomsi", NOMSI, errno.EINVAL],
  ["the same, described by ACPI", acpiOf(NOMSI), errno.ENODEV],
] as const)("without an MSI controller: %s", (_, desc, code) => {
  const k = boot(new Machine(desc), PROFILE);
  const pdev = the_platform(k).pci.get(EDU);
  expect(pdev === undefined ? 0 : pci_alloc_irq_vectors(k, pdev, "msi", 1)).toBe(-code);
  expect(pdev?.msi).toBeNull();
});

function acpiOf(desc: typeof NOMSI): typeof NOMSI {
  const { firmware } = desc;
  return firmware === undefined ? desc : { ...desc, firmware: { ...firmware, kind: "acpi" } };
}
