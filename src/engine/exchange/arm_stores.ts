/**
 * What the program stored behind the kernel's back: words poked into physical memory before a DMA and put back after it,
 * and edits of its guest's tables, which only notes tell of.
 */
import { get, set } from "../../hw/base/fields.ts";
import { CD } from "../../hw/smmuv3/cd.ts";
import { EVENT, EVT } from "../../hw/smmuv3/evtq.ts";
import { STE } from "../../hw/smmuv3/ste.ts";
import { to_smmu_domain_devices } from "../kernel/drivers/arm_smmu_v3/device.ts";
import { is_table, LAST_LEVEL, pte_addr } from "../kernel/drivers/io_pgtable_arm/descriptor.ts";
import { arm_lpae_index } from "../kernel/drivers/io_pgtable_arm/format.ts";
import { iommufd_device_attach, iommufd_device_detach } from "../kernel/iommufd/device.ts";
import { wordsOf } from "./arm_hw_compare.ts";
import { dumpLeaves, guestPieces, type TableDump } from "./arm_memory.ts";
import type { Names } from "./arm_names.ts";
import type { ArmRecord } from "./arm_records.ts";
import { fromHex } from "./hex.ts";
import { address } from "./parse.ts";
import type { ArmWorld } from "./replay_arm_world.ts";

/** STE.Config: stage 2 translates. */
const STAGE2 = 2;

/** Words to put back. */
export interface Poked {
  pa: number;
  bytes: Uint8Array;
}

const join = (lo: number, hi: number): number => (hi & 0xffff) * 2 ** 32 + ((lo & 0xfffff000) >>> 0);

/** Addresses of the descriptors on the way to `iova` in the table that the device is attached to, by level. */
function walkEntries(world: ArmWorld, bdf: string, iova: number): Map<number, number> {
  const out = new Map<number, number>();
  const domain = to_smmu_domain_devices(world.platform.pci.get(bdf)?.dev.iommu_group?.domain ?? null);
  if (domain === null) return out;
  const { geo, pgd, cfg } = domain.pgtable;
  let table = pgd;
  for (let level = geo.start_level; level <= LAST_LEVEL; level++) {
    const at = table + arm_lpae_index(geo, iova, level) * 8;
    out.set(level, at);
    world.k.mem.fetch64(at);
    const { lo, hi } = world.k.mem;
    if (!is_table(lo, level)) break;
    table = pte_addr(cfg, lo, hi);
  }
  return out;
}

/** Which of them a poke at their address means: the level that the text names, else the same place in its page. */
function meant(entries: Map<number, number>, their: number, what: string): number | undefined {
  const level = /\bL(\d)\b/.exec(what)?.[1];
  const named = level === undefined ? undefined : entries.get(Number(level));
  return named ?? [...entries.values()].find((at) => at % 4096 === their % 4096);
}

/** The 64-bit words of a poke with its page addresses in our numbers. */
function renamed(names: Names, bytes: Uint8Array): Uint8Array {
  const out = bytes.slice();
  const view = new DataView(out.buffer);
  for (let at = 0; at + 8 <= out.length; at += 8) {
    const lo = view.getUint32(at, true);
    const hi = view.getUint32(at + 4, true);
    const their = join(lo, hi);
    const our = names.ourAddress(their);
    if (our === their) continue;
    view.setUint32(at, ((our % 2 ** 32) | (lo & 0xfff)) >>> 0, true);
    view.setUint32(at + 4, (Math.floor(our / 2 ** 32) | (hi & ~0xffff)) >>> 0, true);
  }
  return out;
}

/** The VMID or ASID of a poked STE or CD in our numbers, as far as it is matched: what is cached carries ours. */
function renameTag(world: ArmWorld, names: Names, bdf: string, bytes: Uint8Array, what: string): void {
  if (bytes.length !== STE.words * 4) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const words = Uint32Array.from({ length: STE.words }, (_, w) => view.getUint32(4 * w, true));
  const smmu = to_smmu_domain_devices(world.platform.pci.get(bdf)?.dev.iommu_group?.domain ?? null)?.smmu.name ?? "";
  const cd = what.startsWith("CD");
  if (!cd && (get(STE.f.Config, words) & STAGE2) === 0) return;
  const field = cd ? CD.f.ASID : STE.f.S2VMID;
  const relation = cd ? names.asids : names.vmids.get(smmu);
  const our = relation?.our(get(field, words));
  if (our === undefined) return;
  set(field, words, our);
  view.setUint32(4 * field.word, words[field.word] ?? 0, true);
}

/** The program detaches the device and attaches it again before it pokes, so that nothing stale is cached. */
function attachAgain(world: ArmWorld, record: ArmRecord | undefined): void {
  const vdev = world.platform.vfio.get(world.bdfs.get(record?.dev ?? "") ?? "");
  const idev = vdev?.idev ?? null;
  const hwpt = idev?.igroup.pasid_attach.get(0)?.hwpt;
  if (idev === null || hwpt === undefined) return;
  iommufd_device_detach(world.k, idev, 0);
  iommufd_device_attach(world.k, idev, 0, hwpt.id);
}

