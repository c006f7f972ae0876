/** A few lines of scenario text played on a kernel: real calls in a real world, for tests that vary what they do. */
import { type Run, seenText } from "../sim/run.ts";
import type { StepResult } from "../sim/result.ts";
import { parsed, start } from "./scenarios.ts";

export interface Played {
  run: Run;
  /** Results by line, `given` ones left out. */
  results: readonly StepResult[];
  /** `ok` or the errno of each line. */
  errnos: string[];
  /** What line `n` (0-based, negative from the end) gave under a name, in the words of `expect`. */
  seen(n: number, key: string): string;
}

const DEVICES: readonly [string, string] = Object.freeze(["0000:00:03.0", "0000:01:00.0"]);

/** `lines`: steps, one each; `machine`: its name; `devices`: where D1 and D2 are; memories RAM and MORE. */
export function play(kernel: string, machine: string, lines: readonly string[], devices = DEVICES): Played {
  const text = [
    "title: played by a test",
    `machine: ${machine}`,
    `kernels: ${kernel}`,
    `device: D1 ${devices[0]}`,
    `device: D2 ${devices[1]}`,
    "memory: RAM len=2M ipa=0x80000000 pages=huge",
    "memory: MORE len=64K",
    "",
    ...lines,
    "",
  ].join("\n");
  const run = start(parsed(text), kernel);
  const { results } = run;
  return {
    run,
    results,
    errnos: results.map((r) => r.errno),
    seen: (n, key) => seenText(results.at(n)?.seen[key]),
  };
}

/** Both devices bound, and an empty IOAS. */
export const BOUND: readonly string[] = Object.freeze([
  "vmm VFIO_DEVICE_BIND_IOMMUFD D1",
  "vmm VFIO_DEVICE_BIND_IOMMUFD D2",
  "vmm I = IOMMU_IOAS_ALLOC",
]);

/** Both devices bound, an IOAS and guest memory in it, a parent P, a nested page table N for D1's guest. */
export const NESTED: readonly string[] = Object.freeze([
  "given guest T = S1_TABLE cd=0x80000000 tables=0x80001000",
  "given guest S1_MAP T iova=0x1000 ipa=0x80100000 len=4K",
  "given guest S1_MAP T iova=0x8000000 ipa=0x8000000 len=1M flags=DEVICE",
  ...BOUND,
  "vmm P = IOMMU_HWPT_ALLOC dev=D1 pt=I flags=NEST_PARENT",
  "vmm IOMMU_IOAS_MAP ioas=I iova=0x80000000 len=2M va=RAM RW",
  "vmm V = IOMMU_VIOMMU_ALLOC dev=D1 hwpt=P",
  "vmm IOMMU_VDEVICE_ALLOC viommu=V dev=D1 virt_id=24",
  "vmm N = IOMMU_HWPT_ALLOC dev=D1 pt=V vste={0x8000000b,0xd4}",
]);

export const ATTACH_N = "vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=N";
export const ATTACH_P = "vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=P";
export const RANGES = "vmm IOMMU_IOAS_IOVA_RANGES ioas=I";
