/** Every tour: a chunk of its own. */
import { ioasid } from "./ioasid.ts";
import { pciWindows } from "./pci_windows.ts";
import { replace } from "./replace.ts";
import { resv } from "./resv.ts";
import { swMsi } from "./sw_msi.ts";
import type { Tour, TourId } from "./types.ts";

export const tours: Readonly<Record<TourId, Tour>> = Object.freeze({
  "sw-msi": swMsi,
  ioasid,
  "pci-windows": pciWindows,
  resv,
  replace,
});
