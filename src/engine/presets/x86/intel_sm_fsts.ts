/** Intel VT-d, scalable mode, first stage: written by the importer from a recorded machine; see README.md. */
import type { X86MachineDesc } from "../../kernel/x86_desc.ts";
import { changed } from "../changed.ts";
import { INTEL_SM } from "./intel_sm.ts";

export const INTEL_SM_FSTS: X86MachineDesc = changed(INTEL_SM, {
  id: "intel-sm-fsts",
  title: "Intel VT-d, scalable mode, first stage",
  x86: {
    iommu: {
      units: [
        {
          name: "dmar0",
          base: 0xfed90000,
          cap: { hi: 2178023564, lo: 573507078 },
          ecap: { hi: 36250, lo: 552603470 },
          all: false,
          scope: [
            "0000:00:00.0",
            "0000:00:01.0",
            "0000:00:08.0",
            "0000:00:09.0",
            "0000:00:1e.0",
            "0000:00:1f.0",
            "0000:00:1f.2",
            "0000:00:1f.3",
          ],
        },
      ],
    },
  },
});
