// PNG of at most 256 colours from one as a browser writes it: a screen of text and hairlines loses nothing one can see.
import { deflateSync, inflateSync } from "node:zlib";

/** Pixels of an 8-bit RGB or RGBA PNG without interlace, as packed 0xrrggbb. */
export function decode(png) {
  const width = png.readUInt32BE(16);
  const height = png.readUInt32BE(20);
  const [depth, type, , , interlace] = png.subarray(24, 29);
  if (depth !== 8 || (type !== 2 && type !== 6) || interlace !== 0) throw new Error("not a PNG as a browser writes it");
  const size = type === 6 ? 4 : 3;
  const parts = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at))
    if (png.toString("latin1", at + 4, at + 8) === "IDAT")
      parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  const raw = inflateSync(Buffer.concat(parts));
  const stride = width * size;
  const pixels = new Uint32Array(width * height);
  let above = new Uint8Array(stride);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    const row = raw.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1));
    for (let i = 0; i < stride; i++) {
      const left = i < size ? 0 : row[i - size];
      const up = above[i];
      const corner = i < size ? 0 : above[i - size];
      if (filter === 1) row[i] += left;
      else if (filter === 2) row[i] += up;
      else if (filter === 3) row[i] += (left + up) >> 1;
      else if (filter === 4) {
        const p = left + up - corner;
        const [a, b, c] = [Math.abs(p - left), Math.abs(p - up), Math.abs(p - corner)];
        row[i] += a <= b && a <= c ? left : b <= c ? up : corner;
      }
    }
    for (let x = 0; x < width; x++)
      pixels[y * width + x] = (row[x * size] << 16) | (row[x * size + 1] << 8) | row[x * size + 2];
    above = row;
  }
  return { width, height, pixels };
}

/** At most 256 colours for these: median cut over the colours, weighed by how often each is there. */
function palette(counts) {
  let boxes = [[...counts.keys()]];
  const channel = (c, shift) => (c >> shift) & 255;
  const widest = (box) => {
    let best = { range: -1, shift: 0 };
    for (const shift of [16, 8, 0]) {
      let [lo, hi] = [255, 0];
      for (const c of box) {
        const v = channel(c, shift);
        if (v < lo) lo = v;
        if (v > hi) hi = v;
      }
      if (hi - lo > best.range) best = { range: hi - lo, shift };
    }
    return best;
  };
  const weight = (box) => box.reduce((sum, c) => sum + Math.sqrt(counts.get(c)), 0);
  const scored = (box) => ({ box, ...widest(box), weight: weight(box) });
  boxes = boxes.map(scored);
  while (boxes.length < 256) {
    let at = -1;
    boxes.forEach((b, i) => {
      if (b.box.length > 1 && (at < 0 || b.range * b.weight > boxes[at].range * boxes[at].weight)) at = i;
    });
    if (at < 0) break;
    const { box, shift } = boxes[at];
    box.sort((a, b) => channel(a, shift) - channel(b, shift));
    const half = boxes[at].weight / 2;
    let sum = 0;
    let cut = 0;
    while (cut < box.length - 1 && sum < half) sum += Math.sqrt(counts.get(box[cut++]));
    cut = Math.max(1, cut);
    boxes.splice(at, 1, scored(box.slice(0, cut)), scored(box.slice(cut)));
  }
  const index = new Map();
  const colours = boxes.map(({ box }, i) => {
    let [r, g, b, n] = [0, 0, 0, 0];
    // The colour that is there most often stays as it is: grounds must not shift.
    const most = box.reduce((a, c) => (counts.get(c) > counts.get(a) ? c : a));
    for (const c of box) {
      index.set(c, i);
      const w = counts.get(c);
      r += channel(c, 16) * w;
      g += channel(c, 8) * w;
      b += channel(c, 0) * w;
      n += w;
    }
    return counts.get(most) > n / 2 ? most : (Math.round(r / n) << 16) | (Math.round(g / n) << 8) | Math.round(b / n);
  });
  return { colours, index };
}

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function chunk(type, data) {
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, "latin1");
  data.copy(out, 8);
  let c = 0xffffffff;
  for (const b of out.subarray(4, 8 + data.length)) c = CRC[(c ^ b) & 255] ^ (c >>> 8);
  out.writeUInt32BE((c ^ 0xffffffff) >>> 0, 8 + data.length);
  return out;
}

/** Packed 0xrrggbb as an RGB PNG. */
export function encode({ width, height, pixels }) {
  const raw = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const p = pixels[y * width + x];
      raw.set([(p >> 16) & 255, (p >> 8) & 255, p & 255], y * (width * 3 + 1) + 1 + x * 3);
    }
  return file(width, height, 2, [["IDAT", deflateSync(raw, { level: 9 })]]);
}

function file(width, height, type, chunks) {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, type, 0, 0, 0], 8);
  const all = [["IHDR", head], ...chunks, ["IEND", Buffer.alloc(0)]];
  return Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), ...all.map(([name, data]) => chunk(name, data))]);
}

/** @param {Buffer} png @returns {Buffer} */
export function slim(png) {
  const { width, height, pixels } = decode(png);
  const counts = new Map();
  for (const p of pixels) counts.set(p, (counts.get(p) ?? 0) + 1);
  const { colours, index } = palette(counts);
  const raw = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) raw[y * (width + 1) + 1 + x] = index.get(pixels[y * width + x]);
  const plte = Buffer.from(colours.flatMap((c) => [(c >> 16) & 255, (c >> 8) & 255, c & 255]));
  return file(width, height, 3, [
    ["PLTE", plte],
    ["IDAT", deflateSync(raw, { level: 9 })],
  ]);
}
