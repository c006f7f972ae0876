/** Intel VT-d without interrupt remapping: written by the importer from a recorded machine; see README.md. */
import type { X86MachineDesc } from "../../kernel/x86_desc.ts";
import { changed } from "../changed.ts";
import { INTEL_SM } from "./intel_sm.ts";

export const INTEL_NOIR: X86MachineDesc = changed(INTEL_SM, {
  id: "intel-noir",
  title: "Intel VT-d without interrupt remapping",
  x86: {
    iommu: {
      units: [
        {
          name: "dmar0",
          base: 0xfed90000,
          cap: { hi: 2161246348, lo: 573507206 },
          ecap: { hi: 0, lo: 3906 },
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
      ats: false,
      interruptRemapping: false,
    },
  },
});
