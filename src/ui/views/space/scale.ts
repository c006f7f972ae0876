/**
 * A window of the axis on a width in pixels. Differences are taken in bigint and only then become numbers, so that one
 * page at the top of the 64-bit space is as exact as one at zero.
 */
import { type Axis, PAGE, type Piece, TOP, pieceAt } from "./axis.ts";

/** What is seen. `hi` is exclusive, at most 2^64. */
export interface Window {
  lo: bigint;
  hi: bigint;
}

export const WHOLE: Window = { lo: 0n, hi: TOP };

/** A piece as drawn; may reach beyond the window. */
export interface Stretch {
  piece: Piece;
  x0: number;
  x1: number;
}

/** Gaps together take at most this part of the width when all is seen. */
const GAPS_AT_MOST = 0.4;

export class Scale {
  readonly axis: Axis;
  readonly window: Window;
  readonly width: number;
  /** Pixels of a unit of weight. */
  readonly zoom: number;
  /** Pixels of a gap. */
  readonly gap: number;
  /** Pieces at the edges of the window. */
  private readonly first: number;
  private readonly last: number;

  /** `gap` is the width wanted for a gap, pixels. */
  constructor(axis: Axis, window: Window, width: number, gap: number) {
    this.axis = axis;
    this.window = window;
    this.width = width;
    const gaps = axis.gapsBefore.at(-1) ?? 0;
    const g = Math.min(gap, gaps === 0 ? gap : (GAPS_AT_MOST * width) / gaps);
    const first = pieceAt(axis, window.lo);
    this.first = first;
    this.last = pieceAt(axis, window.hi);
    const inside = axis.pieces[first];
    if (inside !== undefined && window.hi <= inside.end) {
      const part = Number(window.hi - window.lo) / Number(inside.end - inside.start);
      this.gap = inside.gap ? width / part : g;
      this.zoom = inside.gap ? width : width / (part * inside.weight);
    } else {
      const [w0, g0] = this.before(window.lo);
      const [w1, g1] = this.before(window.hi);
      this.gap = w1 - w0 < 1e-9 ? width / (g1 - g0) : Math.min(g, (0.8 * width) / Math.max(g1 - g0, 1e-9));
      this.zoom = w1 - w0 < 1e-9 ? width : (width - this.gap * (g1 - g0)) / (w1 - w0);
    }
  }

  /** Pixels from the left edge of the window. */
  x(address: bigint): number {
    const i = pieceAt(this.axis, address);
    const piece = this.axis.pieces[i];
    if (piece === undefined) return 0;
    if (i === this.first) return Number(address - this.window.lo) * this.pixelsPerByte(piece);
    if (i === this.last) return this.width - Number(this.window.hi - address) * this.pixelsPerByte(piece);
    const [w, g] = this.before(address);
    const [w0, g0] = this.before(this.window.lo);
    return (w - w0) * this.zoom + (g - g0) * this.gap;
  }

  /** The address at a pixel; outside the window too, clamped to the space. */
  at(px: number): bigint {
    if (2 * px <= this.width) return this.walk(this.window.lo, px, this.zoom).address;
    return this.walk(this.window.hi, px - this.width, this.zoom).address;
  }

  pixelsPerByte(piece: Piece): number {
    return (piece.gap ? this.gap : piece.weight * this.zoom) / Number(piece.end - piece.start);
  }

  /** The pieces that the window meets, left to right. */
  stretches(): Stretch[] {
    const out: Stretch[] = [];
    for (let i = this.first; i < this.axis.pieces.length; i++) {
      const piece = this.axis.pieces[i];
      if (piece === undefined || piece.start >= this.window.hi) break;
      out.push({ piece, x0: this.x(piece.start), x1: this.x(piece.end) });
    }
    return out;
  }

  /** Right edge of an inclusive range. */
  xLast(last: bigint): number {
    return this.x(last + 1n);
  }

  /**
   * The window after zooming by `factor` (> 1 is nearer) with the address under `px` held, down to one page. Zooming into
   * a gap opens it: from then on its inside is linear; zooming out of it shows it between its neighbours again.
   */
  zoomed(px: number, factor: number): Window {
    const held = this.at(px);
    const i = pieceAt(this.axis, held);
    const piece = this.axis.pieces[i];
    if (piece?.gap !== true) return this.around(held, px, this.zoom * factor);
    const { lo, hi } = this.window;
    const within = lo >= piece.start && hi <= piece.end;
    if (!within) return factor > 1 ? { lo: piece.start, hi: piece.end } : this.around(held, px, this.zoom * factor);
    if (factor < 1 && lo === piece.start && hi === piece.end)
      return { lo: this.axis.pieces[i - 1]?.start ?? 0n, hi: this.axis.pieces[i + 1]?.end ?? TOP };
    const bytes = BigInt(Math.round(Number(hi - lo) / factor));
    const size = bytes < PAGE ? PAGE : bytes;
    let from =
      2 * px <= this.width
        ? held - BigInt(Math.round((Number(size) * px) / this.width))
        : held + BigInt(Math.round((Number(size) * (this.width - px)) / this.width)) - size;
    if (from < piece.start || size >= piece.end - piece.start) from = piece.start;
    const to = from + size;
    if (to <= piece.end) return { lo: from, hi: to };
    return { lo: piece.end - size > piece.start ? piece.end - size : piece.start, hi: piece.end };
  }

