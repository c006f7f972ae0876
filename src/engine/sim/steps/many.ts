/** A step that says `count=`: the same ioctl made so many times, each a real call, `stride=` further each time. */
import { copy_to_mm } from "../../kernel/mm/uaccess.ts";
import { sys_ioctl } from "../../kernel/syscall.ts";
import { errnoName } from "../../uapi/errno.ts";
import type { Args } from "../args.ts";
import type { Bare } from "../result.ts";
import { hexText, sizeText } from "../scenario/values.ts";
import type { World } from "../world.ts";
import { contexts } from "../refs.ts";

/** Calls after which areas are packed: numbers need a tenth of the memory. */
const PORTION = 1024;

function settle(world: World): void {
  for (const { ctx } of contexts(world))
    for (const object of ctx.objects.values()) if (object.kind === "IOAS") object.iopt.areas.settle();
}

/** Calls that a step asks for; 1 when it does not say. */
export function timesOf(args: Args): number {
  return args.op.params.some((p) => p.name === "count" && p.repeats === true) ? Math.max(1, args.num("count", 1)) : 1;
}

/**
 * The calls after the first, which `first` is the result of. Stops at the first that fails: the result is then its
 * errno, and what the others made stays. `times` in the result is the number of calls that went through.
 */
export function repeat(world: World, args: Args, fd: number, first: Bare): Bare {
  const { call } = first;
  const { kernel: k, vmm } = world;
  const times = timesOf(args);
  if (call === undefined || first.outcome !== "ok" || times === 1) return first;
  const field = call.def.fields["iova"];
  const iova = args.int("iova");
  const length = args.big("len", 0n);
  const stride = args.big("stride", length);
  const bytes = call.before.slice();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let done = 1;
  let ret = 0;
  for (; done < times && ret >= 0; done++) {
    if (iova !== undefined && field !== undefined)
      view.setBigUint64(field.offset, BigInt.asUintN(64, iova + BigInt(done) * stride), true);
    // Of these nothing but the answer is told: what the call wrote back is left where it is.
    copy_to_mm(k, vmm.mm, world.scratch, bytes);
    ret = sys_ioctl(k, vmm, fd, call.def.cmd, world.scratch);
    if (done % PORTION === 0) settle(world);
  }
  if (ret < 0) done--;
  const seen = { ...first.seen, times: BigInt(done) };
  const asked =
    first.asked === undefined || iova === undefined
      ? {}
      : {
          asked: {
            ...first.asked,
            last: BigInt.asUintN(64, iova + BigInt(times - 1) * stride + length - 1n),
            label: `${done} × ${sizeText(length)}`,
          },
        };
  if (ret >= 0) return { ...first, ...asked, seen, summary: `${done} calls` };
  const errno = errnoName(ret);
  const where = iova === undefined ? "" : ` at ${hexText(BigInt.asUintN(64, iova + BigInt(done) * stride))}`;
  return {
    ...first,
    ...asked,
    outcome: "errno",
    errno,
    seen: { ...seen, ret: BigInt(ret), errno },
    summary: `${errno}${where}`,
  };
}
