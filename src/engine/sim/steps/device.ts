/** Steps of a device: it masters the bus; then the kernel handles what that caused. */
import { kernel_after_device_access } from "../../kernel/boot.ts";
import { EventfdCtx } from "../../kernel/eventfd.ts";
import { attachedTables } from "../attached.ts";
import type { Args } from "../args.ts";
import { containerTableOf } from "../containers.ts";
import { throughSpace } from "../spaces.ts";
import { guestTranslate } from "../guest.ts";
import type { Bare, DeviceAccess, Seen } from "../result.ts";
import type { DmaResult, MsiResult } from "../../../hw/machine.ts";
import type { World, WorldDevice } from "../world.ts";
import { messageAddress } from "./vfio.ts";

export function runDevice(world: World, args: Args): Bare {
  return args.op.name === "MSI" ? runMsi(world, args) : runDma(world, args);
}

const high = (v: bigint): number => Number((v >> 32n) & 0xffff_ffffn);
const low = (v: bigint): number => Number(v & 0xffff_ffffn);

function runDma(world: World, args: Args): Bare {
  const device = args.device();
  if (!world.machine.pci.byBdf.has(device.bdf)) return gone(device);
  const write = args.word("dir") === "write";
  const iova = args.big("iova", 0n);
  const length = args.big("len", 64n);
  const data = write ? pattern(Number(length), args.big("value", 0xa5n)) : undefined;
  const pasid = args.has("pasid") ? { pasid: args.num("pasid", 0) } : {};
  return tellDma(world, device, { iova, length, write, ...pasid }, () => {
    const result = world.machine.dma(device.bdf, {
      write,
      hi: high(iova),
      lo: low(iova),
      len: Number(length),
      ...(pasid.pasid === undefined ? {} : { ssid: pasid.pasid }),
      ...(data === undefined ? {} : { data }),
    });
    world.actors.remember(device.name, result);
    kernel_after_device_access(world.kernel);
    return result;
  });
}

/** What an access gave. `perform` makes it and lets the kernel handle what it caused. */
export function tellDma(
  world: World,
  device: WorldDevice,
  { iova, length, write, pasid }: Pick<DeviceAccess, "iova" | "length" | "write" | "pasid">,
  perform: () => DmaResult,
): Bare {
  const tables = tablesAt(world, device, iova, pasid);
  const result = perform();
  const { fault } = result;
  const vector = result.runs[0]?.vector;
  const pa = fault === null && vector === undefined ? (result.runs[0]?.pa ?? null) : null;
  const peer = result.runs[0]?.peer;
  if (peer !== undefined || vector !== undefined) Object.assign(tables, { s1Track: null, tableTrack: null, ipa: null });
  const access: DeviceAccess = {
    device: device.name,
    iova,
    length,
    write,
    ...(pasid === undefined ? {} : { pasid }),
    msi: false,
    ok: result.ok,
    ...tables,
    ipa: reached(tables.ipa, fault),
    pa: pa === null ? null : BigInt(pa),
    stage: fault?.stage ?? 0,
    end:
      fault !== null
        ? faultText(world, device, fault)
        : vector === undefined
          ? `${length} bytes ${write ? "written" : "read"}${past(world, peer)}`
          : `an interrupt message, not translated: vector ${vector}`,
  };
  const event = fault === null ? "none" : eventName(world, device, fault.event);
  const seen: Record<string, Seen> = { ...accessSeen(access, event, fault), peer: peerName(world, peer) };
  if (vector !== undefined) seen["vector"] = BigInt(vector);
  const end = vector !== undefined ? `vector ${vector}` : peer === undefined ? "ok" : `peer ${peerName(world, peer)}`;
  return { ...bare(device, access, fault === null ? end : event, seen) };
}

/** The function whose BAR took the request on its way, in the words of the scenario. */
function peerName(world: World, bdf: string | undefined): string {
  if (bdf === undefined) return "none";
  for (const d of world.devices.values()) if (d.bdf === bdf) return d.name;
  return "other";
}

function past(world: World, bdf: string | undefined): string {
  return bdf === undefined ? "" : `, in a BAR of ${peerName(world, bdf)}: the IOMMU never saw it`;
}

/** The value as bytes, lowest first, repeated. */
function pattern(length: number, value: bigint): Uint8Array {
  const bytes: number[] = [];
  for (let v = value; v > 0n || bytes.length === 0; v >>= 8n) bytes.push(Number(v & 0xffn));
  return Uint8Array.from({ length }, (_, i) => bytes[i % bytes.length] ?? 0);
}

/** The card is not there: nothing goes out. */
function gone(device: WorldDevice): Bare {
  const seen: Record<string, Seen> = { event: "gone", errno: "none", delivered: 0n };
  return { outcome: "fault", errno: "none", summary: "not there", seen, refs: [`dev:${device.name}`] };
}

function runMsi(world: World, args: Args): Bare {
  const device = args.device();
  if (!world.machine.pci.byBdf.has(device.bdf)) return gone(device);
  const vector = args.num("vector", 0);
  return tellMsi(world, device, vector, () => {
    const before = counts(world, device);
    const result = world.machine.msi(device.bdf, vector);
    kernel_after_device_access(world.kernel);
    return { result, delivered: counts(world, device) - before };
  });
}

