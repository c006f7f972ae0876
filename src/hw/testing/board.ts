/** A machine for tests of what devices and an SMMU with every option do together: one function with ATS and PRI. */
import { Machine } from "../machine.ts";
import type { PciFunction } from "../pci/function.ts";
import { CMD_MASTER, EXT } from "../pci/regs.ts";
import { ARCHITECTURE } from "../smmuv3/quirks.ts";
import { REG } from "../smmuv3/regs.ts";
import type { Smmuv3 } from "../smmuv3/smmu.ts";
import { IDS, RAM, Rig } from "./rig.ts";

/** Stalls and both ways to terminate, ATS, PRI, hardware update of both flags, 4 bits of SubstreamID, queues. */
export const FULL = Object.freeze({
  ...IDS,
  idr0: (IDS.idr0 & ~(5 << 24)) | (1 << 10) | (1 << 16) | (2 << 6) | (1 << 19),
  idr1: IDS.idr1 | (3 << 11) | (4 << 6),
  idr5: IDS.idr5 | (2 << 16),
});

export const PRIQ = 0x4003_0000;
export const BDF = "0000:00:03.0";
export const SID = 0x18;
const ATS_AT = 0x100;
const PRI_AT = 0x120;

export interface Board {
  machine: Machine;
  rig: Rig;
  smmu: Smmuv3;
  f: PciFunction;
  /** Stage-1 table of the stream, empty; made by `rig.stage1`. */
  root: number;
  /** Its CD. */
  cd: number;
}

/** CR0: SMMU, event, command and PRI queue; `atschk` too. */
export function board(atschk = false): Board {
  const config = new Uint8Array(0x200);
  config.set([CMD_MASTER], 4);
  config.set([EXT.ATS, 0, 1, PRI_AT >> 4, 0, 0, 0, 0x80], ATS_AT);
  config.set([EXT.PRI, 0, 1, 0, 1], PRI_AT);
  const machine = new Machine({
    id: "board",
    title: "Board",
    quirks: "none",
    ram: [{ ...RAM }],
    mmio: [],
    ecam: null,
    windows: [],
    smmus: [{ name: "smmu", base: 0x900_0000, ...FULL, irq: { evtq: 1, priq: 2, cmdqSync: 3, gerror: 4 } }],
    its: null,
    v2m: null,
    functions: [
      {
        bdf: BDF,
        name: "x",
        driver: "",
        parent: null,
        configSize: 0x1000,
        config: Array.from(config, (b) => b.toString(16).padStart(2, "0")).join(""),
        bars: [],
        smmu: "smmu",
        sids: [SID],
        streamId: SID,
        msiDeviceId: -1,
        regions: [],
      },
    ],
  });
  const [smmu] = machine.smmus;
  const [f] = machine.pci.functions;
  if (smmu === undefined || f === undefined) throw new Error("a board has one of each");
  const rig = new Rig({}, ARCHITECTURE, smmu);
  smmu.writeReg64(REG.PRIQ_BASE, PRIQ | 1, 0);
  smmu.writeReg(REG.IRQ_CTRL, 7);
  smmu.writeReg(REG.CR0, atschk ? 0x1f : 0xf);
  const root = rig.page();
  const cd = rig.stage1(SID, root);
  return { machine, rig, smmu, f, root, cd };
}
