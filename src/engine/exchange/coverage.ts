/** How many recorded calls there are of each ioctl, by result. Only the labels of a record are read: traces are big. */
import { errnoName } from "../uapi/errno.ts";
import type { IoctlDef } from "../uapi/layout.ts";
import { ioctlDef } from "../uapi/table.ts";
import { fromHex } from "./hex.ts";
import { kindOfFd } from "./replay_arm_world.ts";
import { FILE_KINDS } from "./x86_records.ts";

const TEXT = (key: string) => new RegExp(`"${key}": ?"([^"]*)"`);
const FDT = TEXT("fdt");
const CMD = TEXT("cmd");
const NR = TEXT("nr");
const FD = TEXT("fd");
/** The first 8 bytes: IOMMU_TEST_CMD has its operation there. */
const IN = /"in": ?"([0-9a-f]{0,16})/;
/** `ret` may be a text when it is above 2^53. */
const RET = /"ret": ?"?(-?[0-9a-fx]+)/;
const ERRNO = /"errno": ?(\d+)/;

/** Result -> records: `0` for success, else the name of the errno. */
export type Results = Map<string, number>;

export class Coverage {
  private readonly byIoctl = new Map<IoctlDef, Results>();

  /** Counts a line of a trace if it is a call of a declared ioctl. */
  add(line: string): void {
    const x86 = line.includes('"op":"ioctl"');
    if (!x86 && !line.includes('"t":"ioctl"')) return;
    const text = (pattern: RegExp) => pattern.exec(line)?.[1] ?? "";
    const kind = x86 ? FILE_KINDS[text(FDT)] : kindOfFd(text(FD));
    if (kind === undefined) return;
    const def = ioctlDef(kind, Number(text(x86 ? CMD : NR)), fromHex(text(IN)));
    if (def === undefined) return;
    const result = text(RET).startsWith("-") ? errnoName(Number(text(ERRNO))) : "0";
    const results = this.byIoctl.get(def) ?? new Map<string, number>();
    results.set(result, (results.get(result) ?? 0) + 1);
    this.byIoctl.set(def, results);
  }

  /** Success first, then the most frequent. */
  of(def: IoctlDef): Results {
    const rank = ([name, n]: [string, number]) => (name === "0" ? Number.NEGATIVE_INFINITY : -n);
    return new Map([...(this.byIoctl.get(def) ?? [])].sort((a, b) => rank(a) - rank(b) || (a[0] < b[0] ? -1 : 1)));
  }
}
