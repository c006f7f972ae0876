/** Pixels row by row, packed 0xrrggbb. */
export interface Picture {
  width: number;
  height: number;
  pixels: Uint32Array;
}
export function decode(png: Buffer): Picture;
export function encode(picture: Picture): Buffer;
export function slim(png: Buffer): Buffer;
