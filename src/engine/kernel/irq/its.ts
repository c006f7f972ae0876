/**
 * The GICv3 ITS driver: a translation table for each device, event ids out of it, LPIs behind them.
 * Source: linux 7.2 drivers/irqchip/irq-gic-v3-its.c, irq-gic-its-msi-parent.c.
 */
import { encode } from "../../../hw/base/fields.ts";
import { GITS } from "../../../hw/irq/its.ts";
import { DTE_BYTES } from "../../../hw/irq/its_tables.ts";
import * as op from "../../../hw/irq/its_commands.ts";
import { errno } from "../../uapi/errno.ts";
import type { Device } from "../iommu/types.ts";
import type { Kernel } from "../kernel.ts";
import { alloc_coherent } from "../mm/coherent.ts";
import { the_machine } from "../platform.ts";
import { type MsiDesc, msi_msg_addr, type MsiMsg } from "./msi.ts";

const FIRST_LPI = 8192;
/** LPIs that this kernel configures. */
const LPIS = 0x10000 - FIRST_LPI;
const CMD_QUEUE_BYTES = 0x10000;
const TABLE_PAGE = 0x10000;
/** GITS_BASER: pages of 64 KiB, one of them. */
const BASER_64K = 2 << 8;
const COMMAND_BYTES = 32;
/** Bytes of one entry of an interrupt translation table. */
const ITT_ENTRY = 16;
/** LPI configuration byte: priority and enable bit. */
const LPI_PRIORITY = 0xa0;
const LPI_ENABLED = 1;

/** `struct its_device`: one DeviceID. */
export interface ItsDevice {
  device_id: number;
  /** Events; a power of two. */
  nr_lpis: number;
  lpi_base: number;
  /** Event ids given out; one that a failed set-up did not give back stays for ever. */
  used: Set<number>;
}

export interface ItsState {
  base: number;
  /** Command queue and the byte offset of the next command. */
  cmd_base: number;
  cmd_write: number;
  /** LPI configuration table. */
  prop_base: number;
  next_lpi: number;
  devices: Map<number, ItsDevice>;
  /** First level of the device table. */
  device_table: number;
}

type Command = Uint32Array;

/** Brings the ITS up: tables in memory, registers, one collection. -ENOMEM. */
export function its_probe(k: Kernel, base: number): ItsState | number {
  const machine = the_machine(k);
  const device_table = alloc_coherent(k, TABLE_PAGE);
  const collection_table = alloc_coherent(k, TABLE_PAGE);
  const cmd_base = alloc_coherent(k, CMD_QUEUE_BYTES);
  const prop_base = alloc_coherent(k, LPIS);
  if (device_table === null || collection_table === null || cmd_base === null || prop_base === null)
    return -errno.ENOMEM;
  k.mem.writeBytes(prop_base, new Uint8Array(LPIS).fill(LPI_PRIORITY), "LPI configuration");
  if (machine.its !== null) machine.its.propbaser = prop_base;
  const its: ItsState = {
    base,
    cmd_base,
    cmd_write: 0,
    prop_base,
    next_lpi: FIRST_LPI,
    devices: new Map(),
    device_table,
  };
  const valid = 0x8000_0000;
  its_setup_baser(k, its, 0, device_table, true);
  its_setup_baser(k, its, 1, collection_table, false);
  const pages = CMD_QUEUE_BYTES / 4096 - 1;
  machine.write64(base + GITS.CBASER, (cmd_base % 2 ** 32) + pages, (Math.floor(cmd_base / 2 ** 32) | valid) >>> 0);
  machine.write64(base + GITS.CWRITER, 0, 0);
  machine.write32(base + GITS.CTLR, 1);
  its_send(k, its, encode(op.MAPC, { Op: op.ITS_MAPC, ICID: 0, V: 1 }));
  its_send(k, its, encode(op.MAPTI, { Op: op.ITS_INVALL, ICID: 0 }));
  return its;
}

/** One 64 KiB page for a table; an indirect one has pointers to such pages in it. */
function its_setup_baser(k: Kernel, its: ItsState, n: number, table: number, indirect: boolean): void {
  const hi = (Math.floor(table / 2 ** 32) | 0x8000_0000 | (indirect ? 1 << 30 : 0)) >>> 0;
  the_machine(k).write64(its.base + GITS.BASER + 8 * n, (table % 2 ** 32) + BASER_64K, hi);
}

/** `its_alloc_device_table`: the page of the device table that a DeviceID falls into. -ENOMEM. */
function its_alloc_device_table(k: Kernel, its: ItsState, device_id: number): number {
  const at = its.device_table + 8 * Math.floor((device_id * DTE_BYTES) / TABLE_PAGE);
  if (k.mem.read32(at + 4) !== 0) return 0;
  const page = alloc_coherent(k, TABLE_PAGE);
  if (page === null) return -errno.ENOMEM;
  k.mem.write64(at, page % 2 ** 32, (Math.floor(page / 2 ** 32) | 0x8000_0000) >>> 0, "ITS device table");
  return 0;
}

