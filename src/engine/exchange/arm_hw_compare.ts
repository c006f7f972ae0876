/** Recorded hardware state against ours: STE and CD words, MSI capability and table, queued commands. */
import type { PciDev } from "../kernel/pci/pci_dev.ts";
import { CAP, PCI } from "../../hw/pci/regs.ts";
import { get } from "../../hw/base/fields.ts";
import { CD } from "../../hw/smmuv3/cd.ts";
import { STE } from "../../hw/smmuv3/ste.ts";
import type { ArmSmmuDevice } from "../kernel/drivers/arm_smmu_v3/device.ts";
import { OP } from "../kernel/drivers/arm_smmu_v3/cmd.ts";
import { read_entry } from "../kernel/drivers/arm_smmu_v3/entry_writer.ts";
import { CFG, ste_config } from "../kernel/drivers/arm_smmu_v3/ste.ts";
import { arm_smmu_get_step_for_sid } from "../kernel/drivers/arm_smmu_v3/strtab.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { the_machine } from "../kernel/platform.ts";
import type { Names } from "./arm_names.ts";
import { type ArmRecord, type MsiRecord, type MsixRecord, need } from "./arm_records.ts";
import { fromHex } from "./hex.ts";
import { address } from "./parse.ts";

const hex = (x: number): string => `0x${(x >>> 0).toString(16)}`;

export function wordsOf(text: string): Uint32Array {
  const bytes = fromHex(text);
  const view = new DataView(bytes.buffer);
  return Uint32Array.from({ length: bytes.length >> 2 }, (_, i) => view.getUint32(4 * i, true));
}

const join = (lo: number, hi: number): number => (hi & 0xfffff) * 2 ** 32 + (lo >>> 0);

/** An address in two words: its low word keeps `lowBits` for itself. */
interface AddressPart {
  word: number;
  lowBits: number;
}

/** Sets ours to theirs where the address at `part` stands for the same page. */
function rename(names: Names, ours: Uint32Array, theirs: Uint32Array, part: AddressPart): void {
  const mask = ~(2 ** part.lowBits - 1);
  const at = (w: Uint32Array) => join((w[part.word] ?? 0) & mask, w[part.word + 1] ?? 0);
  if (!names.address(at(ours), at(theirs))) return;
  ours[part.word] = ((ours[part.word] ?? 0) & ~mask) | ((theirs[part.word] ?? 0) & mask);
  ours[part.word + 1] = ((ours[part.word + 1] ?? 0) & ~0xfffff) | ((theirs[part.word + 1] ?? 0) & 0xfffff);
}

function diffWords(what: string, ours: Uint32Array, theirs: Uint32Array): string[] {
  const out: string[] = [];
  for (let w = 0; w < theirs.length; w++) {
    const our = (ours[w] ?? 0) >>> 0;
    const their = (theirs[w] ?? 0) >>> 0;
    if (our !== their) out.push(`${what} word ${w}: ${hex(our)}, recorded ${hex(their)}`);
  }
  return out;
}

/** The device's STE, and its CD when stage 1 is the kernel's. */
export function compareSte(k: Kernel, names: Names, smmu: ArmSmmuDevice, record: ArmRecord): string[] {
  const out: string[] = [];
  const sid = need(record.sid, record, "sid");
  const pa = arm_smmu_get_step_for_sid(smmu, sid);
  const theirs = wordsOf(need(record.ste, record, "ste"));
  if (pa < 0 || !names.address(pa, address(need(record.ste_pa, record, "ste_pa"))))
    out.push(`ste_pa: ${hex(pa)}, recorded ${record.ste_pa}`);
  const ste = read_entry(k, pa);
  const cdPa = join((ste[0] ?? 0) & ~0x3f, ste[1] ?? 0);
  if (ste_config(ste) === CFG.S1) rename(names, ste, theirs, { word: 0, lowBits: 6 });
  if ((ste_config(ste) & 2) !== 0) {
    rename(names, ste, theirs, { word: 6, lowBits: 4 });
    const vmid = get(STE.f.S2VMID, theirs);
    if (names.vmid(smmu.name, get(STE.f.S2VMID, ste), vmid)) ste[4] = ((ste[4] ?? 0) & ~0xffff) | vmid;
  }
  out.push(...diffWords("STE", ste, theirs));
  if (record.cd === undefined || ste_config(ste) !== CFG.S1) return out;
  if (!names.address(cdPa, address(need(record.cd_pa, record, "cd_pa"))))
    out.push(`cd_pa: ${hex(cdPa)}, recorded ${record.cd_pa}`);
  const cd = read_entry(k, cdPa);
  const theirCd = wordsOf(record.cd);
  rename(names, cd, theirCd, { word: 2, lowBits: 4 });
  const asid = get(CD.f.ASID, theirCd);
  if (names.asids.same(get(CD.f.ASID, cd), asid)) cd[1] = (((cd[1] ?? 0) & 0xffff) | (asid << 16)) >>> 0;
  out.push(...diffWords("CD", cd, theirCd));
  return out;
}

function text(what: string, ours: string, theirs: string): string[] {
  return ours === theirs ? [] : [`${what}: ${ours}, recorded ${theirs}`];
}

/** Address as printed; the data is matched, since event ids of earlier scenarios may be lost. */
function message(
  names: Names,
  dev: string,
  what: string,
  addr: number,
  data: number,
  theirs: { addr: string; data: string },
): string[] {
  const out = text(`${what} address`, `0x${addr.toString(16)}`, theirs.addr);
  const their = Number(theirs.data);
  const same = addr === 0 || theirs.addr === "0x0" ? data === their : names.event(dev, data, their);
  if (!same) out.push(`${what} data: ${hex(data)}, recorded ${theirs.data}`);
  return out;
}

