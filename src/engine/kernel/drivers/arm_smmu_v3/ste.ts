/**
 * Stream table entries as the driver writes them. Source: linux 7.2 arm-smmu-v3.c `arm_smmu_make_*_ste`,
 * arm-smmu-v3-iommufd.c; SMMUv3 IHI 0070 5.2.
 */
import { mask32 } from "../../../../hw/base/bits.ts";
import { type Field, set } from "../../../../hw/base/fields.ts";
import { STE } from "../../../../hw/smmuv3/ste.ts";
import { vtcr_of } from "./tcr.ts";
import type { ArmSmmuDomain, ArmSmmuMaster, ArmSmmuNestedDomain } from "./device.ts";
import { ENTRY_WORDS } from "./entry_writer.ts";

const f = STE.f;

export const CFG = Object.freeze({ ABORT: 0, BYPASS: 4, S1: 5, S2: 6, NESTED: 7 });
/** What happens to traffic without a SubstreamID when there is a CD table. */
export const S1DSS = Object.freeze({ TERMINATE: 0, BYPASS: 1, SSID0: 2 });

const WB_RA_WA = 1;
const ISH = 3;
const SHCFG_INCOMING = 1;
const EATS_TRANS = 1;

export function ste_config(words: ArrayLike<number>): number {
  return ((words[0] ?? 0) >>> 1) & 7;
}

function blank(config: number): Uint32Array {
  const ste = new Uint32Array(ENTRY_WORDS);
  set(f.V, ste, 1);
  set(f.Config, ste, config);
  return ste;
}

export function arm_smmu_make_abort_ste(): Uint32Array {
  return blank(CFG.ABORT);
}

export function arm_smmu_make_bypass_ste(master: Pick<ArmSmmuMaster, "smmu">): Uint32Array {
  const ste = blank(CFG.BYPASS);
  if (master.smmu.features.attr_types_ovr) set(f.SHCFG, ste, SHCFG_INCOMING);
  return ste;
}

/** Stage 1 through the device's CD table. */
export function arm_smmu_make_cdtable_ste(master: ArmSmmuMaster, ats: boolean, s1dss: number): Uint32Array {
  const { cd_table, smmu } = master;
  const ste = blank(CFG.S1);
  set(f.S1Fmt, ste, cd_table.two_level ? 2 : 0);
  set(f["S1ContextPtr[31:6]"], ste, (cd_table.base % 2 ** 32) >>> 6);
  set(f["S1ContextPtr[51:32]"], ste, Math.floor(cd_table.base / 2 ** 32));
  set(f.S1CDMax, ste, cd_table.s1cdmax);
  set(f.S1DSS, ste, s1dss);
  set(f.S1CIR, ste, WB_RA_WA);
  set(f.S1COR, ste, WB_RA_WA);
  set(f.S1CSH, ste, ISH);
  if (smmu.features.stalls && !master.stall_enabled) set(f.S1STALLD, ste, 1);
  if (ats) set(f.EATS, ste, EATS_TRANS);
  if (s1dss === S1DSS.BYPASS && smmu.features.attr_types_ovr) set(f.SHCFG, ste, SHCFG_INCOMING);
  return ste;
}

export function arm_smmu_make_s2_domain_ste(master: ArmSmmuMaster, domain: ArmSmmuDomain, ats: boolean): Uint32Array {
  const { smmu } = master;
  const ste = blank(CFG.S2);
  const vtcr = vtcr_of(domain.pgtable);
  if (ats) set(f.EATS, ste, EATS_TRANS);
  if (domain.pgtable.cfg.fwb) set(f.S2FWB, ste, 1);
  if (smmu.features.attr_types_ovr) set(f.SHCFG, ste, SHCFG_INCOMING);
  set(f.S2VMID, ste, domain.tag);
  set(f.S2T0SZ, ste, vtcr.tsz);
  set(f.S2SL0, ste, vtcr.sl);
  set(f.S2IR0, ste, vtcr.irgn);
  set(f.S2OR0, ste, vtcr.orgn);
  set(f.S2SH0, ste, vtcr.sh);
  set(f.S2TG, ste, vtcr.tg);
  set(f.S2PS, ste, vtcr.ps);
  set(f.S2AA64, ste, 1);
  set(f.S2PTW, ste, 1);
  set(f.S2R, ste, 1);
  if (master.stall_enabled) set(f.S2S, ste, 1);
  set(f["S2TTB[31:4]"], ste, (domain.pgtable.pgd % 2 ** 32) >>> 4);
  set(f["S2TTB[51:32]"], ste, Math.floor(domain.pgtable.pgd / 2 ** 32));
  return ste;
}

