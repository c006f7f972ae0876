/**
 * What must hold of iommufd after every call, whatever the calls were. Each check recomputes from one side what the
 * kernel keeps on the other.
 */
import { MockPaging } from "../drivers/mock/state.ts";
import { SlotTable } from "../drivers/mock/slot_table.ts";
import { TestAccess } from "../drivers/mock/test_access.ts";
import { iommu_iova_to_phys } from "../iommu/map.ts";
import type { IommuDomain } from "../iommu/types.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_MASK_N, PAGE_SIZE, PAGE_SIZE_N } from "../mm/const.ts";
import type { IoPagetable, IoptArea } from "./iopt.ts";
import type { IoptPages } from "./iopt_pages.ts";
import type { IommufdCtx, IommufdIoas, IommufdObject } from "./objects.ts";

export interface Invariant {
  /** `areas-disjoint`. */
  readonly id: string;
  /** What holds, in a sentence. */
  readonly title: string;
  /** Null when it holds, else what does not, in words. */
  readonly check: (k: Kernel) => string | null;
}

const hex = (x: bigint): string => `0x${x.toString(16)}`;

function* ioases(k: Kernel): Generator<IommufdIoas, void, undefined> {
  for (const ictx of k.iommufd.ctxs) {
    for (const obj of ictx.objects.values()) if (obj.kind === "IOAS") yield obj;
  }
}

function firstOf<T>(items: Iterable<T>, test: (item: T) => string | null): string | null {
  for (const item of items) {
    const wrong = test(item);
    if (wrong !== null) return wrong;
  }
  return null;
}

function areasDisjoint(k: Kernel): string | null {
  return firstOf(ioases(k), ({ id, iopt }) => {
    let end = -1n;
    for (const area of iopt.areas) {
      if (area.start <= end || area.last < area.start)
        return `IOAS ${id}: area at ${hex(area.start)} overlaps or is empty`;
      if (area.pages === null) return `IOAS ${id}: area at ${hex(area.start)} is half made between calls`;
      end = area.last;
    }
    return null;
  });
}

function areasOffReserved(k: Kernel): string | null {
  return firstOf(ioases(k), ({ id, iopt }) =>
    firstOf(iopt.reserved, (range) => {
      const area = iopt.areas.first(range.start, range.last);
      return area === undefined ? null : `IOAS ${id}: area at ${hex(area.start)} meets ${range.label}`;
    }),
  );
}

function areasAligned(k: Kernel): string | null {
  return firstOf(ioases(k), ({ id, iopt }) => {
    const mask = iopt.iova_alignment - 1n;
    return firstOf(iopt.areas, (area) =>
      ((area.start | area.length | BigInt(area.page_offset)) & mask) === 0n
        ? null
        : `IOAS ${id}: area at ${hex(area.start)} is not aligned to ${hex(iopt.iova_alignment)}`,
    );
  });
}

/** IOVAs at which an area's contents change from one physical stretch to the next, with the address expected there. */
function* expectedAt(area: IoptArea, pages: IoptPages): Generator<[bigint, bigint | null], void, undefined> {
  const { source } = pages;
  if (source.kind === "dmabuf") {
    const pa = source.gone ? null : BigInt(source.dmabuf.phys) + source.start + area.start_byte;
    yield [area.start, pa];
    yield [area.last, pa === null ? null : pa + area.length - 1n];
    return;
  }
  for (const run of pages.pinned.frames(area.index, area.index_last - area.index + 1)) {
    const first = BigInt(run.index - area.index) * PAGE_SIZE_N - BigInt(area.page_offset);
    const start = first < 0n ? 0n : first;
    yield [area.start + start, BigInt(run.pfn) * PAGE_SIZE_N + (start - first)];
  }
}

function mockBytes(domain: IommuDomain): bigint | null {
  if (!(domain.priv instanceof MockPaging)) return null;
  const { table } = domain.priv;
  let sum = 0n;
  for (const one of table instanceof SlotTable ? table.runs : table.leaves) sum += one.last - one.start + 1n;
  return sum;
}

