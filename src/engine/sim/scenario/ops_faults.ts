/** What a program reads from its event files and writes back, and what became of a held access. `steps/faults.ts` runs them. */
import type { OpDef } from "./ops.ts";
import { param, subject } from "./param.ts";

const queue = param("queue", "fd", { required: true });
const bytes = param("bytes", "count");
const at = param("at", "count");

export const FAULT_OPS: readonly OpDef[] = Object.freeze<OpDef[]>([
  {
    actor: "device",
    name: "PAGE_REQUEST",
    params: [
      subject,
      param("dir", "word", { required: true, bare: true, words: ["read", "write"] }),
      param("iova", "addr", { required: true }),
      param("grpid", "count", { required: true }),
      param("pasid", "count"),
      param("more", "word", { bare: true, words: ["more"] }),
    ],
    doc: "The device asks for a page (PRI); more: another request of the group follows.",
  },
  {
    actor: "vmm",
    name: "READ_FAULTS",
    params: [queue, bytes, at],
    doc: "read() of a fault queue: records, and the first one's fields (at= another one's). bytes= room for fewer.",
  },
  {
    actor: "vmm",
    name: "RESPOND",
    params: [
      queue,
      param("code", "enum", { values: { SUCCESS: 0, INVALID: 1, FAILURE: 2 } }),
      param("cookie", "count"),
      bytes,
    ],
    doc: "write() to a fault queue: the answer to the group with this cookie, the oldest unanswered one unless said.",
  },
  {
    actor: "vmm",
    name: "READ_EVENTS",
    params: [queue, bytes, at],
    doc: "read() of a vIOMMU's event queue: records, how many of them only say that events were lost, and the first one's fields.",
  },
  { actor: "vmm", name: "POLL", params: [queue], doc: "poll() without waiting: value has 1 = readable, 4 = writable." },
  {
    actor: "device",
    name: "HELD",
    params: [subject],
    doc: "What became of the access that a fault held last: waiting, done, or ended with its event.",
  },
  {
    actor: "device",
    name: "PAGE_ANSWERS",
    params: [subject, at],
    doc: "Answers to the device's page requests so far: records, and the last one's event, grpid, pasid (at= another one's).",
  },
]);
