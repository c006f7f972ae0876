/** What feeding a trace to the engine gives. */
export interface ReplayReport {
  agreed: number;
  /** Records compared. */
  total: number;
  /** Records that are not compared, by rule (process bookkeeping, what cannot be modelled): reason -> count. */
  skipped: Map<string, number>;
  /** Records of which a part was taken from the recording. */
  given: number;
  /** The first disagreements, each decoded field by field. */
  first: string[];
  /** By self-test case: records compared and agreed. Empty for random sequences. */
  cases: Map<string, { agreed: number; total: number }>;
}

export function emptyReport(): ReplayReport {
  return { agreed: 0, total: 0, skipped: new Map(), given: 0, first: [], cases: new Map() };
}
