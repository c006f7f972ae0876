/** Reading input files: plain, gzip or brotli, told apart by their first bytes and, for brotli, by the name. */
import { readFile } from "node:fs/promises";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { Wrong } from "./output.ts";

/** The text of a file, decompressed. Throws Wrong with the path when it cannot be read or decompressed. */
export async function readInput(path: string): Promise<string> {
  return (await readInputBytes(path)).toString("utf8");
}

export async function readInputBytes(path: string): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (e) {
    throw new Wrong(`${path}: ${(e as NodeJS.ErrnoException).code === "ENOENT" ? "no such file" : String(e)}`);
  }
  try {
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) return gunzipSync(bytes);
    if (path.endsWith(".br")) return brotliDecompressSync(bytes);
  } catch {
    throw new Wrong(`${path}: damaged compression`);
  }
  return bytes;
}