/** Writes a poke at our place of the structure; returns what stood there. */
export function applyPoke(world: ArmWorld, names: Names, records: readonly ArmRecord[], index: number): Poked[] {
  const record = records[index];
  if (record === undefined) return [];
  const their = address(record.pa ?? "0x0");
  const bytes = renamed(names, fromHex(record.words ?? ""));
  const next = records.slice(index).find((r) => r.t === "dma");
  attachAgain(world, next);
  renameTag(world, names, world.bdfs.get(next?.dev ?? "") ?? "", bytes, record.what ?? "");
  let pa = names.ourAddress(their);
  if (pa === their && next !== undefined && !world.ofProgram(their)) {
    const bdf = world.bdfs.get(next.dev ?? "") ?? "";
    pa = meant(walkEntries(world, bdf, address(next.iova ?? "0x0")), their, record.what ?? "") ?? pa;
    names.address(pa, their);
  }
  const before = new Uint8Array(bytes.length);
  world.k.mem.readBytes(pa, before);
  world.k.mem.writeBytes(pa, bytes);
  return [{ pa, bytes: before }];
}

/** Puts every poked word back, newest first. */
export function undoPokes(world: ArmWorld, poked: readonly Poked[]): Poked[] {
  for (const { pa, bytes } of poked.toReversed()) world.k.mem.writeBytes(pa, bytes);
  return [];
}

const CD_V_BYTE = 3;
const CD_V = 0x80;
const CD_A_BYTE = 5;
const CD_A = 0x40;

/** Stores into the guest's tables that a record's note tells of, done before the record. */
export function applyNote(
  world: ArmWorld,
  _names: Names,
  records: readonly ArmRecord[],
  index: number,
  dumps: ReadonlyMap<string, TableDump>,
): void {
  const record = records[index];
  const note = record?.note ?? "";
  if (record === undefined || note === "") return;
  const guest = [...dumps.values()].find((dump) => guestPieces(dump).length > 0);
  if (guest === undefined) return;
  if (record.t === "dma" && /S1 mapped now/.test(note)) mapPage(world, guest, record);
  if (record.cmd === "IOMMU_HWPT_INVALIDATE" && note.startsWith("CFGI_CD")) {
    const cd = guestPieces(guest)[0];
    if (cd === undefined || /vsid|ATC/.test(note)) return;
    const bytes = cd.bytes.slice();
    if (/CD\.V=0/.test(note)) bytes[CD_V_BYTE] = (bytes[CD_V_BYTE] ?? 0) & ~CD_V;
    if (/CD\.A=0/.test(note)) bytes[CD_A_BYTE] = (bytes[CD_A_BYTE] ?? 0) & ~CD_A;
    world.k.mem.writeBytes(cd.pa, bytes);
  }
  if (/L0 entry pointing at unmapped IPA/.test(note)) redirectRoot(world, guest, records, index);
}

/** The page that the program's own walk found is entered in the guest's level-3 table. */
function mapPage(world: ArmWorld, guest: TableDump, record: ArmRecord): void {
  const iova = address(record.iova ?? "0x0");
  const pa = address(record.walk ?? "0x0");
  const { mem } = world.k;
  const root = address(guest.s1.root);
  let table = toPa(guest, root);
  for (let level = 0; level < 4; level++) {
    const at = table + (Math.floor(iova / 2 ** (12 + 9 * (3 - level))) % 512) * 8;
    mem.fetch64(at);
    if (level === 3) {
      const ipa = toIpa(guest, pa);
      mem.write64(at, ((ipa % 2 ** 32) | 0xf47) >>> 0, Math.floor(ipa / 2 ** 32));
      return;
    }
    table = toPa(guest, join(mem.lo, mem.hi));
  }
}

/** Through the parent's stage 2 as the dump has it. */
function toPa(guest: TableDump, ipa: number): number {
  const leaf = dumpLeaves(guest).find((it) => ipa >= it.iova && ipa < it.iova + it.size);
  return leaf === undefined ? ipa : leaf.pa + (ipa - leaf.iova);
}

function toIpa(guest: TableDump, pa: number): number {
  const leaf = dumpLeaves(guest).find((it) => pa >= it.pa && pa < it.pa + it.size);
  return leaf === undefined ? pa : leaf.iova + (pa - leaf.pa);
}

/** The guest's level-0 entry leads to the IPA that the next table-fetch fault names. */
function redirectRoot(world: ArmWorld, guest: TableDump, records: readonly ArmRecord[], index: number): void {
  for (const record of records.slice(index)) {
    const text = record.evtq?.[0];
    if (text === undefined) continue;
    const words = wordsOf(text);
    const fetch = get(EVT.f.Event, words) === EVENT.F_TRANSLATION && get(EVT.f.CLASS, words) === 1;
    if (!fetch) continue;
    const ipa = join(words[6] ?? 0, words[7] ?? 0);
    const iova = address(record.iova ?? "0x0");
    const at = toPa(guest, address(guest.s1.root)) + (Math.floor(iova / 2 ** 39) % 512) * 8;
    world.k.mem.write64(at, ((ipa % 2 ** 32) | 3) >>> 0, Math.floor(ipa / 2 ** 32));
    return;
  }
}