function areaInDomain(k: Kernel, iopt: IoPagetable, area: IoptArea, domain: IommuDomain): string | null {
  const { pages } = area;
  if (pages === null) return null;
  for (const [iova, want] of expectedAt(area, pages)) {
    const have = iommu_iova_to_phys(k, domain, iova);
    if (have !== want)
      return `domain ${iopt.domains.indexOf(domain)}: ${hex(iova)} leads to ${have}, the area to ${want}`;
  }
  return null;
}

function domainsHoldAreas(k: Kernel): string | null {
  return firstOf(ioases(k), ({ id, iopt, hwpt_list }) => {
    const linked = new Set(hwpt_list.map((hwpt) => hwpt.domain));
    if (linked.size !== iopt.domains.length || iopt.domains.some((domain) => !linked.has(domain))) {
      return `IOAS ${id}: linked domains and hwpts differ`;
    }
    let bytes = 0n;
    for (const area of iopt.areas) {
      const gone = area.pages?.source.kind === "dmabuf" && area.pages.source.gone;
      if (!gone) bytes += area.length;
      if ((area.storage_domain === null) !== (iopt.domains.length === 0))
        return `IOAS ${id}: area ${hex(area.start)} is stored wrongly`;
      const wrong = firstOf(iopt.domains, (domain) => areaInDomain(k, iopt, area, domain));
      if (wrong !== null) return `IOAS ${id}: ${wrong}`;
    }
    return firstOf(hwpt_list, (hwpt) => {
      const have = hwpt.domain === null ? null : mockBytes(hwpt.domain);
      let doorbells = 0n;
      for (let bits = hwpt.present_sw_msi; bits !== 0n; bits >>= 1n) doorbells += bits & 1n;
      const want = bytes + doorbells * PAGE_SIZE_N;
      return have === null || have === want ? null : `hwpt ${hwpt.id} maps ${hex(have)} bytes, its IOAS ${hex(want)}`;
    });
  });
}

/** Ranges of IOVA that in-kernel users pin now. */
function* pinnedRanges(k: Kernel): Generator<{ iopt: IoPagetable; iova: bigint; length: bigint }, void, undefined> {
  for (const ictx of k.iommufd.ctxs) {
    for (const obj of ictx.objects.values()) {
      if (obj.kind === "ACCESS" && obj.priv instanceof TestAccess && obj.ioas !== null) {
        for (const item of obj.priv.items) yield { iopt: obj.ioas.iopt, iova: item.iova, length: item.length };
      }
      if (obj.kind === "HW_QUEUE" && obj.access !== null && obj.access.ioas !== null) {
        const iova = obj.base_addr & ~PAGE_MASK_N;
        const end = (obj.base_addr + obj.length + PAGE_MASK_N) & ~PAGE_MASK_N;
        yield { iopt: obj.access.ioas.iopt, iova, length: end - iova };
      }
    }
  }
}

function holdersByPage(k: Kernel): Map<IoptPages, Map<number, number>> {
  const out = new Map<IoptPages, Map<number, number>>();
  const add = (pages: IoptPages, first: number, last: number): void => {
    const counts = out.get(pages) ?? new Map<number, number>();
    out.set(pages, counts);
    for (let i = first; i <= last; i++) counts.set(i, (counts.get(i) ?? 0) + 1);
  };
  for (const { iopt } of ioases(k)) {
    for (const area of iopt.areas) {
      if (area.pages !== null && area.storage_domain !== null && area.pages.source.kind !== "dmabuf") {
        add(area.pages, area.index, area.index_last);
      }
    }
  }
  for (const { iopt, iova, length } of pinnedRanges(k)) {
    for (const area of iopt.areas.overlapping(iova, iova + length - 1n)) {
      if (area.pages === null) continue;
      const from = iova > area.start ? iova : area.start;
      const to = iova + length - 1n < area.last ? iova + length - 1n : area.last;
      const index = (at: bigint): number => Number((area.start_byte + (at - area.start)) / PAGE_SIZE_N);
      add(area.pages, index(from), index(to));
    }
  }
  return out;
}

