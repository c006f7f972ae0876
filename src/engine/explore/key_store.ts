/** Numbers for keys of any length, exact: equal keys get one number, counted from 0. All in two typed arrays. */
export class KeyStore {
  size = 0;
  /** Keys one behind the other, each behind its length. */
  private data = new Uint32Array(1 << 14);
  private used = 0;
  /** Pairs: place of a key in `data` + 1 (0 = empty), its number. */
  private table = new Uint32Array(1 << 11);

  /** Bytes held. */
  get bytes(): number {
    return this.data.byteLength + this.table.byteLength;
  }

  /** Words that the keys take so far, each key behind its length. */
  get length(): number {
    return this.used;
  }

  /** A copy of the keys from a place in those words on, in the order of their numbers, each behind its length. */
  since(at: number): Uint32Array {
    return this.data.slice(at, this.used);
  }

  number(key: Uint32Array): number {
    const slot = this.find(key);
    const held = this.table[slot] ?? 0;
    return held !== 0 ? (this.table[slot + 1] ?? 0) : this.enter(key, slot);
  }

  private find(key: Uint32Array): number {
    const { table, data } = this;
    const mask = table.length / 2 - 1;
    let at = hash(key) & mask;
    for (;;) {
      const held = table[2 * at] ?? 0;
      if (held === 0 || equal(data, held - 1, key)) return 2 * at;
      at = (at + 1) & mask;
    }
  }

  private enter(key: Uint32Array, slot: number): number {
    if (this.used + key.length + 1 > this.data.length) {
      const data = new Uint32Array(Math.max(2 * this.data.length, this.used + key.length + 1));
      data.set(this.data);
      this.data = data;
    }
    this.data[this.used] = key.length;
    this.data.set(key, this.used + 1);
    this.table[slot] = this.used + 1;
    this.table[slot + 1] = this.size;
    this.used += key.length + 1;
    if (++this.size * 4 > this.table.length) this.grow();
    return this.size - 1;
  }

  private grow(): void {
    const old = this.table;
    this.table = new Uint32Array(2 * old.length);
    for (let i = 0; i < old.length; i += 2) {
      const held = old[i] ?? 0;
      if (held === 0) continue;
      const at = held - 1;
      const slot = this.find(this.data.subarray(at + 1, at + 1 + (this.data[at] ?? 0)));
      this.table[slot] = held;
      this.table[slot + 1] = old[i + 1] ?? 0;
    }
  }
}

function equal(data: Uint32Array, at: number, key: Uint32Array): boolean {
  if (data[at] !== key.length) return false;
  for (let i = 0; i < key.length; i++) if (data[at + 1 + i] !== key[i]) return false;
  return true;
}

function hash(key: Uint32Array): number {
  let h = key.length;
  for (const word of key) {
    h = Math.imul(h ^ word, 0x9e3779b1);
    h ^= h >>> 15;
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}
