/** What the guest's SMMU driver does beside its tables: entries, commands, events. Its memory is memory of the VMM. */
import { type Cmd, cmd_cfgi_cd, cmd_tlbi_all, cmd_tlbi_va, OP } from "../../kernel/drivers/arm_smmu_v3/cmd.ts";
import type { Args } from "../args.ts";
import { type GuestTable, peek64, writeWords } from "../guest.ts";
import type { Bare } from "../result.ts";
import type { World } from "../world.ts";
import { eventSeen } from "./faults.ts";
import { answer } from "./files.ts";
import { refused } from "./guest.ts";

const PAGE = 4096n;
/** Further pages are cheaper by ASID. */
const MOST_PAGES = 512n;
export const EVENT_BYTES = 32n;

/** Null where the operation is none of these. */
export function runGuestKernel(world: World, args: Args): Bare | null {
  switch (args.op.name) {
    case "STE": {
      const words = args.words("vste") ?? [];
      const bytes = new Uint32Array(new BigUint64Array(words).buffer);
      return writeWords(world, args.big("at", 0n), bytes) ? answer(0, "written", {}) : refused("ENOMEM");
    }
    case "INVALIDATE":
      return invalidate(world, args);
    case "EVENT":
      return event(world, args.big("at", 0n));
    default:
      return null;
  }
}

function invalidate(world: World, args: Args): Bare {
  const table = world.guestTables.get(args.word("table") ?? "");
  const cmds = commands(args, table);
  if (typeof cmds === "string") return refused(cmds);
  const { actors } = world;
  for (const [w0, w1, w2, w3] of cmds) actors.commands.push(join(w0, w1), join(w2, w3));
  const waiting = actors.commands.length / 2;
  const refs = table === undefined ? [] : [`s1:${table.name}`];
  return { ...answer(0, `${waiting} queued`, { entries: BigInt(cmds.length) }), refs };
}

const join = (lo: number, hi: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

function commands(args: Args, table: GuestTable | undefined): Cmd[] | "ENOENT" | "EINVAL" {
  const what = args.word("what");
  const sid = args.num("sid", 0);
  const ssid = args.num("ssid", 0);
  if (what === "all") return [cmd_tlbi_all(OP.TLBI_NSNH_ALL, 0, 0)];
  if (what === "cd") return [cmd_cfgi_cd(sid, ssid, true)];
  if (what === "cds") return [[OP.CFGI_CD_ALL, sid, 0, 0]];
  if (table === undefined) return "ENOENT";
  const iova = args.big("iova", 0n);
  const length = args.big("len", PAGE);
  if (what === "asid" || length / PAGE > MOST_PAGES) return [cmd_tlbi_all(OP.TLBI_NH_ASID, 0, table.asid)];
  if ((iova | length) % PAGE !== 0n || length === 0n) return "EINVAL";
  return Array.from({ length: Number(length / PAGE) }, (_, i) => {
    const page = Number(iova + BigInt(i) * PAGE);
    return cmd_tlbi_va(OP.TLBI_NH_VA, 0, table.asid, { iova: page, leaf: true, num: 0, scale: 0, ttl: 0, tg: 0 });
  });
}

function event(world: World, base: bigint): Bare {
  const { actors } = world;
  if (actors.consumed >= actors.injected) return answer(0, "no event", { records: 0n });
  const at = base + BigInt(actors.consumed) * EVENT_BYTES;
  const words = [0n, 8n, 16n, 24n].map((o) => peek64(world, at + o));
  if (words.includes(null)) return refused("ENOMEM");
  actors.consumed++;
  const seen = eventSeen(new Uint8Array(BigUint64Array.from(words.map((w) => w ?? 0n)).buffer));
  const bare = answer(0, String(seen["event"]), { records: 1n });
  return { ...bare, seen: { ...bare.seen, ...seen } };
}