/** What the areas use. */
function pageStores(k: Kernel): Set<IoptPages> {
  const stores = new Set<IoptPages>();
  for (const { iopt } of ioases(k)) for (const area of iopt.areas) if (area.pages !== null) stores.add(area.pages);
  return stores;
}

function pinsMatchHolders(k: Kernel): string | null {
  const wanted = holdersByPage(k);
  const stores = pageStores(k);
  if (stores.size !== k.iommufd.page_stores) return `${k.iommufd.page_stores} backing stores, areas use ${stores.size}`;
  let total = 0;
  for (const pages of stores) {
    const counts = wanted.get(pages) ?? new Map<number, number>();
    total += counts.size;
    let seen = 0;
    for (const run of pages.pinned.runs) {
      for (let i = 0; i < run.n; i++) {
        const want = counts.get(run.index + i) ?? 0;
        if (want !== run.holders) return `page ${run.index + i} has ${run.holders} holders, counted ${want}`;
        if (k.mm.pins.get(run.pfn + i) === 0) return `frame ${run.pfn + i} is held but not pinned`;
      }
      seen += run.n;
    }
    if (seen !== counts.size) return `${seen} pages pinned, ${counts.size} held`;
    if (pages.npinned !== (pages.source.kind === "dmabuf" ? 0 : seen))
      return `${pages.npinned} pages charged, ${seen} pinned`;
  }
  return total === k.mm.pins.total ? null : `${k.mm.pins.total} pins, ${total} held`;
}

function accesses(k: Kernel): string | null {
  const counts = new Map<IoptArea, number>();
  for (const { iopt, iova, length } of pinnedRanges(k)) {
    for (const area of iopt.areas.overlapping(iova, iova + length - 1n)) counts.set(area, (counts.get(area) ?? 0) + 1);
  }
  return firstOf(ioases(k), ({ id, iopt }) =>
    firstOf(iopt.areas, (area) => {
      const want = counts.get(area) ?? 0;
      return area.num_accesses === want
        ? null
        : `IOAS ${id}: area ${hex(area.start)} has num_accesses ${area.num_accesses}, counted ${want}`;
    }),
  );
}

function accounting(k: Kernel): string | null {
  const user = new Map<object, number>();
  const pinned = new Map<object, number>();
  const add = (map: Map<object, number>, key: object, n: number): void => void map.set(key, (map.get(key) ?? 0) + n);
  for (const pages of pageStores(k)) {
    if (pages.account_mode === "user") add(user, pages.source_user, pages.npinned);
    if (pages.account_mode === "mm") add(user, pages.source_mm, pages.npinned);
    add(pinned, pages.source_mm, pages.npinned);
  }
  for (const [counter, want] of user) {
    const have = "locked_vm" in counter ? counter.locked_vm : 0;
    if (have !== want) return `locked_vm ${String(have)}, charged ${want}`;
  }
  for (const [mm, want] of pinned) {
    const have = "pinned_vm" in mm ? mm.pinned_vm : 0;
    if (have !== want) return `pinned_vm ${String(have)}, charged ${want}`;
  }
  return null;
}