/** Queues a command and a SYNC behind it. */
function its_send(k: Kernel, its: ItsState, command: Command): void {
  for (const words of [command, encode(op.MAPTI, { Op: op.ITS_SYNC })]) {
    for (let w = 0; w < 8; w += 2) {
      k.mem.write64(its.cmd_base + its.cmd_write + 4 * w, words[w] ?? 0, words[w + 1] ?? 0);
    }
    its.cmd_write = (its.cmd_write + COMMAND_BYTES) % CMD_QUEUE_BYTES;
  }
  the_machine(k).write64(its.base + GITS.CWRITER, its.cmd_write, 0);
}

/** `its_msi_prepare`: the device's table for up to `nvec` events, made once. -ENOMEM. */
export function its_find_or_create_device(
  k: Kernel,
  its: ItsState,
  device_id: number,
  nvec: number,
): ItsDevice | number {
  const known = its.devices.get(device_id);
  if (known !== undefined) return known;
  const rc = its_alloc_device_table(k, its, device_id);
  if (rc < 0) return rc;
  const minimum = device_id === 0 ? 32 : 1;
  const nr_lpis = 2 ** Math.ceil(Math.log2(Math.max(minimum, nvec)));
  const nr_ites = Math.max(2, nr_lpis);
  const itt = alloc_coherent(k, nr_ites * ITT_ENTRY);
  if (itt === null || its.next_lpi + nr_lpis > FIRST_LPI + LPIS) return -errno.ENOMEM;
  const dev: ItsDevice = { device_id, nr_lpis, lpi_base: its.next_lpi, used: new Set() };
  its.next_lpi += nr_lpis;
  its.devices.set(device_id, dev);
  its_send(
    k,
    its,
    encode(op.MAPD, {
      Op: op.ITS_MAPD,
      DeviceID: device_id,
      Size: Math.log2(nr_ites) - 1,
      "ITTaddr[31:8]": (itt % 2 ** 32) >>> 8,
      "ITTaddr[51:32]": Math.floor(itt / 2 ** 32),
      V: 1,
    }),
  );
  return dev;
}

/** A run of `n` (a power of two) free events, aligned; -ENOSPC. */
function its_alloc_device_irq(k: Kernel, dev: ItsDevice, n: number): number {
  for (let at = 0; at + n <= dev.nr_lpis; at += n) {
    let free = true;
    for (let i = at; i < at + n; i++) free &&= !dev.used.has(i);
    if (!free) continue;
    for (let i = at; i < at + n; i++) dev.used.add(i);
    return at;
  }
  const detail = () => ({ left: `${dev.used.size} of ${dev.nr_lpis} event ids are taken` });
  k.check(false, "an event id of the device is free", detail);
  return -errno.ENOSPC;
}

/** Events of one set-up, before they are switched on. */
export interface ItsIrqs {
  dev: ItsDevice;
  /** First event id and how many. */
  event: number;
  n: number;
}

/**
 * `its_irq_domain_alloc`: events for `n` vectors of `dev`, and the doorbell made reachable. When the latter fails the
 * event ids are not given back: they are lost until the machine reboots.
 */
export function its_irq_domain_alloc(
  k: Kernel,
  its: ItsState,
  its_dev: ItsDevice,
  dev: Device,
  desc: MsiDesc,
  n: number,
): ItsIrqs | number {
  const event = its_alloc_device_irq(k, its_dev, n);
  if (event < 0) return event;
  const rc = k.ops.iommu_dma_prepare_msi(k, desc, dev, its_get_msi_base(its));
  if (rc < 0) {
    k.note(`event id ${event} of ${dev.name} is not given back`);
    return rc;
  }
  return { dev: its_dev, event, n };
}

/** Address of GITS_TRANSLATER. */
function its_get_msi_base(its: ItsState): bigint {
  return BigInt(its.base + GITS.TRANSLATER);
}

export function its_irq_compose_msi_msg(its: ItsState, desc: MsiDesc, event: number): MsiMsg {
  return { address: msi_msg_addr(desc, its_get_msi_base(its)), data: event };
}

/** Connects an event to its LPI. */
export function its_irq_domain_activate(k: Kernel, its: ItsState, dev: ItsDevice, event: number): void {
  its_send(
    k,
    its,
    encode(op.MAPTI, {
      Op: op.ITS_MAPTI,
      DeviceID: dev.device_id,
      EventID: event,
      pINTID: dev.lpi_base + event,
      ICID: 0,
    }),
  );
}

export function its_irq_domain_deactivate(k: Kernel, its: ItsState, dev: ItsDevice, event: number): void {
  its_send(k, its, encode(op.MAPTI, { Op: op.ITS_DISCARD, DeviceID: dev.device_id, EventID: event }));
}

/** Switches an LPI on or off in the configuration table, and tells the ITS to look again. */
export function its_lpi_update_config(k: Kernel, its: ItsState, dev: ItsDevice, event: number, enable: boolean): void {
  const byte = new Uint8Array([LPI_PRIORITY | (enable ? LPI_ENABLED : 0)]);
  k.mem.writeBytes(its.prop_base + dev.lpi_base + event - FIRST_LPI, byte, "LPI configuration");
  its_send(k, its, encode(op.MAPTI, { Op: op.ITS_INV, DeviceID: dev.device_id, EventID: event }));
}

export function its_irq_domain_free(irqs: ItsIrqs): void {
  for (let i = irqs.event; i < irqs.event + irqs.n; i++) irqs.dev.used.delete(i);
}
