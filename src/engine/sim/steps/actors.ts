/** A VMM's answers to its guest, each several real calls; what was called stands in the result. */
import { copy_to_mm } from "../../kernel/mm/uaccess.ts";
import { encode } from "../../uapi/codec.ts";
import * as uapi from "../../uapi/iommufd.ts";
import type { IoctlDef, Layout } from "../../uapi/layout.ts";
import { HWPT_ARM_SMMUV3, IOVA_RANGE, VIOMMU_ARM_SMMUV3_INVALIDATE } from "../../uapi/records.ts";
import { IRQ_SET_PROPOSED } from "../../uapi/proposals.ts";
import { VFIO_DEVICE_ATTACH_IOMMUFD_PT, VFIO_DEVICE_BIND_IOMMUFD, VFIO_DEVICE_SET_IRQS } from "../../uapi/vfio.ts";
import { errno, errnoName } from "../../uapi/errno.ts";
import type { Args } from "../args.ts";
import { guestToUser, peek64 } from "../guest.ts";
import type { Bare, Call, Seen } from "../result.ts";
import type { World, WorldDevice } from "../world.ts";
import { rangesIn } from "./ranges.ts";
import { readFile, vevents } from "./faults.ts";
import { answer } from "./files.ts";
import { EVENT_BYTES } from "./guest_kernel.ts";
import { runDeviceFile } from "./device_file.ts";
import { ioctl } from "./ioctl.ts";
import { setMaster } from "./master.ts";

const ARRAY = 0x1000n;
const EVENT_ROOM = 0x2000;
const MAP = uapi.MAP_FLAGS.R | uapi.MAP_FLAGS.W | uapi.MAP_FLAGS.FIXED;

/** Null where the operation is none of these. */
export function runActors(world: World, args: Args): Bare | null {
  switch (args.op.name) {
    case "LAY_OUT":
      return layOut(new Hand(world), args);
    case "PLUG":
      return plug(new Hand(world), args);
    case "GUEST_STE":
      return guestSte(new Hand(world), args);
    case "RELAY":
      return relay(new Hand(world), args);
    case "INJECT":
      return inject(world, args);
    case "PREPARE_MSI":
      return prepareMsi(world, args);
    default:
      return runDeviceFile(world, args);
  }
}

type Values = Readonly<Record<string, number | bigint>>;

/** Makes calls one after another and remembers them. */
class Hand {
  readonly world: World;
  readonly made: string[] = [];
  last: Call | undefined;

  constructor(world: World) {
    this.world = world;
  }

  /** The answer's struct, or a negative errno. `data` stands behind the pointer. */
  call(def: IoctlDef, fd: number, values: Values, data?: { layout: Layout; bytes: Uint8Array }) {
    const array = data === undefined ? undefined : { title: "data", ...data };
    const given = encode(def, values as Record<string, number>);
    const { ret, out, call } = ioctl(this.world, fd, def, given, array);
    this.made.push(`${def.name.replace(/^(IOMMU|VFIO_DEVICE)_/, "")}${ret < 0 ? ` ${errnoName(ret)}` : ""}`);
    this.last = call;
    return { ret, out, arrays: call.arrays };
  }

  get pointer(): bigint {
    return this.world.scratch + ARRAY;
  }

  /** The result: `ret` of the call that decided. */
  told(ret: number, seen: Record<string, Seen> = {}, refs: string[] = []): Bare {
    this.world.kernel.note(this.made.join(", "));
    const bare = answer(ret, this.made.join(", "), {});
    const summary = ret < 0 ? `${bare.errno} (${(this.made.at(-1) ?? "").split(" ")[0]})` : bare.summary;
    const call = this.last === undefined ? {} : { call: this.last };
    return { ...bare, summary, seen: { ...bare.seen, ...(ret < 0 ? {} : seen) }, refs, ...call };
  }
}

type Range = readonly [bigint, bigint];

