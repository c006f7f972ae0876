/**
 * An exact set of packed states in typed arrays: open addressing, linear probing. A state is `words` 32-bit words; it
 * keeps the number under which it was added first, counting from 0. Equal means all words equal: the hash only
 * says where to look.
 */
export class StateSet {
  readonly words: number;
  size = 0;
  /** State n stands at n * words. Replaced when it grows: never keep it. */
  data: Uint32Array;
  /** Number of a state + 1; 0 = empty. At most half full. */
  private table: Int32Array;
  private mask: number;

  constructor(words: number, room = 1 << 12) {
    let slots = 16;
    while (slots < 2 * room) slots *= 2;
    this.words = words;
    this.data = new Uint32Array((slots / 2) * words);
    this.table = new Int32Array(slots);
    this.mask = slots - 1;
  }

  /** Bytes held. */
  get bytes(): number {
    return this.data.byteLength + this.table.byteLength;
  }

  /** Adds the state at `from[at]`; its number, or -1 - number when it was there. */
  add(from: Uint32Array, at: number): number {
    return this.words === 1 ? this.addWord(from[at] as number) : this.addWords(from, at);
  }

  /** Number of the state at `from[at]`; -1 when it is not there. */
  find(from: Uint32Array, at: number): number {
    const { table, data, mask, words } = this;
    let slot = (words === 1 ? mix(from[at] as number) : hashOf(from, at, words)) & mask;
    for (let held = table[slot] as number; held !== 0; held = table[slot] as number) {
      const base = (held - 1) * words;
      let i = 0;
      while (i < words && data[base + i] === from[at + i]) i++;
      if (i === words) return held - 1;
      slot = (slot + 1) & mask;
    }
    return -1;
  }

  private addWord(word: number): number {
    const { table, data, mask } = this;
    let slot = mix(word) & mask;
    for (let held = table[slot] as number; held !== 0; held = table[slot] as number) {
      if (data[held - 1] === word) return -held;
      slot = (slot + 1) & mask;
    }
    data[this.size] = word;
    return this.enter(slot);
  }

  private addWords(from: Uint32Array, at: number): number {
    const { table, data, mask, words } = this;
    let slot = hashOf(from, at, words) & mask;
    for (let held = table[slot] as number; held !== 0; held = table[slot] as number) {
      const base = (held - 1) * words;
      let i = 0;
      while (i < words && data[base + i] === from[at + i]) i++;
      if (i === words) return -held;
      slot = (slot + 1) & mask;
    }
    const base = this.size * words;
    for (let i = 0; i < words; i++) data[base + i] = from[at + i] as number;
    return this.enter(slot);
  }

  private enter(slot: number): number {
    const number = this.size++;
    this.table[slot] = number + 1;
    if (this.size * 2 > this.mask) this.grow();
    return number;
  }

  private grow(): void {
    const { words } = this;
    const slots = (this.mask + 1) * 2;
    const data = new Uint32Array((slots / 2) * words);
    data.set(this.data);
    const table = new Int32Array(slots);
    const mask = slots - 1;
    for (let n = 0; n < this.size; n++) {
      let slot = (words === 1 ? mix(data[n] as number) : hashOf(data, n * words, words)) & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = n + 1;
    }
    this.data = data;
    this.table = table;
    this.mask = mask;
  }
}

/** Every bit of the input reaches the low bits. */
function mix(x: number): number {
  let h = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return h ^ (h >>> 16);
}

function hashOf(from: Uint32Array, at: number, words: number): number {
  let h = 0;
  for (let i = 0; i < words; i++) h = mix((from[at + i] as number) ^ h) + 0x9e3779b9;
  return h;
}
