/** Recorded facts for tests, from fixtures/ at the root of the project; brotli-compressed. Tests only. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";

const ROOT = fileURLToPath(new URL("../../../fixtures/", import.meta.url));

/** Text of `fixtures/<path>.br`. */
export function fixture(path: string): string {
  return brotliDecompressSync(readFileSync(`${ROOT}${path}.br`)).toString("utf8");
}

/** Names in a folder of fixtures, without `.br`, sorted. */
export function fixtureNames(folder: string): string[] {
  return readdirSync(`${ROOT}${folder}`)
    .filter((n) => n.endsWith(".br"))
    .map((n) => n.slice(0, -3))
    .sort();
}

/** A folder of fixtures as name -> text. */
export function fixtureFolder(folder: string): Map<string, string> {
  return new Map(fixtureNames(folder).map((n) => [n, fixture(`${folder}/${n}`)]));
}

/** The files of a recorded machine as the importer takes them: text, and bytes for `.bin`. */
export function machineFixture(id: string): Map<string, string | Uint8Array> {
  const folder = `machines/arm/${id}`;
  const bytes = (name: string): Uint8Array =>
    new Uint8Array(brotliDecompressSync(readFileSync(`${ROOT}${folder}/${name}.br`)));
  return new Map(
    fixtureNames(folder).map((n) => [n, n.endsWith(".bin") ? bytes(n) : fixture(`${folder}/${n}`)] as const),
  );
}