function rangesOf(hand: Hand, ioas_id: number): Range[] | number {
  const def = uapi.IOMMU_IOAS_IOVA_RANGES;
  const fd = hand.world.iommufd;
  const asked = hand.call(def, fd, { ioas_id });
  const room = Number(asked.out["num_iovas"] ?? 0);
  if (room === 0) return asked.ret;
  const bytes = new Uint8Array(room * IOVA_RANGE.size);
  const values = { ioas_id, num_iovas: room, allowed_iovas: hand.pointer };
  const { ret, out, arrays } = hand.call(def, fd, values, { layout: IOVA_RANGE, bytes });
  return ret < 0 ? ret : rangesIn(bytes.length, arrays[0]?.bytes, out);
}

/** First place at or after `from` where `length` fits, as far aligned as it is long, at most 2M; null = nowhere. */
function place(ranges: readonly Range[], from: bigint, length: bigint): bigint | null {
  const step = length >= 0x200000n ? 0x200000n : 4096n;
  for (const [start, last] of ranges) {
    const low = start > from ? start : from;
    const at = ((low + step - 1n) / step) * step;
    if (at >= start && at + length - 1n <= last) return at;
  }
  return null;
}

/** `entries`: memories that are mapped; `times`: those that lie in no range and would keep the VMM from starting. */
function layOut(hand: Hand, args: Args): Bare {
  const { world } = hand;
  const ioas_id = args.num("ioas", 0);
  const ranges = rangesOf(hand, ioas_id);
  if (typeof ranges === "number") return hand.told(ranges);
  let from = args.int("from");
  let mapped = 0n;
  for (const m of world.memory.values()) {
    if (m.ipa === null) continue;
    const at = place(ranges, from ?? m.ipa, m.length);
    const fits = at !== null && (from !== undefined || at === m.ipa);
    if (!fits) {
      const where = `0x${m.ipa.toString(16)}`;
      world.kernel.note(`${m.name} at ${where} is in no range: the VMM does not start so`);
      return { ...hand.told(0, { entries: mapped, ranges, who: m.name }), summary: `no room for ${m.name}` };
    }
    if (from !== undefined) {
      m.ipa = at;
      from = at + m.length;
    }
    const values = { flags: MAP, ioas_id, user_va: m.va, length: m.length, iova: at };
    const { ret } = hand.call(uapi.IOMMU_IOAS_MAP, world.iommufd, values);
    if (ret < 0) return hand.told(ret);
    mapped++;
  }
  return hand.told(0, { entries: mapped, ranges, who: "none" });
}

function plug(hand: Hand, args: Args): Bare {
  const { world } = hand;
  const device = args.device();
  const refs = [`dev:${device.name}`];
  if (device.id === 0) {
    const bound = hand.call(VFIO_DEVICE_BIND_IOMMUFD, device.fd, { argsz: 24, iommufd: world.iommufd });
    if (bound.ret < 0) return hand.told(bound.ret, {}, refs);
    device.id = Number(bound.out["out_devid"] ?? 0);
    setMaster(world, device);
  }
  const joined = attach(hand, device, args.num("pt", 0));
  if (joined < 0 || !args.has("viommu")) return hand.told(joined, { id: BigInt(device.id) }, refs);
  const values = { viommu_id: args.num("viommu", 0), dev_id: device.id, virt_id: args.big("virt_id", 0n) };
  const { ret } = hand.call(uapi.IOMMU_VDEVICE_ALLOC, world.iommufd, values);
  return hand.told(ret, { id: BigInt(device.id) }, refs);
}

function attach(hand: Hand, device: WorldDevice, pt_id: number): number {
  return hand.call(VFIO_DEVICE_ATTACH_IOMMUFD_PT, device.fd, { argsz: 16, pt_id }).ret;
}

