/**
 * Deviations of an emulated SMMUv3 from the architecture, each a named switch. All off = the architecture.
 * The names are those of the recordings' list of deviations; what QEMU 11.1.3 does stands beside each.
 */
export interface Quirks {
  /** S2 start level with concatenated tables: only the first table is used. */
  readonly s2Concat: boolean;
  /** Fewer than 2 entries at the S2 start level are accepted. */
  readonly s2sl0Min: boolean;
  /** S2 input size above S2PS is C_BAD_STE. */
  readonly s2t0szPs: boolean;
  /** S2HA, S2HD without HTTU are accepted. */
  readonly s2haIgnored: boolean;
  /** S1CDMax != 0 or S1STALLD is C_BAD_STE whether stage 1 and substreams are used or not. */
  readonly s1cdmax: boolean;
  /** An L1 descriptor covers 2^Span - 1 as highest index; beyond is C_BAD_STE. */
  readonly spanLimit: boolean;
  /** C_BAD_STREAMID is recorded whatever CR2.RECINVSID says. */
  readonly recinvsid: boolean;
  /** CD.ENDI is looked at only for tables in use. */
  readonly endiEpd: boolean;
  /** F_CD_FETCH carries its address in the InputAddr field. */
  readonly cdfetchWord: boolean;
  /** A stage-2 fault or abort on the CD fetch has RnW = 1. */
  readonly cdRnw: boolean;
  /** A stage-2 fault on a stage-1 table fetch below the root is recorded as stage 1. */
  readonly ttS2bit: boolean;
  /** Both TTBs are translated when the CD is read (through the TLB, records say read), and cut to CD.IPS bits. */
  readonly nestedTtb: boolean;
  /** A stage-1 table is translated once by its base. */
  readonly ttBaseOnly: boolean;
  /** A next-level table address beyond the output size is accepted. */
  readonly tableOa: boolean;
  /** The output size is checked after access flag and permission. */
  readonly addrSizeLast: boolean;
  /** Blocks are accepted at 4K level 0 and at 16K, 64K level 1. */
  readonly blockLevel: boolean;
  /** AP[1] and APTable[0] are ignored. */
  readonly ap1: boolean;
  /** APTable[1] faults a write at the table level. */
  readonly aptableEarly: boolean;
  /** STE.S2PTW is ignored. */
  readonly s2ptw: boolean;
  /** An input of stage 2 alone above the OAS ends without a record. */
  readonly s2InputSilent: boolean;
  /** Permission faults on a TLB hit are checked and recorded in part only. */
  readonly tlbHitPerm: boolean;
  /** APTable is not part of a TLB entry. */
  readonly tlbAptable: boolean;
  /** Global entries carry the ASID. */
  readonly tlbiGlobal: boolean;
  /** A bypassed address above the OAS passes. */
  readonly bypassOas: boolean;
  /** TTB1 uses TBI0. */
  readonly tbi1: boolean;
  /** TLB entries carry the ignored top byte of the address. */
  readonly tlbTagged: boolean;
  /** The IPA of a record keeps its low 12 bits. */
  readonly ipaLow: boolean;
  /** The event queue when full: GERROR.EVENTQ_ABT_ERR instead of the overflow flag. */
  readonly evtqFull: boolean;
  /** Commands of features that are not implemented are ignored instead of CERROR_ILL. */
  readonly cmdIgnored: boolean;
  /** Records of table walks have TTRnW = 0. */
  readonly ttrnw: boolean;
  /** A stream table once two-level stays two-level until reset. */
  readonly fmtSticky: boolean;
  /** A faulting DMA is retried in pieces of 4 bytes, one record each. */
  readonly dmaRetry4: boolean;
  /** Every request of a function goes to the root complex: switches and ACS do not route peer to peer. */
  readonly noPeerToPeer: boolean;
}

const NAMES: readonly (keyof Quirks)[] = Object.freeze([
  "s2Concat",
  "s2sl0Min",
  "s2t0szPs",
  "s2haIgnored",
  "s1cdmax",
  "spanLimit",
  "recinvsid",
  "endiEpd",
  "cdfetchWord",
  "cdRnw",
  "ttS2bit",
  "nestedTtb",
  "ttBaseOnly",
  "tableOa",
  "addrSizeLast",
  "blockLevel",
  "ap1",
  "aptableEarly",
  "s2ptw",
  "s2InputSilent",
  "tlbHitPerm",
  "tlbAptable",
  "tlbiGlobal",
  "bypassOas",
  "tbi1",
  "tlbTagged",
  "ipaLow",
  "evtqFull",
  "cmdIgnored",
  "ttrnw",
  "fmtSticky",
  "dmaRetry4",
  "noPeerToPeer",
]);

/** A record with exactly the named switches on. */
export function quirks(on: readonly (keyof Quirks)[]): Quirks {
  return Object.freeze(
    Object.fromEntries(NAMES.map((name) => [name, on.includes(name)])) as Record<keyof Quirks, boolean>,
  );
}

export const ARCHITECTURE: Quirks = quirks([]);
export const QEMU: Quirks = quirks(NAMES);
