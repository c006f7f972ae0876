/** One transaction of a device on its way into the SMMU, and what came out. Both are reused; no allocation per access. */

export class Txn {
  /** StreamID. */
  sid = 0;
  /** SubstreamID (PASID); -1 = the transaction carries none. */
  ssid = -1;
  write = false;
  instruction = false;
  privileged = false;
  /** Input address, two u32 halves. */
  hi = 0;
  lo = 0;

  set(sid: number, write: boolean, hi: number, lo: number, ssid = -1): this {
    this.sid = sid;
    this.ssid = ssid;
    this.write = write;
    this.instruction = false;
    this.privileged = false;
    this.hi = hi >>> 0;
    this.lo = lo >>> 0;
    return this;
  }
}

export class TxnResult {
  ok = false;
  /** Output address when ok. */
  pa = 0;
  /** The same answer holds for the naturally aligned block of 2^shift bytes around the input. */
  shift = 12;
  /** The output is Device memory. */
  device = false;
  /** Event number of the fault (`EVENT`), 0 when terminated without a record or when ok. */
  event = 0;
  /** Tag under which the SMMU holds the transaction, -1 = it was answered. */
  stag = -1;
  /** Terminated as if it had been done: reads give zero, writes nothing. */
  raz = false;
  /** Stage of the fault, 0 = configuration. */
  stage: 0 | 1 | 2 = 0;
  /** Table level of the fault, -1 = none. */
  level = -1;
}
