/** A device asks for a page (PRI), and what the SMMU or the kernel answered by the end of the step. */
import { EXT } from "../../../hw/pci/regs.ts";
import { kernel_after_device_access } from "../../kernel/boot.ts";
import type { Args } from "../args.ts";
import type { Bare, Seen } from "../result.ts";
import type { World } from "../world.ts";

/** `event`: `queued` while nobody answered, else the answer. */
export function runPageRequest(world: World, args: Args): Bare {
  const device = args.device();
  const f = world.machine.pci.byBdf.get(device.bdf);
  const at = f?.config.findExtended(EXT.PRI) ?? 0;
  if (f === undefined || at === 0 || (f.config.read(at + 4, 2) & 1) === 0) return told(device.name, "off");
  const iova = args.big("iova", 0n);
  const write = args.word("dir") === "write";
  const before = f.pageResponses.length;
  const outcome = world.machine.pageRequest(device.bdf, {
    ssid: args.has("pasid") ? args.num("pasid", 0) : -1,
    hi: Number((iova >> 32n) & 0xffff_ffffn),
    lo: Number(iova & 0xffff_ffffn),
    prgi: args.num("grpid", 0),
    last: args.word("more") !== "more",
    read: !write,
    write,
  });
  kernel_after_device_access(world.kernel);
  return told(device.name, f.pageResponses.slice(before).at(-1)?.code ?? outcome);
}

function told(name: string, event: string): Bare {
  const ok = event === "queued" || event === "success";
  const seen: Record<string, Seen> = { event, errno: ok ? "ok" : "none" };
  return { outcome: ok ? "ok" : "fault", errno: ok ? "ok" : event, summary: event, seen, refs: [`dev:${name}`] };
}
