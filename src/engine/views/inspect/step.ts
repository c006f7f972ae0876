/** A step: the bytes of its struct, the commands it queued, the events it caused. */
import { OP_NAMES, commandTable } from "../../../hw/smmuv3/commands.ts";
import { EVT } from "../../../hw/smmuv3/evtq.ts";
import { decode } from "../../uapi/codec.ts";
import { type Layout, SIZES } from "../../uapi/layout.ts";
import { fieldText } from "../../uapi/print.ts";
import type { StepResult } from "../../sim/result.ts";
import { seenText } from "../../sim/run.ts";
import type { Step } from "../../sim/scenario/types.ts";
import { bitGrid } from "../grid.ts";
import { stepView } from "../steps.ts";
import type { BitGrid, InspectorView } from "../types.ts";

type Struct = InspectorView["structs"][number];

/** Structures that are shown of one step at most. */
const MOST = 24;

export function inspectStep(index: number, step: Step, result: StepResult): InspectorView {
  const v = stepView(index, step, result);
  const fields = Object.entries(result.seen).map(([name, seen]) => ({ name, value: seenText(seen) }));
  return {
    ref: `step:${index}`,
    title: `step ${index}`,
    subtitle: `${v.prefix}${v.op} ${v.args}`,
    fields,
    grids: gridsOf(result),
    structs: structsOf(result),
  };
}

function gridsOf(result: StepResult): BitGrid[] {
  const grids: BitGrid[] = [];
  for (const e of result.trace) {
    if (grids.length >= MOST) break;
    if (e.t === "cmd")
      grids.push(bitGrid(commandTable(e.words[0] & 0xff), e.words, { title: OP_NAMES[e.words[0] & 0xff] ?? e.text }));
    if (e.t === "event") grids.push(bitGrid(EVT, e.words, { title: e.text }));
  }
  return grids;
}

function structsOf(result: StepResult): Struct[] {
  const { call } = result;
  if (call === undefined) return [];
  const structs = [structOf(call.def.struct, call.def, call.after)];
  for (const a of call.arrays) {
    const { layout } = a;
    for (let at = 0; at + layout.size <= a.bytes.length && structs.length < MOST; at += layout.size) {
      const bytes = a.bytes.slice(at, at + layout.size);
      if (at > 0 && bytes.every((b) => b === 0)) break;
      structs.push(structOf(`${a.title}[${at / layout.size}]`, layout, bytes));
    }
  }
  return structs;
}

function structOf(title: string, layout: Layout, bytes: Uint8Array): Struct {
  const values = decode(layout, bytes) as Record<string, number | bigint>;
  return {
    title,
    bytes,
    fields: Object.entries(layout.fields).map(([name, f]) => ({
      name,
      offset: f.offset,
      size: SIZES[f.type],
      value: fieldText(f, values[name] ?? 0),
      out: f.dir !== "in",
    })),
  };
}
