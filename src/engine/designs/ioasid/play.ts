/** What the programs of several designs do alike when a scenario says "make a space, attach, read the faults". */
import { errno } from "../../uapi/errno.ts";
import type { ForeignApi, ForeignCall, SpaceAnswer, SpaceCaller, SpaceRequest } from "../../kernel/foreign_api.ts";

const VFIO_BASE = 0x3b64;

/** `names`: operation of a scenario -> name in the mails and offset; `base`: number of offset 0. */
export function numbers(
  base: number,
  file: Readonly<Record<string, readonly [string, number]>>,
  device: Readonly<Record<string, readonly [string, number]>>,
): ForeignApi["calls"] {
  const calls: Record<string, ForeignCall> = {};
  for (const [op, [name, n]] of Object.entries(file)) calls[op] = Object.freeze({ name, cmd: base + n });
  for (const [op, [name, n]] of Object.entries(device)) calls[op] = Object.freeze({ name, cmd: VFIO_BASE + n });
  return Object.freeze(calls);
}

export const ENOTTY: SpaceAnswer = Object.freeze({ ret: -errno.ENOTTY });

/** An id that the call returns. */
export function made(ret: number): SpaceAnswer {
  return ret < 0 ? { ret } : { ret, id: BigInt(ret) };
}

export function map(c: SpaceCaller, fd: number, r: SpaceRequest, ioasid: bigint): SpaceAnswer {
  const values = { ioasid, iova: r.iova, size: r.length, vaddr: r.va, flags: BigInt(r.prot) };
  return { ret: c.call("IOASID_MAP_DMA", fd, values).ret };
}

export function unmap(c: SpaceCaller, fd: number, r: SpaceRequest, ioasid: bigint): SpaceAnswer {
  return { ret: c.call("IOASID_UNMAP_DMA", fd, { ioasid, iova: r.iova, size: r.length }).ret };
}

/** Binds once, then attaches. */
export function bind_attach(c: SpaceCaller, r: SpaceRequest, cookie: bigint, ioasid: bigint): SpaceAnswer {
  const fd = BigInt(c.fd);
  if (c.first(`bind ${r.bdf}`)) {
    const { ret } = c.call("VFIO_BIND_IOASID_FD", r.device, { fd, cookie });
    if (ret < 0) return { ret };
    c.master(r.bdf);
  }
  return { ret: c.call("VFIO_ATTACH_IOASID", r.device, { fd, ioasid }).ret };
}

/** Requester id of a device, `0x300` for 0000:03:00.0: how records name it, and the cookie that programs here choose. */
export function cookie_of(bdf: string): bigint {
  const [, bus = "0", slot = "0", fn = "0"] = /^[0-9a-f]{4}:([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$/.exec(bdf) ?? [];
  return BigInt((Number.parseInt(bus, 16) << 8) | (Number.parseInt(slot, 16) << 3) | Number(fn));
}
