/** Steps of the guest kernel: its stage 1, written into guest memory. */
import type { Args } from "../args.ts";
import { type GuestError, guestMap, guestTable, guestUnmap, type GuestTable } from "../guest.ts";
import type { Bare, Seen } from "../result.ts";
import { sizeText } from "../scenario/values.ts";
import type { World } from "../world.ts";

export function runGuest(world: World, args: Args): Bare {
  switch (args.op.name) {
    case "S1_TABLE":
      return makeTable(world, args);
    case "S1_MAP":
      return map(world, args);
    case "S1_UNMAP":
      return unmap(world, args);
    default:
      throw new Error(`the guest has no ${args.op.name}`);
  }
}

function makeTable(world: World, args: Args): Bare {
  const name = args.step.label ?? `S1 of CD 0x${args.big("cd", 0n).toString(16)}`;
  const cd = args.big("cd", 0n);
  const tables = args.big("tables", (cd | 0xfffn) + 1n);
  const made = guestTable(world, name, {
    cd,
    tables,
    asid: args.num("asid", 1),
    bits: args.num("bits", 48),
    stall: args.word("stall") === "stall",
  });
  if (typeof made === "string") return refused(made);
  world.guestTables.set(name, made);
  return fine(`CD at 0x${cd.toString(16)}`, {}, [`s1:${name}`]);
}

function tableOf(world: World, args: Args): GuestTable | undefined {
  return world.guestTables.get(args.word("table") ?? "");
}

function map(world: World, args: Args): Bare {
  const table = tableOf(world, args);
  if (table === undefined) return refused("ENOENT");
  const iova = args.big("iova", 0n);
  const length = args.big("len", 0n);
  const flags = args.has("flags");
  const result = guestMap(world, table, {
    iova,
    ipa: args.big("ipa", 0n),
    length,
    write: !flags || args.hasFlag("flags", "W") || !args.hasFlag("flags", "R"),
    device: args.hasFlag("flags", "DEVICE"),
    largest: args.big("page", 1n << 30n),
  });
  if (typeof result === "string") return refused(result);
  const text = result.map(({ size, n }) => (n === 1 ? sizeText(size) : `${n} × ${sizeText(size)}`)).join(", ");
  const asked = { ref: `s1:${table.name}`, start: iova, last: iova + length - 1n, label: `${sizeText(length)} mapped` };
  return { ...fine(text, { entries: BigInt(result.reduce((sum, r) => sum + r.n, 0)) }, [`s1:${table.name}`]), asked };
}

function unmap(world: World, args: Args): Bare {
  const table = tableOf(world, args);
  if (table === undefined) return refused("ENOENT");
  const result = guestUnmap(world, table, args.big("iova", 0n), args.big("len", 0n));
  if (typeof result === "string") return refused(result);
  return fine(`${result} cleared`, { entries: BigInt(result) }, [`s1:${table.name}`]);
}

function fine(summary: string, seen: Record<string, Seen>, refs: string[]): Bare {
  return { outcome: "ok", errno: "ok", summary, seen: { ret: 0n, errno: "ok", ...seen }, refs };
}

export function refused(errno: GuestError): Bare {
  return { outcome: "errno", errno, summary: errno, seen: { ret: -1n, errno }, refs: [] };
}
