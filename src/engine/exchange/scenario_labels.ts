/** Names for what a recorded program made and used: objects, files, memory. */
import type { MemoryDecl, Value } from "../sim/scenario/types.ts";

/** What a label of each kind starts with. */
const LETTERS: Readonly<Record<string, string>> = Object.freeze({
  ioas: "I",
  hwpt: "H",
  nested: "N",
  viommu: "V",
  vdevice: "VD",
  veventq: "E",
  fault: "Q",
  fd: "F",
  iommufd: "FD",
  container: "C",
  group: "G",
});

const PAGE = 4096n;
const HUGE = 2n << 20n;

const name = (v: string, plus = 0n): Value => ({ k: "name", v, ...(plus === 0n ? {} : { plus }) });

export class Labels {
  /** Object id or descriptor -> label, of the objects that live now. */
  private readonly ids = new Map<number, string>();
  private readonly fds = new Map<number, string>();
  private readonly counts = new Map<string, number>();

  private fresh(kind: string): string {
    const letter = LETTERS[kind] ?? "X";
    const n = (this.counts.get(letter) ?? 0) + 1;
    this.counts.set(letter, n);
    return `${letter}${n}`;
  }

  made(kind: string, id: number): string {
    const label = this.fresh(kind);
    this.ids.set(id, label);
    return label;
  }

  opened(kind: string, fd: number): string {
    const label = this.fresh(kind);
    this.fds.set(fd, label);
    return label;
  }

  /** A device's object id means the device. */
  device(id: number, device: string): void {
    this.ids.set(id, device);
  }

  gone(id: number): void {
    this.ids.delete(id);
  }

  /** The label of an id, or the number where nothing has it. */
  id(id: number): Value {
    const label = this.ids.get(id);
    return label === undefined ? { k: "int", v: BigInt(id) } : name(label);
  }

  fd(fd: number): Value {
    const label = this.fds.get(fd);
    return label === undefined ? { k: "int", v: BigInt(fd) } : name(label);
  }
}

interface Piece {
  va: bigint;
  length: bigint;
  /** Where it was mapped first. */
  iova: bigint;
}

/** The program's memory, as far as it was mapped: pieces that touch or overlap are one memory of the scenario. */
export class Memories {
  private readonly pieces: Piece[] = [];
  private blocks: { va: bigint; end: bigint; name: string; ipa: bigint | null }[] = [];

  add(va: bigint, length: bigint, iova: bigint): void {
    if (length > 0n) this.pieces.push({ va: va - (va % PAGE), length: length + (va % PAGE), iova: iova - (va % PAGE) });
  }

  /** Call it when all are added. The guest sees a memory where its first piece was mapped, unless another lies there. */
  settle(): MemoryDecl[] {
    const sorted = this.pieces.toSorted((a, b) => (a.va < b.va ? -1 : a.va > b.va ? 1 : 0));
    for (const p of sorted) {
      const end = p.va + ((p.length + PAGE - 1n) / PAGE) * PAGE;
      const last = this.blocks.at(-1);
      if (last !== undefined && p.va <= last.end) last.end = end > last.end ? end : last.end;
      else this.blocks.push({ va: p.va, end, name: "", ipa: null });
    }
    const seen: { at: bigint; end: bigint }[] = [];
    return this.blocks.map((b, i): MemoryDecl => {
      b.name = this.blocks.length === 1 ? "RAM" : `RAM${i + 1}`;
      const length = b.end - b.va;
      const first = this.pieces.find((p) => p.va >= b.va && p.va < b.end);
      const at = first === undefined ? -1n : first.iova - (first.va - b.va);
      const clash = at < 0n || seen.some((s) => at < s.end && at + length > s.at);
      if (!clash) seen.push({ at, end: at + length });
      const pages = length % HUGE === 0n ? "huge" : "contiguous";
      return { name: b.name, length, pages, ...(clash ? {} : { ipa: at }) };
    });
  }

  /** An address of the program as the scenario writes it. */
  at(va: bigint): Value {
    const block = this.blocks.find((b) => va >= b.va && va < b.end);
    return block === undefined ? { k: "int", v: va } : name(block.name, va - block.va);
  }
}