  panned(dx: number): Window {
    const piece = this.axis.pieces[pieceAt(this.axis, this.window.lo)];
    if (piece?.gap === true && this.window.hi <= piece.end) {
      const size = this.window.hi - this.window.lo;
      let lo = this.window.lo + BigInt(Math.round((Number(size) * dx) / this.width));
      if (lo < piece.start) lo = piece.start;
      if (lo > piece.end - size) lo = piece.end - size;
      return { lo, hi: lo + size };
    }
    const lo = this.walk(this.window.lo, dx, this.zoom).address;
    return this.around(lo, 0, this.zoom);
  }

  /** The window that shows an inclusive range on the middle part of the width. */
  fitted(start: bigint, last: bigint, pad = 0.16): Window {
    const end = last + 1n;
    const i = pieceAt(this.axis, start);
    const piece = this.axis.pieces[i];
    const room = (1 - 2 * pad) * this.width;
    if (piece === undefined) return WHOLE;
    if (end <= piece.end) {
      const part = Number(end - start) / Number(piece.end - piece.start);
      if (piece.gap) return clampBytes(start, end, pad);
      return this.around(start, pad * this.width, room / (part * piece.weight));
    }
    const [w0, g0] = this.before(start);
    const [w1, g1] = this.before(end);
    if (w1 - w0 < 1e-9) return clampBytes(start, end, pad);
    const zoom = Math.max((room - this.gap * (g1 - g0)) / (w1 - w0), this.least());
    return this.around(start, pad * this.width, zoom);
  }

  /** Zoom at which the whole space fills the width. */
  least(): number {
    const gaps = this.axis.gapsBefore.at(-1) ?? 0;
    return (this.width - this.gap * gaps) / (this.axis.weightBefore.at(-1) ?? 1);
  }

  private around(held: bigint, px: number, zoom: number): Window {
    const left = this.walk(held, -px, zoom);
    const right = this.walk(held, this.width - px, zoom);
    if (left.beyond > 0 && right.beyond > 0) return WHOLE;
    let lo = left.address;
    let hi = right.address;
    if (left.beyond > 0) hi = this.walk(0n, this.width, zoom).address;
    if (right.beyond > 0) lo = this.walk(TOP, -this.width, zoom).address;
    if (hi - lo >= PAGE) return { lo, hi };
    lo = held - BigInt(Math.round((Number(PAGE) * px) / this.width));
    if (lo < 0n) lo = 0n;
    if (lo > TOP - PAGE) lo = TOP - PAGE;
    return { lo, hi: lo + PAGE };
  }

  /** From an address by pixels along the axis. `beyond`: pixels left when the end of the space is met. */
  private walk(from: bigint, dx: number, zoom: number): { address: bigint; beyond: number } {
    let address = from;
    let left = Math.abs(dx);
    const forward = dx > 0;
    let i = pieceAt(this.axis, forward || from === 0n ? from : from - 1n);
    for (;;) {
      const piece = this.axis.pieces[i];
      if (piece === undefined) return { address, beyond: left };
      const perByte = (piece.gap ? this.gap : piece.weight * zoom) / Number(piece.end - piece.start);
      const bytes = forward ? piece.end - address : address - piece.start;
      const px = Number(bytes) * perByte;
      if (left <= px) {
        const moved = BigInt(Math.round(left / perByte));
        const kept = moved > bytes ? bytes : moved;
        return { address: forward ? address + kept : address - kept, beyond: 0 };
      }
      left -= px;
      address = forward ? piece.end : piece.start;
      i += forward ? 1 : -1;
    }
  }

  /** Weight and gaps before an address. */
  private before(address: bigint): [number, number] {
    const i = pieceAt(this.axis, address);
    const piece = this.axis.pieces[i];
    const w = this.axis.weightBefore[i] ?? 0;
    const g = this.axis.gapsBefore[i] ?? 0;
    if (piece === undefined) return [w, g];
    const part = Number(address - piece.start) / Number(piece.end - piece.start);
    return piece.gap ? [w, g + part] : [w + piece.weight * part, g];
  }
}

function clampBytes(start: bigint, end: bigint, pad: number): Window {
  const size = end - start > PAGE ? end - start : PAGE;
  const more = BigInt(Math.round(Number(size) * pad));
  const lo = start > more ? start - more : 0n;
  const hi = end + more < TOP ? end + more : TOP;
  return hi - lo >= PAGE ? { lo, hi } : { lo: hi - PAGE > 0n ? hi - PAGE : 0n, hi };
}
