/** The SMMU's queues in memory: what was put there last. Spec: SMMUv3 IHI 0070 3.5. */
import { hex, hex64 } from "../../../hw/base/bits.ts";
import { type BitTable, get } from "../../../hw/base/fields.ts";
import { commandTable, commandText } from "../../../hw/smmuv3/commands.ts";
import { EVT, eventText } from "../../../hw/smmuv3/evtq.ts";
import { PRI } from "../../../hw/smmuv3/priq.ts";
import type { Queue } from "../../../hw/smmuv3/queue.ts";
import type { Smmuv3 } from "../../../hw/smmuv3/smmu.ts";
import { inMemory, type Reading, type Source } from "./source.ts";

export type QueueName = "cmdq" | "evtq" | "priq";

/** Entries before the producer that are shown, newest first. */
const LAST = 64;

export function queueSource(r: Reading, smmu: Smmuv3, name: QueueName, before: Smmuv3 | null): Source {
  const queue = queueOf(smmu, name);
  const old = before === null ? null : queueOf(before, name);
  const size = 2 ** queue.log2;
  const count = Math.min(size, LAST, written(queue, size));
  const head = queue.index(queue.prod);
  const order = Array.from({ length: count }, (_, k) => (head - 1 - k + size) % size);
  const waiting = (queue.prod - queue.cons + 2 * size) % (2 * size);
  const memory = inMemory(r, queue.base, queue.entryBytes / 4);
  return {
    title: name.toUpperCase(),
    sub: `prod ${head}, cons ${queue.index(queue.cons)}${old !== null && old.prod !== queue.prod ? `, +${(queue.prod - old.prod + 2 * size) % (2 * size)}` : ""}, ${size} entries`,
    entries: size,
    order,
    ...memory,
    ...(count === 0 ? { empty: "Nothing was ever put into it." } : {}),
    decode: (w, i) => {
      const left = (head - i + size) % size || size;
      return {
        what: `${textOf(name, w)}${left <= waiting ? " (waiting)" : ""}`,
        valid: true,
        table: tableOf(name, w),
        target: null,
        like: "",
        stride: 0,
      };
    },
    covers: () => null,
    indexOf: () => -1,
    below: () => null,
    refs: (i) => [`slot:smmu:${smmu.name}:${name}@${i}`],
  };
}

export function queueOf(smmu: Smmuv3, name: QueueName): Queue {
  return name === "cmdq" ? smmu.commands : name === "evtq" ? smmu.events : smmu.pageRequests;
}

/** Entries that were written since the queue was made; a queue that went round is full of them. */
function written(queue: Queue, size: number): number {
  const round = (queue.prod & size) !== 0;
  return round ? size : queue.prod & (size - 1);
}

function tableOf(name: QueueName, w: ArrayLike<number>): BitTable {
  return name === "cmdq" ? commandTable((w[0] ?? 0) & 0xff) : name === "evtq" ? EVT : PRI;
}

function textOf(name: QueueName, w: ArrayLike<number>): string {
  if (name === "cmdq") return commandText(w);
  if (name === "evtq") return eventText(w);
  const ssid = get(PRI.f.SSV, w) === 1 ? ` PASID ${get(PRI.f.SubstreamID, w)}` : "";
  const rights = `${get(PRI.f.Read, w) === 1 ? "R" : ""}${get(PRI.f.Write, w) === 1 ? "W" : ""}`;
  return `stream ${hex(get(PRI.f.StreamID, w))}${ssid} ${hex64(((w[2] ?? 0) & ~0xfff) >>> 0, w[3] ?? 0)} ${rights} group ${get(PRI.f.PRGIndex, w)}${get(PRI.f.Last, w) === 1 ? " last" : ""}`;
}
