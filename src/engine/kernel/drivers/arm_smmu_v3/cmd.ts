/**
 * Commands as the driver queues them, four u32 each.
 * Source: linux 7.2 arm-smmu-v3.c `arm_smmu_cmdq_build_cmd`; SMMUv3 IHI 0070 4.
 */
export type Cmd = readonly [w0: number, w1: number, w2: number, w3: number];

export const OP = Object.freeze({
  PREFETCH_CFG: 0x01,
  CFGI_STE: 0x03,
  CFGI_ALL: 0x04,
  CFGI_CD: 0x05,
  CFGI_CD_ALL: 0x06,
  TLBI_NH_ALL: 0x10,
  TLBI_NH_ASID: 0x11,
  TLBI_NH_VA: 0x12,
  TLBI_NH_VAA: 0x13,
  TLBI_EL2_ALL: 0x20,
  TLBI_S12_VMALL: 0x28,
  TLBI_S2_IPA: 0x2a,
  TLBI_NSNH_ALL: 0x30,
  ATC_INV: 0x40,
  PRI_RESP: 0x41,
  RESUME: 0x44,
  SYNC: 0x46,
});

export function cmd_op(cmd: Cmd): number {
  return cmd[0] & 0xff;
}

export function cmd_prefetch_cfg(sid: number): Cmd {
  return [OP.PREFETCH_CFG, sid, 0, 0];
}

/** `leaf`: only the STE, not the L1 descriptor above it. */
export function cmd_cfgi_ste(sid: number, leaf: boolean): Cmd {
  return [OP.CFGI_STE, sid, leaf ? 1 : 0, 0];
}

export function cmd_cfgi_all(): Cmd {
  return [OP.CFGI_ALL, 0, 31, 0];
}

export function cmd_cfgi_cd(sid: number, ssid: number, leaf: boolean): Cmd {
  return [(OP.CFGI_CD | (ssid << 12)) >>> 0, sid, leaf ? 1 : 0, 0];
}

/** NH_ASID (with its ASID) or S12_VMALL, NH_ALL (with their VMID), NSNH_ALL, EL2_ALL. */
export function cmd_tlbi_all(op: number, vmid: number, asid: number): Cmd {
  return [op, ((asid << 16) | vmid) >>> 0, 0, 0];
}

/** A range of NUM + 1 times 2^scale granules; without range invalidation `num`, `scale`, `ttl` and `tg` are 0. */
export interface TlbiRange {
  iova: number;
  leaf: boolean;
  num: number;
  scale: number;
  ttl: number;
  tg: number;
}

export function cmd_tlbi_va(op: number, vmid: number, asid: number, r: TlbiRange): Cmd {
  return [
    (op | (r.num << 12) | (r.scale << 20)) >>> 0,
    ((asid << 16) | vmid) >>> 0,
    (((r.iova % 2 ** 32) & 0xfffff000) | (r.tg << 10) | (r.ttl << 8) | (r.leaf ? 1 : 0)) >>> 0,
    Math.floor(r.iova / 2 ** 32),
  ];
}

/** `size`: log2 of the pages; 52 = everything. */
export function cmd_atc_inv(sid: number, ssid: number, iova: number, size: number): Cmd {
  const ssv = ssid === 0 ? 0 : (1 << 11) | (ssid << 12);
  return [(OP.ATC_INV | ssv) >>> 0, sid, (((iova % 2 ** 32) & 0xfffff000) | size) >>> 0, Math.floor(iova / 2 ** 32)];
}

/** `resp`: 0 terminate, 1 retry, 2 abort. */
export function cmd_resume(sid: number, stag: number, resp: number): Cmd {
  return [OP.RESUME | (resp << 12), sid, stag, 0];
}

/** `resp`: 0 deny, 1 fail, 2 success. */
export function cmd_pri_resp(sid: number, ssid: number, ssv: boolean, grpid: number, resp: number): Cmd {
  return [(OP.PRI_RESP | (ssv ? (1 << 11) | (ssid << 12) : 0)) >>> 0, sid, grpid | (resp << 12), 0];
}

/** Completion by event (SEV), with write-back inner-shareable attributes for an MSI that is not used. */
export function cmd_sync(): Cmd {
  return [OP.SYNC | (2 << 12) | (3 << 22) | (0xf << 24), 0, 0, 0];
}