/** References that an object should have, by the graph. */
function countUsers(ictx: IommufdCtx): Map<IommufdObject, number> {
  const users = new Map<IommufdObject, number>();
  const add = (obj: IommufdObject | null, n = 1): void =>
    void (obj !== null && users.set(obj, (users.get(obj) ?? 0) + n));
  for (const obj of ictx.objects.values()) {
    add(obj);
    if (obj.kind === "DEVICE" || obj.kind === "ACCESS") add(obj);
    if (obj.kind === "ACCESS") add(obj.ioas);
    if (obj.kind === "HWPT_PAGING") add(obj.ioas);
    if (obj.kind === "HWPT_NESTED") add(obj.viommu ?? obj.parent);
    if (obj.kind === "HWPT_PAGING" || obj.kind === "HWPT_NESTED") add(obj.fault);
    if (obj.kind === "VIOMMU") add(obj.hwpt);
    if (obj.kind === "VDEVICE" || obj.kind === "VEVENTQ" || obj.kind === "HW_QUEUE") add(obj.viommu);
    if (obj.kind === "VDEVICE") add(obj.idev);
    if ((obj.kind === "FAULT" || obj.kind === "VEVENTQ") && obj.file !== null) add(obj);
  }
  for (const igroup of ictx.groups.values()) {
    for (const attach of igroup.pasid_attach.values()) {
      add(attach.hwpt, attach.devices.size);
      for (const idev of attach.devices.values()) add(idev);
    }
  }
  return users;
}

function usersMatch(k: Kernel): string | null {
  return firstOf(k.iommufd.ctxs, (ictx) => {
    const counted = countUsers(ictx);
    return firstOf(ictx.objects.values(), (obj) => {
      // Queue 1 of the mock keeps queue 0, and a mapping keeps its virtual IOMMU: drivers' business.
      if (obj.kind === "HW_QUEUE" || obj.kind === "VIOMMU") return null;
      const want = counted.get(obj) ?? 0;
      return obj.users === want ? null : `${obj.kind} ${obj.id} has users ${obj.users}, counted ${want}`;
    });
  });
}

function idsUnique(k: Kernel): string | null {
  return firstOf(k.iommufd.ctxs, (ictx) => {
    if (ictx.reserved.size > 0) return `ids ${[...ictx.reserved].join(", ")} are held by no call`;
    for (const [id, obj] of ictx.objects) {
      if (obj.id !== id || ictx.tombstones.has(id)) return `id ${id} is given twice`;
    }
    return null;
  });
}

export const INVARIANTS: readonly Invariant[] = Object.freeze([
  { id: "areas-disjoint", title: "areas of an IOAS are disjoint and complete", check: areasDisjoint },
  { id: "areas-off-reserved", title: "no area meets a reserved range", check: areasOffReserved },
  { id: "areas-aligned", title: "areas have the alignment of their IOAS", check: areasAligned },
  {
    id: "domains-hold-areas",
    title: "every linked domain maps exactly the IOAS's pages and its doorbells",
    check: domainsHoldAreas,
  },
  {
    id: "pins-match",
    title: "pages are pinned exactly as often as areas and accesses hold them",
    check: pinsMatchHolders,
  },
  { id: "accesses-match", title: "areas know how many accesses pin them", check: accesses },
  { id: "accounting", title: "locked and pinned memory equal what is charged", check: accounting },
  { id: "users-match", title: "users of an object equal the references to it", check: usersMatch },
  { id: "ids-unique", title: "an id belongs to one object", check: idsUnique },
]);

/** The invariants that do not hold, each with what is wrong. */
export function brokenInvariants(k: Kernel): string[] {
  return INVARIANTS.flatMap((one) => {
    const wrong = one.check(k);
    return wrong === null ? [] : [`${one.id}: ${wrong}`];
  });
}

/** After all files are closed: what is left over. Empty when nothing is. */
export function leftovers(k: Kernel): string[] {
  const left: string[] = [];
  const want = (count: number, what: string): void => void (count !== 0 && left.push(`${count} ${what}`));
  want(k.iommufd.ctxs.size, "contexts");
  want(k.iommufd.page_stores, "backing stores");
  want(k.iommufd.mock_ids.size, "mock devices");
  want(k.mm.pins.total, `pins (${(k.mm.pins.total * PAGE_SIZE) / 1024} KiB)`);
  want(k.mm.orphans.size, "frames that only a pin kept");
  for (const user of k.mm.users.values()) want(user.locked_vm, `locked pages of user ${user.uid}`);
  return left;
}
