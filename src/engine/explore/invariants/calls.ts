/** What single calls and accesses owe: a failed call, a mapping that was offered, a DMA, an interrupt. */
import { PAGE_SIZE } from "../../kernel/mm/const.ts";
import { attachedTables } from "../../sim/attached.ts";
import { objectsOf } from "../../views/context.ts";
import { isDoorbell } from "../../views/address/tracks.ts";
import type { StepResult } from "../../sim/result.ts";
import type { Step } from "../../sim/scenario/types.ts";
import type { World } from "../../sim/world.ts";
import { changes, type Digest, factsOf } from "../facts.ts";
import type { Invariant, Memory } from "./types.ts";

const hex = (v: bigint): string => `0x${v.toString(16)}`;
const word = (step: Step, name: string): string => {
  const value = step.args[name];
  return value?.k === "name" ? value.v : "";
};
const number = (step: Step, name: string): bigint | null => {
  const value = step.args[name];
  return value?.k === "int" ? value.v : null;
};

export const failedCallsChangeNothing: Invariant = Object.freeze<Invariant>({
  id: "failed-call",
  title: "a failed call changes nothing",
  says: "A call that fails leaves reservations, areas, page tables, attachments and MSI addresses as they were.",
  before: factsOf,
  broken: (world, _step, result, before) => {
    if (result.outcome !== "errno" || !(before instanceof Map)) return null;
    const [first] = changes(before as Digest, factsOf(world));
    return first === undefined ? null : `the call failed with ${result.errno}, but: ${first}`;
  },
});

/** What IOVA_RANGES would offer, by object id of the IOAS. */
function offers(world: World): Map<number, (start: bigint, last: bigint) => boolean> {
  return new Map(
    objectsOf(world, "IOAS").map((ioas) => {
      const { iopt } = ioas;
      const taken = [...iopt.reserved, ...iopt.areas].map((r) => [r.start, r.last] as const);
      const { iova_alignment } = iopt;
      const free = (start: bigint, last: bigint): boolean =>
        start % iova_alignment === 0n &&
        (last + 1n) % iova_alignment === 0n &&
        taken.every(([a, b]) => last < a || b < start);
      return [ioas.id, free];
    }),
  );
}

export const ioasStaysUsable: Invariant = Object.freeze<Invariant>({
  id: "ioas-usable",
  title: "an IOAS stays usable",
  says: "Memory of the process can be mapped wherever the IOAS offers the range and nothing is mapped.",
  before: offers,
  broken: (world, step, result, before) => {
    if (step.op !== "IOMMU_IOAS_MAP" || result.outcome !== "errno") return null;
    const start = number(step, "iova");
    const length = number(step, "len");
    const ioas = world.names.get(word(step, "ioas"))?.id ?? 0;
    if (start === null || length === null || !(before instanceof Map)) return null;
    const free = (before as ReturnType<typeof offers>).get(ioas)?.(start, start + length - 1n) === true;
    return free ? `${hex(start)}-${hex(start + length - 1n)} was offered, and mapping it gives ${result.errno}` : null;
  },
});

export const dmaStaysInside: Invariant = Object.freeze<Invariant>({
  id: "dma-inside",
  title: "DMA reaches only pages of the process",
  says: "Where a device's access ends is memory of the process, or a doorbell.",
  broken: (world, step, result) => {
    const pa = result.access?.pa ?? null;
    if (step.op !== "DMA" || pa === null || isDoorbell(world, pa)) return null;
    const pfn = Number(pa) / PAGE_SIZE;
    for (const vma of world.vmm.mm.vmas)
      for (const run of vma.store.frames.runs) if (pfn >= run.pfn && pfn < run.pfn + run.n) return null;
    return `the access at ${hex(result.access?.iova ?? 0n)} reaches ${hex(pa)}, which is no memory of the process`;
  },
});

const lost = (result: StepResult): string | null =>
  result.seen["delivered"] !== 0n
    ? null
    : `the message to ${hex(result.access?.iova ?? 0n)} is lost: ${result.access?.end ?? result.summary}`;

export const msiReaches: Invariant = Object.freeze<Invariant>({
  id: "msi-reaches",
  title: "an enabled MSI reaches its interrupt",
  says: "An interrupt that is enabled arrives while its device is attached, unless a guest's own table stops it.",
  before: reachable,
  broken: (_world, step, result, before) =>
    step.op === "MSI" && before instanceof Set && before.has(word(step, "dev")) ? lost(result) : null,
});

export const msiKeepsWorking: Invariant = Object.freeze<Invariant>({
  id: "msi-keeps-working",
  title: "a replace loses no interrupt",
  says: "An interrupt for which the kernel once mapped the doorbell keeps arriving wherever its device is attached.",
  before: reachable,
  broken: (world, step, result, before) => {
    const given = step.op === "MSI" && before instanceof Set && before.has(word(step, "dev"));
    return given && !isDoorbell(world, result.access?.iova ?? 0n) ? lost(result) : null;
  },
});

/** Devices whose interrupt nobody but the kernel can stop: attached, and not through a guest's table. */
function reachable(world: World): Memory {
  const names = new Set<string>();
  for (const d of world.devices.values()) {
    const at = d.eventfds.length === 0 ? null : attachedTables(world, d);
    if (at !== null && at.tableTrack !== null && (at.hwpt === at.paging || isBypass(at.hwpt.domain?.priv)))
      names.add(d.name);
  }
  return names;
}

/** A nested page table whose guest entry says bypass (Config = 4, valid). */
function isBypass(priv: object | undefined): boolean {
  return priv !== undefined && "ste" in priv && ((priv.ste as Uint32Array)[0] ?? 0) % 16 === 9;
}