/** `isolated`: event ids belong to the device (ITS); else SPIs belong to all. */
export function compareMsi(k: Kernel, names: Names, pdev: PciDev, isolated: boolean, record: ArmRecord): string[] {
  const who = isolated ? pdev.bdf : "spi";
  return [
    ...(record.msi === undefined ? [] : compareMsiCap(names, pdev, who, record.msi)),
    ...(record.msix === undefined ? [] : compareMsix(k, names, pdev, who, record.msix)),
  ];
}

function compareMsiCap(names: Names, pdev: PciDev, who: string, theirs: MsiRecord): string[] {
  const { config } = pdev.hw;
  const cap = config.find(CAP.MSI);
  const flags = config.read(cap + 2, 2);
  const wide = (flags & 0x80) !== 0;
  const addr = config.read(cap + 4, 4) + (wide ? config.read(cap + 8, 4) * 2 ** 32 : 0);
  return [
    ...text("MSI capability", String(cap), String(theirs.cap)),
    ...text("MSI flags", hex(flags), theirs.flags),
    ...message(names, who, "MSI", addr, config.read(cap + (wide ? 12 : 8), 2), theirs),
  ];
}

function compareMsix(k: Kernel, names: Names, pdev: PciDev, who: string, theirs: MsixRecord): string[] {
  const { config, msix } = pdev.hw;
  if (msix === null) return ["MSI-X: the function has none"];
  const { place } = msix;
  const base = pdev.hw.barAddress(place.tableBar) + place.tableOffset;
  const out = [
    ...text("MSI-X capability", String(place.cap), String(theirs.cap)),
    ...text("MSI-X flags", hex(config.read(place.cap + 2, 2)), theirs.flags),
    ...text("MSI-X table BAR", String(place.tableBar), String(theirs.table_bar)),
    ...text("MSI-X table offset", hex(place.tableOffset), theirs.table_off),
    ...text("MSI-X table", `0x${base.toString(16)}`, theirs.table_pa),
    ...text("MSI-X entries", String(place.entries), String(theirs.n)),
    ...text("command register", hex(config.read(PCI.COMMAND, 1)), theirs.cmd_reg),
  ];
  const machine = the_machine(k);
  const memory = pdev.hw.memoryEnabled;
  theirs.entries.forEach((entry, i) => {
    const word = (w: number) => (memory ? machine.read32(base + 16 * i + 4 * w) : msix.read(16 * i + 4 * w));
    const what = `MSI-X entry ${i}`;
    out.push(...message(names, who, what, word(0) + word(1) * 2 ** 32, word(2), entry));
    out.push(...text(`${what} control`, hex(word(3)), entry.ctrl));
  });
  return out;
}

/** `CFGI_STE 0x18`, for a report. */
export function commandText(words: ArrayLike<number>): string {
  const op = (words[0] ?? 0) & 0xff;
  const name = Object.entries(OP).find(([, code]) => code === op)?.[0] ?? hex(op);
  return `${name} ${[...Array.from(words)].map((w) => w.toString(16)).join(" ")}`;
}

const VMID_OPS: readonly number[] = Object.freeze([
  OP.TLBI_NH_ALL,
  OP.TLBI_NH_ASID,
  OP.TLBI_NH_VA,
  OP.TLBI_NH_VAA,
  OP.TLBI_S12_VMALL,
  OP.TLBI_S2_IPA,
]);

/** Ours with the tags of theirs where they are matched. The ASID of a guest (VMID not 0) is compared as it is. */
function renameTags(names: Names, smmu: string, ours: Uint32Array, theirs: Uint32Array): void {
  const op = (ours[0] ?? 0) & 0xff;
  if (!VMID_OPS.includes(op)) return;
  const [our, their] = [ours[1] ?? 0, theirs[1] ?? 0];
  const vmid = our & 0xffff;
  const asid = our >>> 16;
  if (vmid !== 0 && names.vmid(smmu, vmid, their & 0xffff)) ours[1] = ((our & 0xffff0000) | (their & 0xffff)) >>> 0;
  if (vmid === 0 && asid !== 0 && names.asids.same(asid, their >>> 16)) ours[1] = their;
}

/** Commands queued in a step. */
export function compareCommands(
  names: Names,
  smmu: string,
  ours: readonly Uint8Array[],
  theirs: readonly string[],
): string[] {
  const out: string[] = [];
  const n = Math.max(ours.length, theirs.length);
  for (let i = 0; i < n && out.length < 4; i++) {
    const our = ours[i];
    const their = theirs[i];
    const ourWords = our === undefined ? null : wordsFrom(our);
    const theirWords = their === undefined ? null : wordsOf(their);
    if (ourWords !== null && theirWords !== null) {
      renameTags(names, smmu, ourWords, theirWords);
      if (ourWords.every((w, j) => w === theirWords[j])) continue;
    }
    const show = (w: Uint32Array | null) => (w === null ? "none" : commandText(w));
    out.push(`command ${i}: ${show(ourWords)}, recorded ${show(theirWords)}`);
  }
  if (ours.length !== theirs.length) out.push(`${ours.length} commands, recorded ${theirs.length}`);
  return out;
}

function wordsFrom(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Uint32Array.from({ length: bytes.length >> 2 }, (_, i) => view.getUint32(4 * i, true));
}
