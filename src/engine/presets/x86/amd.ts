/** AMD IOMMU: written by the importer from a recorded machine; see README.md. */
import type { X86MachineDesc } from "../../kernel/x86_desc.ts";
import { changed } from "../changed.ts";
import { INTEL_SM } from "./intel_sm.ts";

export const AMD: X86MachineDesc = changed(INTEL_SM, {
  id: "amd",
  title: "AMD IOMMU",
  x86: { iommu: { kind: "amd", efr: { hi: 0, lo: 10711 }, efr2: { hi: 0, lo: 0 } } },
  functions: {
    "0000:00:12.0": {
      bdf: "0000:00:12.0",
      name: "1022:1419",
      driver: "",
      parent: null,
      configSize: 256,
      config:
        "2210191403011000000006080000000000000000000000000000000000000000000000000000000000000000f41a0011000000006000000000000000000000000f00031f0000d8fe00000000000000ff40281800000000000540000008580000055c80",
      bars: [],
      smmu: null,
      sids: [],
      streamId: -1,
      msiDeviceId: -1,
      regions: [],
    },
  },
});
