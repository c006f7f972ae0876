/** A class that knows a cheaper way to copy itself than field by field. */
export interface SelfCopying {
  /** A copy of this object; what it refers to goes through `ref`, which copies it once for the whole graph. */
  selfCopy(ref: (value: unknown) => unknown): object;
  /** What makes two such objects equal: the state without caches and marks of sharing. */
  selfState(): Record<string, unknown>;
  /** What `selfRestore` needs to bring this object, in place, back to what it is now. */
  selfSave(): object;
  selfRestore(saved: object): void;
}
