/** The RISC-V IOMMU reference model as a peer: built with its sources' own files and riscv_walk.c, run once for each size. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Nested translations, M/s of CPU time, over `pages` random pages; or why there are none. */
export function riscv(pages: number): number | string {
  const sources = process.env["LAB_RISCV_IOMMU"];
  if (sources === undefined || sources === "") return "set LAB_RISCV_IOMMU to its iommu_ref_model folder";
  if (!existsSync(join(sources, "libiommu", "src"))) return `no libiommu/src in ${sources}`;
  const root = process.env["LAB_ROOT"] ?? process.cwd();
  const folder = join(root, "dist", "bench");
  mkdirSync(folder, { recursive: true });
  const program = join(folder, "riscv-walk");
  const built = spawnSync("cc", [...compile(sources), "-o", program, join(root, "bench", "riscv_walk.c")], text);
  if (built.error !== undefined) return "no C compiler (cc)";
  if (built.status !== 0) return `does not compile: ${firstLine(built.stderr)}`;
  const ran = spawnSync(program, [String(pages)], text);
  const rate = Number(ran.stdout);
  return ran.status === 0 && rate > 0 ? rate : `it failed: ${firstLine(ran.stderr)}`;
}

const text = { encoding: "utf8" } as const;

/** Every C file of the two libraries; their warnings are not ours. */
function compile(sources: string): string[] {
  const files = ["libiommu", "libtables"].flatMap((lib) =>
    readdirSync(join(sources, lib, "src"))
      .filter((f) => f.endsWith(".c"))
      .map((f) => join(sources, lib, "src", f)),
  );
  const include = ["libiommu", "libtables"].map((lib) => `-I${join(sources, lib, "include")}`);
  return ["-O2", "-w", ...include, ...files];
}

function firstLine(output: string): string {
  return output.split("\n").find((line) => line.trim() !== "") ?? "it said nothing";
}