/** What an interrupt gave. `perform` raises it, lets the kernel handle it, and counts what the eventfds got. */
export function tellMsi(
  world: World,
  device: WorldDevice,
  vector: number,
  perform: () => { result: MsiResult; delivered: bigint },
): Bare {
  const iova = messageAddress(world, device, vector) ?? 0n;
  const tables = tablesAt(world, device, iova);
  const { result, delivered } = perform();
  const fault = result.end === "fault" ? faultOf(world, result) : null;
  const access: DeviceAccess = {
    device: device.name,
    iova,
    length: 4n,
    write: true,
    msi: true,
    ok: delivered > 0n,
    ...tables,
    ipa: reached(tables.ipa, fault),
    pa: result.pa < 0 ? null : BigInt(result.pa),
    stage: fault?.stage ?? 0,
    end:
      delivered > 0n
        ? `${irqName(result)} ${result.intid}, eventfd +${delivered}`
        : fault === null
          ? result.why
          : faultText(world, device, fault),
  };
  const event = fault === null ? "none" : eventName(world, device, fault.event);
  const seen = { ...accessSeen(access, event, fault), delivered };
  const summary = delivered > 0n ? "irq arrives" : fault !== null ? event : "lost";
  return bare(device, access, summary, seen);
}

interface Fault {
  event: number;
  stage: number;
  level: number;
}

/** Stage and level of a fault that the machine's answer leaves out, from the record that it caused. */
function faultOf(world: World, result: { event: number }): Fault {
  const smmu = world.machine.smmus.find((s) => (s.events.last[0] ?? 0) % 256 === result.event);
  const stage2 = smmu !== undefined && ((smmu.events.last[3] ?? 0) & 0x80) !== 0;
  return { event: result.event, stage: result.event === 0 || smmu === undefined ? 0 : stage2 ? 2 : 1, level: -1 };
}

function eventName(world: World, device: WorldDevice, event: number): string {
  return event === 0 ? "silent" : world.machine.eventName(device.bdf, event);
}

/** `LPI`, `SPI`; on x86 `vector`. */
function irqName({ end, intid }: MsiResult): string {
  if (end === "cpu") return "vector";
  return intid >= 8192 ? "LPI" : "SPI";
}

/** Whether an address is taken for an interrupt message, which no table translates. */
function asMessage(world: World, iova: bigint, pasid = 0): boolean {
  return pasid === 0 && world.machine.takesMessages(high(iova), low(iova));
}

function faultText(world: World, device: WorldDevice, fault: Fault): string {
  if (fault.event === 0) return "terminated without a record";
  const level = fault.level < 0 ? "" : ` level ${fault.level}`;
  return `${eventName(world, device, fault.event)}${fault.stage === 0 ? "" : ` stage ${fault.stage}`}${level}`;
}

/** The tables that the access goes through, and the address that it has below stage 1. */
function tablesAt(
  world: World,
  device: WorldDevice,
  iova: bigint,
  pasid = 0,
): Pick<DeviceAccess, "s1Track" | "tableTrack" | "ipa"> {
  if (asMessage(world, iova, pasid)) return { s1Track: null, tableTrack: null, ipa: null };
  const attached = attachedTables(world, device, pasid);
  if (attached === null) {
    const through = throughSpace(world, device.bdf, pasid);
    if (through !== null) {
      const { tableTrack, guest } = through;
      const s1Track = guest === null ? null : `s1:${guest.name}`;
      return { s1Track, tableTrack, ipa: guest === null ? iova : guestTranslate(world, guest, iova) };
    }
    const tableTrack = containerTableOf(world, device.bdf);
    return { s1Track: null, tableTrack, ipa: tableTrack === null ? null : iova };
  }
  const { s1Track, tableTrack, guest } = attached;
  return { s1Track, tableTrack, ipa: guest === null ? iova : guestTranslate(world, guest, iova) };
}

/** A fault in stage 1 means that the access never had an address below it. */
function reached(ipa: bigint | null, fault: Fault | null): bigint | null {
  return fault !== null && fault.stage !== 2 ? null : ipa;
}

function accessSeen(access: DeviceAccess, event: string, fault: Fault | null): Record<string, Seen> {
  const seen: Record<string, Seen> = { event, errno: access.ok ? "ok" : "none", stage: BigInt(access.stage) };
  if (fault !== null && fault.level >= 0) seen["level"] = BigInt(fault.level);
  if (access.ipa !== null) seen["ipa"] = access.ipa;
  if (access.pa !== null) seen["pa"] = access.pa;
  if (access.msi) seen["msi"] = access.iova;
  return seen;
}

function bare(device: WorldDevice, access: DeviceAccess, summary: string, seen: Record<string, Seen>): Bare {
  const outcome = access.ok ? "ok" : "fault";
  return { outcome, errno: access.ok ? "ok" : summary, summary, seen, refs: [`dev:${device.name}`], access };
}

/** Sum of the device's eventfds. */
function counts(world: World, device: WorldDevice): bigint {
  let sum = 0n;
  for (const fd of device.eventfds) {
    const data = world.vmm.fds.get(fd)?.private_data;
    if (data instanceof EventfdCtx) sum += data.count;
  }
  return sum;
}
