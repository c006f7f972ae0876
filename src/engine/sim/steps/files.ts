/** Opening and closing files. */
import { sys_close, sys_open } from "../../kernel/syscall.ts";
import { errnoName } from "../../uapi/errno.ts";
import { apiPath } from "../api_node.ts";
import type { Args } from "../args.ts";
import type { Bare } from "../result.ts";
import type { World } from "../world.ts";

/** The node that a step names, else the one of the kernel's API. */
export function runOpen(world: World, args: Args): Bare {
  const fd = sys_open(world.kernel, world.vmm, args.word("node") ?? apiPath(world.kernel));
  return answer(fd, `fd ${fd}`, fd >= 0 ? { id: BigInt(fd) } : {});
}

export function runClose(world: World, args: Args): Bare {
  const fd = args.num("what", -1);
  const ret = sys_close(world.kernel, world.vmm, fd);
  const device = world.devices.get(args.word("what") ?? "");
  if (ret === 0 && device !== undefined) {
    device.fd = -1;
    device.id = 0;
  }
  return answer(ret, "0", {});
}

/** A plain result: a count or a negative errno. */
export function answer(ret: number, summary: string, seen: Record<string, bigint>): Bare {
  const errno = ret < 0 ? errnoName(ret) : "ok";
  return {
    outcome: ret < 0 ? "errno" : "ok",
    errno,
    summary: ret < 0 ? errno : summary,
    seen: { ret: BigInt(ret), errno, ...seen },
    refs: [],
  };
}
