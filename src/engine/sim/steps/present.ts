/** What an ioctl's answer says: errno, the id that was made, the ranges, in values and in a few words. */
import { decode } from "../../uapi/codec.ts";
import { errnoName } from "../../uapi/errno.ts";
import type { IoctlDef } from "../../uapi/layout.ts";
import { IOVA_RANGE } from "../../uapi/records.ts";
import type { Ref } from "../../views/types.ts";
import { contextOf, refOf } from "../refs.ts";
import type { Bare, Seen } from "../result.ts";
import { sizeText } from "../scenario/values.ts";
import type { World } from "../world.ts";
import type { Answered } from "./ioctl.ts";

/** `fd`: the iommufd whose ids the struct holds. */
export function present(world: World, fd: number, values: Record<string, bigint>, answer: Answered): Bare {
  const { ret, call } = answer;
  const failed = ret < 0;
  const errno = failed ? errnoName(ret) : "ok";
  const seen: Record<string, Seen> = { ret: BigInt(ret), errno };
  const made = failed ? undefined : madeId(call.def, answer);
  if (made !== undefined) seen["id"] = BigInt(made.id);
  const opened = failed
    ? undefined
    : Object.entries(call.def.fields).find(([, f]) => f.kind === "fd" && f.dir === "out");
  if (opened !== undefined) seen["fd"] = BigInt(answer.out[opened[0]] ?? -1);
  const special = specials[call.def.name]?.({ values, answer, failed, seen });
  return {
    outcome: failed ? "errno" : "ok",
    errno,
    summary: failed ? errno : (special?.summary ?? (made?.fresh === true ? `${made.label} ${made.id}` : String(ret))),
    seen,
    refs: refsOf(world, fd, call.def, values, made?.id),
    call,
    ...(special?.asked === undefined ? {} : { asked: special.asked }),
  };
}

/** The first id that the call gave back; `fresh` when it was not also given in. */
function madeId(def: IoctlDef, answer: Answered): { id: number; label: string; fresh: boolean } | undefined {
  for (const [name, field] of Object.entries(def.fields))
    if (field.kind === "id" && field.dir !== "in")
      return { id: Number(answer.out[name] ?? 0), label: field.label ?? name, fresh: field.dir === "out" };
  return undefined;
}

/** Every object that the call names or made and that exists now. */
function refsOf(world: World, fd: number, def: IoctlDef, values: Record<string, bigint>, made?: number): Ref[] {
  const ctx = contextOf(world, fd);
  const ids = Object.entries(def.fields).flatMap(([name, f]) => (f.kind === "id" ? [Number(values[name] ?? 0n)] : []));
  if (made !== undefined) ids.push(made);
  const refs = ids.flatMap((id) => {
    const object = ctx?.objects.get(id);
    return object === undefined ? [] : [refOf(world, object)];
  });
  return [...new Set(refs)];
}

interface Asking {
  values: Record<string, bigint>;
  answer: Answered;
  failed: boolean;
  seen: Record<string, Seen>;
}
interface Special {
  summary?: string;
  asked?: NonNullable<Bare["asked"]>;
}

const specials: Readonly<Record<string, (a: Asking) => Special>> = Object.freeze({
  IOMMU_IOAS_MAP: (a: Asking) => mapped(a, "iova", "ioas_id"),
  IOMMU_IOAS_MAP_FILE: (a: Asking) => mapped(a, "iova", "ioas_id"),
  IOMMU_IOAS_COPY: (a: Asking) => mapped(a, "dst_iova", "dst_ioas_id"),
  IOMMU_IOAS_UNMAP: unmapped,
  IOMMU_IOAS_IOVA_RANGES: ranges,
  IOMMU_RESV_IOVA_RANGES: ({ answer, failed, seen }: Asking) => {
    seen["entries"] = BigInt(answer.out["num_iovas"] ?? 0);
    if (failed) return {};
    const list = rangeList(answer);
    seen["regions"] = list;
    return { summary: list.length === 1 ? "1 region" : `${list.length} regions` };
  },
  IOMMU_OPTION: ({ answer, failed, seen }: Asking) => {
    if (failed) return {};
    const value = BigInt(answer.out["val64"] ?? 0);
    seen["value"] = value;
    return { summary: `0x${value.toString(16)}` };
  },
  IOMMU_HWPT_INVALIDATE: ({ answer, seen }: Asking) => {
    seen["entries"] = BigInt(answer.out["entry_num"] ?? 0);
    return { summary: `${seen["entries"]} done` };
  },
});

/** Where the interval lies that a MAP asked for: its own address, or the one that the kernel chose. */
function mapped({ values, answer, failed, seen }: Asking, iovaField: string, ioasField: string): Special {
  const fixed = values[iovaField] !== undefined;
  if (failed && !fixed) return {};
  const iova = BigInt(answer.out[iovaField] ?? 0);
  const length = values["length"] ?? 0n;
  if (!failed) seen["iova"] = iova;
  const asked = {
    ref: `ioas:${values[ioasField] ?? 0n}`,
    start: iova,
    last: BigInt.asUintN(64, iova + (length === 0n ? 0n : length - 1n)),
    label: `${sizeText(length)} ${failed ? "refused" : "mapped"}`,
  };
  return fixed ? { asked } : { asked, summary: `0x${iova.toString(16)}` };
}

function unmapped({ values, answer, failed, seen }: Asking): Special {
  const length = BigInt(answer.out["length"] ?? 0);
  const iova = values["iova"] ?? 0n;
  const asked = {
    ref: `ioas:${values["ioas_id"] ?? 0n}`,
    start: iova,
    last: BigInt.asUintN(64, iova + (values["length"] ?? 1n) - 1n),
    label: failed ? "not unmapped" : `${sizeText(length)} unmapped`,
  };
  if (failed) return { asked };
  seen["length"] = length;
  return { asked, summary: sizeText(length) };
}

function ranges({ answer, failed, seen }: Asking): Special {
  seen["align"] = BigInt(answer.out["out_iova_alignment"] ?? 0);
  if (failed) return {};
  const list = rangeList(answer);
  seen["ranges"] = list;
  return { summary: list.length === 1 ? "1 range" : `${list.length} ranges` };
}

/** The array of ranges behind the struct, as many as the kernel says there are. */
function rangeList(answer: Answered): [bigint, bigint][] {
  const bytes = answer.call.arrays[0]?.bytes ?? new Uint8Array();
  const list: [bigint, bigint][] = [];
  for (let i = 0; i < Number(answer.out["num_iovas"] ?? 0); i++) {
    const range = decode(IOVA_RANGE, bytes, i * IOVA_RANGE.size);
    list.push([range.start, range.last]);
  }
  return list;
}
