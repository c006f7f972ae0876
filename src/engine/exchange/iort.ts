/** The IO Remapping Table: which requester ID becomes which StreamID and DeviceID. Source: Arm DEN 0049 (IORT) E.f. */
import { type AcpiTable, HEADER_BYTES } from "./acpi.ts";
import { BadInput } from "./parse.ts";

/** Ids first..last become out.. at the node at `target`. */
export interface IdMapping {
  first: number;
  last: number;
  out: number;
  /** Offset of a node from the start of the table. */
  target: number;
  /** One id without input: the node's own. */
  single: boolean;
}

interface NodeBase {
  offset: number;
  mappings: IdMapping[];
}

export interface ItsGroupNode extends NodeBase {
  kind: "its";
  /** MADT ids. */
  ids: number[];
}

export interface SmmuV3Node extends NodeBase {
  kind: "smmuv3";
  base: number;
  /** 0 generic, 1 HiSilicon Hi161x, 2 Cavium CN99xx. */
  model: number;
  /** INTIDs, 0 = not wired. */
  irq: { event: number; pri: number; gerror: number; sync: number };
}

export interface RootComplexNode extends NodeBase {
  kind: "rc";
  segment: number;
  ats: boolean;
  /** Writes are forced to write-back whatever the transaction says. */
  canwbs: boolean;
}

/** Memory that devices use from boot on. Its mappings give StreamIDs (`out` .. `out` + last - first) at SMMUs. */
export interface RmrNode extends NodeBase {
  kind: "rmr";
  remapPermitted: boolean;
  privileged: boolean;
  /** Index of a memory type: 0..3 Device, 4 non-cacheable, 5 write-back. */
  attributes: number;
  ranges: { base: number; length: number }[];
}

export interface OtherNode extends NodeBase {
  kind: "other";
  type: number;
}

export type IortNode = ItsGroupNode | SmmuV3Node | RootComplexNode | RmrNode | OtherNode;

const MAPPING_BYTES = 20;
const CANWBS = 4;

/** Nodes in the order of the table. */
export function readIort(t: AcpiTable): IortNode[] {
  const out: IortNode[] = [];
  let at = t.u32(HEADER_BYTES + 4);
  for (let n = t.u32(HEADER_BYTES); n > 0; n--) {
    const length = t.u16(at + 1);
    if (length < 16 || at + length > t.length) throw new BadInput(`${t.name}: a node of ${length} bytes at ${at}`);
    out.push(nodeOf(t, at));
    at += length;
  }
  return out;
}

function nodeOf(t: AcpiTable, at: number): IortNode {
  const base: NodeBase = { offset: at, mappings: mappingsOf(t, at) };
  const data = at + 16;
  const type = t.u8(at);
  switch (type) {
    case 0: {
      const ids = Array.from({ length: t.u32(data) }, (_, i) => t.u32(data + 4 + 4 * i));
      return { kind: "its", ...base, ids };
    }
    case 2:
      return {
        kind: "rc",
        ...base,
        canwbs: (t.u8(data + 7) & CANWBS) !== 0,
        ats: (t.u32(data + 8) & 1) !== 0,
        segment: t.u32(data + 12),
      };
    case 4: {
      const irq = { event: t.u32(data + 28), pri: t.u32(data + 32), gerror: t.u32(data + 36), sync: t.u32(data + 40) };
      return { kind: "smmuv3", ...base, base: t.u64(data), model: t.u32(data + 24), irq };
    }
    case 6: {
      const flags = t.u32(data);
      const first = at + t.u32(data + 8);
      return {
        kind: "rmr",
        ...base,
        remapPermitted: (flags & 1) !== 0,
        privileged: (flags & 2) !== 0,
        attributes: (flags >>> 2) & 0xff,
        ranges: Array.from({ length: t.u32(data + 4) }, (_, i) => ({
          base: t.u64(first + MAPPING_BYTES * i),
          length: t.u64(first + MAPPING_BYTES * i + 8),
        })),
      };
    }
  }
  return { kind: "other", ...base, type };
}

/** The table's count is "number of ids - 1". */
function mappingsOf(t: AcpiTable, node: number): IdMapping[] {
  const first = node + t.u32(node + 12);
  return Array.from({ length: t.u32(node + 8) }, (_, i) => {
    const at = first + MAPPING_BYTES * i;
    const input = t.u32(at);
    return {
      first: input,
      last: input + t.u32(at + 4),
      out: t.u32(at + 8),
      target: t.u32(at + 12),
      single: (t.u32(at + 16) & 1) !== 0,
    };
  });
}

/** Follows one mapping of `node`: the id and the node that it arrives at, or null. */
export function follow(nodes: readonly IortNode[], node: IortNode, id: number): { node: IortNode; id: number } | null {
  const m = node.mappings.find((it) => !it.single && id >= it.first && id <= it.last);
  const target = m === undefined ? undefined : nodes.find((it) => it.offset === m.target);
  return m === undefined || target === undefined ? null : { node: target, id: m.out + id - m.first };
}
