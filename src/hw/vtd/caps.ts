/** CAP and ECAP taken apart, and masks that follow from them. */
import { get } from "../base/fields.ts";
import { mask32 } from "../base/bits.ts";
import { CAP, ECAP } from "./regs.ts";

/** A 64-bit register value as two halves. */
export interface Halves {
  lo: number;
  hi: number;
}

export interface VtdCaps {
  readonly cap: Readonly<Halves>;
  readonly ecap: Readonly<Halves>;
  /** Supported second-stage widths: bit 1 = 39, bit 2 = 48, bit 3 = 57. */
  readonly sagaw: number;
  /** Most address bits of a request that the second stage takes. */
  readonly mgaw: number;
  /** Domain ids. */
  readonly domains: number;
  /** Offset of the first fault recording register, and how many there are. */
  readonly frcd: number;
  readonly records: number;
  readonly superpages: number;
  readonly fs1g: boolean;
  /** Taking a root table removes everything that is cached. */
  readonly esrtps: boolean;
  readonly fs5: boolean;
  readonly queued: boolean;
  readonly deviceTlb: boolean;
  readonly remapping: boolean;
  readonly passThrough: boolean;
  readonly snoop: boolean;
  readonly scalable: boolean;
  readonly firstStage: boolean;
  readonly secondStage: boolean;
  readonly nested: boolean;
  readonly accessedDirty: boolean;
  readonly pasids: boolean;
  /** Bits of the high half that an address beyond the host's width sets. */
  readonly beyondHi: number;
}

/** `haw`: bits of a physical address, 33 to 52. */
export function vtdCaps(cap: Halves, ecap: Halves, haw: number): VtdCaps {
  const c = [cap.lo, cap.hi];
  const e = [ecap.lo, ecap.hi];
  const on = (field: (typeof ECAP.f)[keyof typeof ECAP.f]): boolean => get(field, e) === 1;
  const scalable = on(ECAP.f.SMTS);
  return Object.freeze({
    cap: Object.freeze({ ...cap }),
    ecap: Object.freeze({ ...ecap }),
    sagaw: get(CAP.f.SAGAW, c),
    mgaw: get(CAP.f.MGAW, c) + 1,
    domains: 2 ** (4 + 2 * get(CAP.f.ND, c)),
    frcd: (get(CAP.f["FRO[7:0]"], c) + (get(CAP.f["FRO[9:8]"], c) << 8)) * 16,
    records: get(CAP.f.NFR, c) + 1,
    superpages: get(CAP.f.SSLPS, c),
    esrtps: get(CAP.f.ESRTPS, c) === 1,
    fs1g: get(CAP.f.FS1GP, c) === 1,
    fs5: get(CAP.f.FS5LP, c) === 1,
    queued: on(ECAP.f.QI),
    deviceTlb: on(ECAP.f.DT),
    remapping: on(ECAP.f.IR),
    passThrough: on(ECAP.f.PT),
    snoop: on(ECAP.f.SC),
    scalable,
    firstStage: scalable && on(ECAP.f.FSTS),
    secondStage: !scalable || on(ECAP.f.SSTS),
    nested: scalable && on(ECAP.f.NEST),
    accessedDirty: scalable && on(ECAP.f.SSADS),
    pasids: scalable && on(ECAP.f.PASID),
    beyondHi: (~mask32(haw - 32) & 0x000f_ffff) >>> 0,
  });
}
