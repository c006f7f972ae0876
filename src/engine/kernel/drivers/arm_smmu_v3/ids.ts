/** Numbers handed out lowest first, as the kernel's ida and xarray do. */
export class IdAllocator {
  readonly min: number;
  /** Inclusive. */
  readonly max: number;
  readonly used = new Set<number>();

  constructor(min: number, max: number) {
    this.min = min;
    this.max = max;
  }

  /** Lowest free number up to `limit`; -1 when all are in use. */
  alloc(limit = this.max): number {
    for (let id = this.min; id <= Math.min(limit, this.max); id++) {
      if (this.used.has(id)) continue;
      this.used.add(id);
      return id;
    }
    return -1;
  }

  free(id: number): void {
    this.used.delete(id);
  }
}
