/**
 * Context and PASID entries of functions: what the driver writes when one is found, attached, detached.
 * Source: linux 7.2 drivers/iommu/intel/{iommu,pasid}.c.
 */
import { encode, get } from "../../../../hw/base/fields.ts";
import { CONTEXT, PASID_DIR, PASID_ENTRY, PGTT, ROOT, SM_CONTEXT, SM_ROOT } from "../../../../hw/vtd/entries.ts";
import { errno } from "../../../uapi/errno.ts";
import { alloc_coherent } from "../../mm/coherent.ts";
import type { Kernel } from "../../kernel.ts";
import { the_machine, the_platform } from "../../platform.ts";
import { pci_dma_aliases } from "../../pci/search.ts";
import type { DeviceDomainInfo } from "./device.ts";
import { type DmarHardware, PASS_THROUGH_DID } from "./dmar.ts";
import type { DmarDomain } from "./domain.ts";
import { qi_flush_context_device, qi_flush_iotlb_domain, qi_flush_pasid_cache, qi_flush_piotlb_all } from "./qi.ts";

const PAGE = 4096;
/** PDTS of a directory of one page: 512 entries. */
const PDTS_PAGE = 2;
/** AW: levels less two. */
const AGAW = 2;
const TT_PASS = 2;
const PASID_BYTES = 64;

function words(k: Kernel, pa: number, values: Uint32Array, what: string): void {
  const { mem } = the_machine(k);
  // The present bit comes with the first word, so that word is written last.
  for (let i = values.length - 2; i >= 0; i -= 2) {
    mem.write64(pa + 4 * i, values[i] ?? 0, values[i + 1] ?? 0, `${what} w${i >> 1}`);
  }
}

function load(k: Kernel, pa: number, count: number): Uint32Array {
  const { mem } = the_machine(k);
  return Uint32Array.from({ length: count }, (_, i) => mem.read32(pa + 4 * i, "entry"));
}

/** Halves of an address as the bit tables name them. */
function pointer<const N extends string>(name: N, pa: number): Record<`${N}[31:12]` | `${N}[63:32]`, number> {
  return { [`${name}[31:12]`]: (pa >>> 12) & 0xfffff, [`${name}[63:32]`]: Math.floor(pa / 2 ** 32) } as Record<
    `${N}[31:12]` | `${N}[63:32]`,
    number
  >;
}

/** Address of the context entry of a source id; its table is made when it is the first of its bus. -1: no memory. */
function context_entry(k: Kernel, hw: DmarHardware, sid: number): number {
  const half = hw.scalable ? (sid >> 7) & 1 : 0;
  const key = (sid >> 8) * 2 + half;
  let table = hw.contexts.get(key) ?? null;
  if (table === null) {
    table = alloc_coherent(k, PAGE);
    if (table === null) return -1;
    hw.contexts.set(key, table);
    const at = hw.root + (sid >> 8) * 16 + 8 * half;
    const entry = hw.scalable
      ? encode(SM_ROOT, { LP: 1, ...pointer("LowerTable", table) })
      : encode(ROOT, { P: 1, ...pointer("ContextTable", table) });
    words(k, at, entry.slice(0, 2), `root[0x${(sid >> 8).toString(16)}]`);
  }
  return table + (hw.scalable ? (sid & 127) * 32 : (sid & 255) * 16);
}

/** Source ids under which a function's requests may arrive. */
export function source_ids(k: Kernel, bdf: string): number[] {
  const pdev = the_platform(k).pci.get(bdf);
  return pdev === undefined ? [] : [...new Set(pci_dma_aliases(pdev).map(({ rid }) => rid))];
}

/** Scalable mode, when a function is found: a PASID directory of its own, and context entries that lead to it. 0 or -ENOMEM. */
export function device_pasid_table_setup(k: Kernel, hw: DmarHardware, info: DeviceDomainInfo): number {
  const directory = alloc_coherent(k, PAGE);
  if (directory === null) return -errno.ENOMEM;
  info.directory = directory;
  for (const sid of source_ids(k, info.bdf)) {
    const at = context_entry(k, hw, sid);
    if (at < 0) return -errno.ENOMEM;
    const pasids = info.pasids ? { PASIDE: 1 } : {};
    words(
      k,
      at,
      encode(SM_CONTEXT, { P: 1, PDTS: PDTS_PAGE, ...pasids, ...pointer("Directory", directory) }),
      "context",
    );
    if (info.iommu.caching_mode) qi_flush_context_device(k, hw, 0, sid);
  }
  return 0;
}

/** Address of a PASID entry; its table is made when `make`. -1: there is none. */
function pasid_entry(k: Kernel, info: DeviceDomainInfo, pasid: number, make: boolean): number {
  const at = info.directory + (pasid >>> 6) * 8;
  const entry = load(k, at, 2);
  let table = get(PASID_DIR.f["Table[31:12]"], entry) * PAGE + get(PASID_DIR.f["Table[63:32]"], entry) * 2 ** 32;
  if (get(PASID_DIR.f.P, entry) === 0) {
    const made = make ? alloc_coherent(k, PAGE) : null;
    if (made === null) return -1;
    table = made;
    words(k, at, encode(PASID_DIR, { P: 1, ...pointer("Table", table) }), "PASID directory");
  }
  return table + (pasid & 63) * PASID_BYTES;
}

