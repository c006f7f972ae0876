/** Records of an Arm trace as steps that the step list can show. They are not scenario text: no one types bytes. */
import type { Step, Value } from "../sim/scenario/types.ts";
import { decode } from "../uapi/codec.ts";
import { printIoctl } from "../uapi/print.ts";
import { ioctlDef } from "../uapi/table.ts";
import type { ArmRecord } from "./arm_records.ts";
import type { RecordLine } from "./recording.ts";
import { fromHex } from "./hex.ts";
import { kindOfFd } from "./replay_arm_world.ts";

export interface RecordStep extends RecordLine {
  /** Position in the file, 0-based. */
  readonly index: number;
}

const int = (v: bigint | number): Value => ({ k: "int", v: BigInt(v) });
const word = (v: string): Value => ({ k: "name", v });

/** Everything but the header. `device`: the name under which a record's device is shown, empty = none. */
export function recordSteps(records: readonly ArmRecord[], device: (record: ArmRecord) => string): RecordStep[] {
  return records.flatMap((record, index) => {
    if (record.t === "header") return [];
    const { step, text } = one(record, device(record));
    const note = record.note === undefined || record.t === "note" ? {} : { note: record.note };
    return [{ index, step: { ...step, ...note, checks: [] }, text }];
  });
}

type Told = { step: Pick<Step, "actor" | "op" | "args">; text: string };

const OBSERVATIONS: Readonly<Record<string, string>> = Object.freeze({
  ste: "STE and CD",
  ranges: "IOVA_RANGES as printed",
  msi: "MSI capability",
  vfio_msi_view: "MSI as VFIO shows it",
  tables: "page tables dumped",
  vevents: "READ veventq",
  cfgwrite: "WRITE config space",
  poke: "memory overwritten",
  note: "note",
});

function one(record: ArmRecord, dev: string): Told {
  const named: Record<string, Value> = dev === "" ? {} : { dev: word(dev) };
  switch (record.t) {
    case "ioctl":
      return call(record, named);
    case "open":
      return { step: { actor: "vmm", op: "OPEN", args: named }, text: record.node ?? `/dev/${record.dev ?? ""}` };
    case "close":
      return { step: { actor: "vmm", op: "CLOSE", args: named }, text: record.dev ?? "" };
    case "dma": {
      const args = {
        ...named,
        dir: word(record.op ?? ""),
        iova: int(BigInt(record.iova ?? 0)),
        len: int(record.len ?? 0),
      };
      return {
        step: { actor: "device", op: "DMA", args },
        text: `${dev} iova=${record.iova ?? ""} len=${record.len ?? 0}`,
      };
    }
    case "msi_fire":
      return { step: { actor: "device", op: "MSI", args: named }, text: dev };
    default: {
      const text =
        record.t === "note" ? (record.note ?? "") : [dev, record.what ?? record.file].filter(Boolean).join(" ");
      return { step: { actor: "admin", op: OBSERVATIONS[record.t] ?? record.t, args: named }, text };
    }
  }
}

function call(record: ArmRecord, named: Record<string, Value>): Told {
  const kind = kindOfFd(record.fd ?? "");
  const cmd = Number(record.nr);
  const given = fromHex(record.in ?? "");
  const def = ioctlDef(kind, cmd, given);
  const op = def?.name ?? record.cmd ?? `ioctl 0x${cmd.toString(16)}`;
  const args = { ...named };
  if (def !== undefined) {
    const values: Record<string, number | bigint> = decode(def, given);
    if (values["length"] !== undefined) args["len"] = int(values["length"]);
  }
  const dev = kind === "iommufd" ? "" : `${record.fd ?? ""} `;
  return {
    step: { actor: "vmm", op, args },
    text: `${dev}${printIoctl(kind, cmd, given).split(" ").slice(1).join(" ")}`,
  };
}