/** What the guest asks for, on top of the parent's stage 2. */
export function arm_smmu_make_nested_domain_ste(
  master: ArmSmmuMaster,
  parent: ArmSmmuDomain,
  nested: ArmSmmuNestedDomain,
  ats: boolean,
): Uint32Array {
  switch (ste_config(nested.ste)) {
    case CFG.S1: {
      const ste = arm_smmu_make_s2_domain_ste(master, parent, ats);
      for (let w = 0; w < 4; w++) ste[w] = (ste[w] ?? 0) | (nested.ste[w] ?? 0);
      set(f.Config, ste, CFG.NESTED);
      set(f.MEV, ste, 1);
      return ste;
    }
    case CFG.BYPASS:
      return arm_smmu_make_s2_domain_ste(master, parent, ats);
    default:
      return arm_smmu_make_abort_ste();
  }
}

/** Mask of fields, as words. */
function mask_of(fields: readonly Field[]): Uint32Array {
  const mask = new Uint32Array(ENTRY_WORDS);
  for (const field of fields) {
    mask[field.word] = (mask[field.word] ?? 0) | (mask32(field.hi - field.lo + 1) << field.lo);
  }
  return mask;
}

const S1_PTR = [f.S1Fmt, f["S1ContextPtr[31:6]"], f["S1ContextPtr[51:32]"], f.S1CDMax];
const S1_ATTR = [f.S1DSS, f.S1CIR, f.S1COR, f.S1CSH, f.S1STALLD, f.EATS];
const S2_ALL = [
  f.S2FWB,
  f.EATS,
  f.SHCFG,
  f.MEV,
  f.S2VMID,
  f.S2T0SZ,
  f.S2SL0,
  f.S2IR0,
  f.S2OR0,
  f.S2SH0,
  f.S2TG,
  f.S2PS,
  f.S2AA64,
  f.S2ENDI,
  f.S2PTW,
  f.S2S,
  f.S2R,
  f["S2TTB[31:4]"],
  f["S2TTB[51:32]"],
];

/** Bits that the hardware looks at in an STE of this configuration. */
export function arm_smmu_get_ste_used(ste: Uint32Array): Uint32Array {
  if (((ste[0] ?? 0) & 1) === 0) return mask_of([f.V]);
  const fields: Field[] = [f.V, f.Config];
  const config = ste_config(ste);
  if ((config & 4) !== 0 && (config & 1) !== 0) {
    fields.push(...S1_PTR, ...S1_ATTR, f.STRW, f.MEV, f.S2VMID);
    if (((ste[2] ?? 0) & 3) === S1DSS.BYPASS) fields.push(f.SHCFG);
  }
  if ((config & 4) !== 0 && (config & 2) !== 0) fields.push(...S2_ALL);
  if (config === CFG.BYPASS) fields.push(f.SHCFG);
  return mask_of(fields);
}

/**
 * MEV only changes how many records are made. EATS may change at any time unless stage-1-checked ATS is involved: the
 * driver switches ATS off in the device before it touches the bit.
 */
export function arm_smmu_get_ste_update_safe(current: Uint32Array, target: Uint32Array): Uint32Array {
  const s1chk = (((current[f.EATS.word] ?? 0) | (target[f.EATS.word] ?? 0)) >>> f.EATS.lo) & 2;
  return mask_of(s1chk === 0 ? [f.MEV, f.EATS] : [f.MEV]);
}

/** Words 0-3 of a virtual STE: bits that a guest may set. Anything else is EIO. */
export function vste_allowed(): Uint32Array {
  return mask_of([f.V, f.Config, ...S1_PTR, ...S1_ATTR]);
}

export function vste_eats(vste: Uint32Array): number {
  return ((vste[f.EATS.word] ?? 0) >>> f.EATS.lo) & f.EATS.mask;
}

/** The virtual STE without its EATS: that bit follows the state of ATS in the device. */
export function vste_without_eats(vste: Uint32Array): Uint32Array {
  const out = vste.slice();
  set(f.EATS, out, 0);
  return out;
}
