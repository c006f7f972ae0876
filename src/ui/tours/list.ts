/** Which tours there are; what they tell is fetched with the first of them. */
import type { Tour, TourId } from "./types.ts";

export interface TourEntry {
  id: TourId;
  title: string;
  year: string;
  question: string;
}

/** In the order in which they are best read: each needs what the one before it explains. */
export const TOURS: readonly TourEntry[] = Object.freeze([
  {
    id: "sw-msi",
    title: "SW_MSI: at allocation or at attach",
    year: "2024",
    question: "Who keeps the MSI window free for a device on a nested page table, who maps the doorbell, and when?",
  },
  {
    id: "ioasid",
    title: "/dev/ioasid and what became of it",
    year: "2021",
    question: "One file for everything about device address spaces: what are its objects, and whom does a fault name?",
  },
  {
    id: "pci-windows",
    title: "PCI windows and ACS",
    year: "2018",
    question: "May guest memory lie where the host bridge has a window, and whose business is it to know?",
  },
  {
    id: "resv",
    title: "Reserved regions under nesting",
    year: "2023",
    question: "A device's regions on a nested page table: cut out, told to the VMM, or left alone?",
  },
  {
    id: "replace",
    title: "Replace, auto domains, late linkage",
    year: "2023",
    question: "When does a page table join its address space, so that a device can be moved without a gap?",
  },
]);

export function isTour(text: string): text is TourId {
  return TOURS.some((t) => t.id === text);
}

export async function loadTour(id: TourId): Promise<Tour> {
  const { tours } = await import("./all.ts");
  return tours[id];
}
