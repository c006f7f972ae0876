/** Deviations of an emulated VT-d unit from the architecture, each a named switch. All off = the architecture. */
export interface VtdQuirks {
  /** Root and context entries of scalable mode: the reasons of legacy mode. */
  readonly reason: boolean;
  /** First stage: user and write permission are judged at every level, before reserved bits. */
  readonly early: boolean;
  /** No permission on a cached entry: the request ends without a record. */
  readonly iotlbPerm: boolean;
  /** First stage: the AW field of the PASID entry must be a supported one. */
  readonly fsAw: boolean;
}

export const VTD_ARCHITECTURE: VtdQuirks = Object.freeze({
  reason: false,
  early: false,
  iotlbPerm: false,
  fsAw: false,
});
/** QEMU 11.1.3. */
export const VTD_QEMU: VtdQuirks = Object.freeze({ reason: true, early: true, iotlbPerm: true, fsAw: true });