/** What the tables of a function lead to from now on. `domain` null: pass-through. 0, -ENOMEM, -ENOSPC. */
export function setup_translation(
  k: Kernel,
  hw: DmarHardware,
  info: DeviceDomainInfo,
  pasid: number,
  domain: DmarDomain | null,
): number {
  const did = domain === null ? PASS_THROUGH_DID : hw.get_did(domain);
  if (did < 0) return -errno.ENOSPC;
  const rc = hw.scalable ? setup_pasid(k, hw, info, pasid, domain, did) : setup_contexts(k, hw, info, domain, did);
  if (rc < 0 && domain !== null) hw.put_did(domain);
  return rc;
}

function setup_pasid(
  k: Kernel,
  hw: DmarHardware,
  info: DeviceDomainInfo,
  pasid: number,
  domain: DmarDomain | null,
  did: number,
): number {
  const at = pasid_entry(k, info, pasid, true);
  if (at < 0) return -errno.ENOMEM;
  const root = domain === null ? 0 : domain.table.hardware_root();
  const levels = domain === null ? 4 : domain.table.levels;
  const common = { P: 1, DID: did };
  let entry: Uint32Array;
  if (domain === null) entry = encode(PASID_ENTRY, { ...common, PGTT: PGTT.PASS, AW: AGAW });
  else if (domain.stage === "first") {
    const mode = levels === 5 ? 1 : 0;
    const more = { AW: AGAW, FSPM: mode, PGSNP: domain.force_snooping ? 1 : 0 };
    entry = encode(PASID_ENTRY, { ...common, ...more, PGTT: PGTT.FIRST, ...pointer("FSPTPTR", root) });
  } else entry = encode(PASID_ENTRY, { ...common, PGTT: PGTT.SECOND, AW: levels - 2, ...pointer("SSPTPTR", root) });
  words(k, at, entry, `PASID[0x${pasid.toString(16)}]`);
  if (info.iommu.caching_mode) {
    qi_flush_pasid_cache(k, hw, did, pasid);
    qi_flush_piotlb_all(k, hw, did, pasid);
  }
  return 0;
}

function setup_contexts(
  k: Kernel,
  hw: DmarHardware,
  info: DeviceDomainInfo,
  domain: DmarDomain | null,
  did: number,
): number {
  for (const sid of source_ids(k, info.bdf)) {
    const at = context_entry(k, hw, sid);
    if (at < 0) return -errno.ENOMEM;
    const aw = domain === null ? AGAW : domain.table.levels - 2;
    const root = domain === null ? 0 : domain.table.hardware_root();
    const entry = { P: 1, TT: domain === null ? TT_PASS : 0, AW: aw, DID: did, ...pointer("Table", root) };
    words(k, at, encode(CONTEXT, entry), `context[0x${(sid & 255).toString(16)}]`);
    if (info.iommu.caching_mode) {
      qi_flush_context_device(k, hw, 0, sid);
      qi_flush_iotlb_domain(k, hw, did);
    }
  }
  return 0;
}

/** The function (or one PASID of it) leads nowhere from now on. `domain`: what it led to, null = pass-through or nothing. */
export function clear_translation(
  k: Kernel,
  hw: DmarHardware,
  info: DeviceDomainInfo,
  pasid: number,
  domain: DmarDomain | null,
): void {
  if (hw.scalable) tear_down_pasid(k, hw, info, pasid);
  else for (const sid of source_ids(k, info.bdf)) clear_context(k, hw, sid);
  if (domain !== null) hw.put_did(domain);
}

function tear_down_pasid(k: Kernel, hw: DmarHardware, info: DeviceDomainInfo, pasid: number): void {
  const at = pasid_entry(k, info, pasid, false);
  if (at < 0) return;
  const old = load(k, at, PASID_ENTRY.words);
  if (get(PASID_ENTRY.f.P, old) === 0) return;
  clear(k, at, PASID_ENTRY.words, `PASID[0x${pasid.toString(16)}]`);
  const did = get(PASID_ENTRY.f.DID, old);
  const type = get(PASID_ENTRY.f.PGTT, old);
  qi_flush_pasid_cache(k, hw, did, pasid);
  if (type === PGTT.FIRST || type === PGTT.PASS) qi_flush_piotlb_all(k, hw, did, pasid);
  else qi_flush_iotlb_domain(k, hw, did);
}

function clear_context(k: Kernel, hw: DmarHardware, sid: number): void {
  const at = context_entry(k, hw, sid);
  if (at < 0) return;
  const old = load(k, at, CONTEXT.words);
  if (get(CONTEXT.f.P, old) === 0) return;
  clear(k, at, CONTEXT.words, `context[0x${(sid & 255).toString(16)}]`);
  const did = get(CONTEXT.f.DID, old);
  qi_flush_context_device(k, hw, did, sid);
  qi_flush_iotlb_domain(k, hw, did);
}

/** Present bit first. */
function clear(k: Kernel, pa: number, count: number, what: string): void {
  const { mem } = the_machine(k);
  for (let i = 0; i < count; i += 2) mem.write64(pa + 4 * i, 0, 0, `${what} w${i >> 1}`);
}