/** As QEMU does it: a page table of the entry's words, replace, then the page table before is given back. */
function guestSte(hand: Hand, args: Args): Bare {
  const { world } = hand;
  const device = args.device();
  const words = args.words("vste") ?? entryAt(world, args.big("at", 0n));
  if (words === null) return answer(-errno.EFAULT, "", {});
  const values = {
    dev_id: device.id,
    pt_id: args.num("viommu", 0),
    data_type: uapi.HWPT_DATA.ARM_SMMUV3,
    data_len: 16,
    data_uptr: hand.pointer,
  };
  const bytes = new Uint8Array(BigUint64Array.from(words).buffer);
  const made = hand.call(uapi.IOMMU_HWPT_ALLOC, world.iommufd, values, { layout: HWPT_ARM_SMMUV3, bytes });
  if (made.ret < 0) return hand.told(made.ret);
  const id = Number(made.out["out_hwpt_id"] ?? 0);
  const ret = attach(hand, device, id);
  const { nested } = world.actors;
  const spare = ret < 0 ? id : nested.get(device.name);
  if (ret >= 0) nested.set(device.name, id);
  const { last } = hand;
  if (spare !== undefined) hand.call(uapi.IOMMU_DESTROY, world.iommufd, { id: spare });
  hand.last = last;
  const refs = [`dev:${device.name}`, ...(ret < 0 ? [] : [`hwpt:${id}`])];
  return hand.told(ret, { id: BigInt(id) }, refs);
}

function entryAt(world: World, at: bigint): bigint[] | null {
  const lo = peek64(world, at);
  const hi = peek64(world, at + 8n);
  return lo === null || hi === null ? null : [lo, hi];
}

/** What the guest queued is gone from its queue afterwards, also where the kernel refused it: it would be an error there. */
function relay(hand: Hand, args: Args): Bare {
  const { world } = hand;
  const { commands } = world.actors;
  world.actors.commands = [];
  const total = commands.length / 2;
  const each = args.word("each") === "each";
  const size = each ? 1 : total;
  let done = 0;
  let ret = 0;
  for (let at = 0; at < total && ret >= 0; at += size) {
    const bytes = new Uint8Array(BigUint64Array.from(commands.slice(2 * at, 2 * (at + size))).buffer);
    const answered = hand.call(
      uapi.IOMMU_HWPT_INVALIDATE,
      world.iommufd,
      {
        hwpt_id: args.num("viommu", 0),
        data_uptr: hand.pointer,
        data_type: uapi.INVALIDATE_TYPE.VIOMMU_ARM_SMMUV3,
        entry_len: 16,
        entry_num: size,
      },
      { layout: VIOMMU_ARM_SMMUV3_INVALIDATE, bytes },
    );
    ret = answered.ret;
    done += Number(answered.out["entry_num"] ?? 0);
  }
  const bare = hand.told(ret, {}, [`viommu:${args.num("viommu", 0)}`]);
  const summary = ret < 0 ? bare.summary : `${done} relayed`;
  return { ...bare, summary, seen: { ...bare.seen, entries: BigInt(done) } };
}

/** Records go behind those that are there; a lost-events record is the guest's queue overflow, of which nothing is written. */
function inject(world: World, args: Args): Bare {
  const bytes = readFile(world, args.num("queue", -1), EVENT_ROOM);
  if (typeof bytes === "number") return answer(bytes, "", {});
  const { actors } = world;
  const records = vevents(bytes);
  for (const { lost, data } of records) {
    if (lost) continue;
    const va = guestToUser(world, args.big("at", 0n) + BigInt(actors.injected) * EVENT_BYTES);
    if (va === null || copy_to_mm(world.kernel, world.vmm.mm, va, data) !== data.length)
      return answer(-errno.EFAULT, "", {});
    actors.injected++;
  }
  const lost = records.filter((r) => r.lost).length;
  const n = records.length - lost;
  return answer(0, `${n} injected`, { records: BigInt(n), lost: BigInt(lost) });
}

/** The struct with one address behind it. */
function prepareMsi(world: World, args: Args): Bare {
  const device = args.device();
  const head = VFIO_DEVICE_SET_IRQS;
  const bytes = new Uint8Array(head.size + 8);
  const flags = IRQ_SET_PROPOSED.DATA_MSI_IOVA | IRQ_SET_PROPOSED.ACTION_PREPARE;
  bytes.set(encode(head, { argsz: bytes.length, flags, index: args.num("index", 1), start: 0, count: 1 }));
  new DataView(bytes.buffer).setBigUint64(head.size, args.big("iova", 0n), true);
  const { ret, call } = ioctl(world, device.fd, head, bytes);
  return { ...answer(ret, "0", {}), refs: [`dev:${device.name}`], call };
}
