import { describe, expect, it } from "vitest";
import { CAP_BITS, card, SLOT_MACHINE } from "../testing/slots.ts";
import { Machine } from "../machine.ts";
import { CMD_MASTER, CMD_MEMORY, PCI } from "./regs.ts";
import { afterReset } from "./slots.ts";

const CARD = "0000:02:00.0";
const PORT = "0000:00:02.0";

function machine(more: Partial<typeof SLOT_MACHINE> = {}): Machine {
  return new Machine({ ...SLOT_MACHINE, ...more });
}

describe("a card in the drawer", () => {
  it("has nothing set up, whatever it was recorded with", () => {
    const used = card(CARD, "0000:00:02.0", 0x4010_0000, 0x6);
    const fresh = afterReset(used);
    const m = machine({ spares: [fresh] });
    expect(m.pci.byBdf.has(CARD)).toBe(false);
    const f = m.plug(CARD);
    expect(f.config.read(PCI.COMMAND, 2)).toBe(0);
    expect(f.barAddress(0)).toBe(0);
    expect(f.config.read(PCI.VENDOR, 2)).toBe(0x1234);
    expect(() => m.plug(CARD)).toThrow(CARD);
    expect(() => m.plug("0000:09:00.0")).toThrow("no card");
  });

  it("is found, sized and routed once software has set it up", () => {
    const m = machine();
    const f = m.plug(CARD);
    f.config.write(PCI.BAR0, 4, 0xffffffff);
    expect(f.config.read(PCI.BAR0, 4)).toBe(0xfff00000);
    f.config.write(PCI.BAR0, 4, 0x4010_0000);
    expect(m.pci.barAt(0x4010_0000)).toBeNull();
    f.config.write(PCI.COMMAND, 2, CMD_MEMORY);
    expect(m.pci.barAt(0x4010_0010)).toMatchObject({ f, offset: 0x10 });
    f.config.write(PCI.BAR0, 4, 0x4020_0000);
    expect(m.pci.barAt(0x4010_0010)).toBeNull();
    expect(m.pci.barAt(0x4020_0010)).toBeNull();
    m.pci.byBdf.get(PORT)?.config.write(PCI.MEMORY_BASE + 2, 2, 0x4020);
    expect(m.pci.barAt(0x4020_0010)).toMatchObject({ f, offset: 0x10 });
  });

  it("shows in the slot status of its port", () => {
    const m = machine();
    const status = (): number => m.pci.byBdf.get(PORT)?.config.read(CAP_BITS.slotStatus, 2) ?? 0;
    expect(status() & 0x48).toBe(0);
    m.plug(CARD);
    expect(status() & 0x48).toBe(0x48);
    m.pci.byBdf.get(PORT)?.config.write(CAP_BITS.slotStatus, 2, 0x08);
    expect(status() & 0x48).toBe(0x40);
    m.pull(CARD);
    expect(status() & 0x48).toBe(0x08);
  });
});

describe("a card that is pulled", () => {
  it("reads as ones, takes nothing, and is nowhere any more", () => {
    const m = machine();
    const f = m.plug(CARD);
    f.config.write(PCI.BAR0, 4, 0x4010_0000);
    f.config.write(PCI.COMMAND, 2, CMD_MEMORY | CMD_MASTER);
    expect(m.pull(CARD)).toEqual([f]);
    expect(f.config.read(PCI.VENDOR, 4)).toBe(0xffffffff);
    f.config.write(PCI.COMMAND, 2, 0);
    expect(f.config.bytes[PCI.COMMAND]).toBe(6);
    expect(f.config.capabilities()).toEqual([]);
    expect(m.pci.barAt(0x4010_0000)).toBeNull();
    expect(() => m.dma(CARD, { write: false, hi: 0, lo: 0, len: 4 })).toThrow(CARD);
    expect(() => m.pull(CARD)).toThrow(CARD);
  });

  it("takes what hangs below it along", () => {
    const m = machine();
    m.plug(CARD);
    expect(m.pull(PORT).map((f) => f.bdf)).toEqual([CARD, PORT]);
    expect(m.pci.functions.map((f) => f.bdf)).toEqual(["0000:00:01.0", "0000:01:00.0"]);
  });
});

describe("a root complex that keeps its own window", () => {
  it("ends requests for it, and passes all others", () => {
    const far = { write: false, hi: 0, lo: 0x5000_0000, len: 4 };
    const near = { ...far, lo: 0x8000_0000 };
    const sender = "0000:01:00.0";
    const open = machine();
    expect(open.dma(sender, far).fault?.text).toBe("nothing answers at 0x50000000");
    const shut = machine({ ownWindow: "terminated" });
    expect(shut.dma(sender, far).fault?.text).toContain("root complex");
    expect(shut.dma(sender, near).ok).toBe(true);
  });
});
