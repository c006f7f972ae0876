/**
 * The way of a memory request from a function: peer to peer to another function, or up to the root complex, as bridge
 * windows and ACS control bits decide. Addresses are PCI addresses.
 *
 * The root complex forwards peer to peer between its ports unless Request Redirect is set; its integrated endpoints
 * talk to each other only as functions of one device. Source: PCIe 5.0 2.2, 6.12; PCI-to-PCI Bridge 1.2 chapter 4.
 */
import type { BarDesc } from "./config.ts";
import type { PciBus, PciFunction } from "./function.ts";
import { EXT, PCI } from "./regs.ts";

/** Bits of the ACS control register. */
export const ACS_CTRL = Object.freeze({ SV: 0x01, TB: 0x02, RR: 0x04, CR: 0x08, UF: 0x10, EC: 0x20, DT: 0x40 });

const ROOT_PORT = 4;
const UPSTREAM = 5;
const DOWNSTREAM = 6;
const INTEGRATED = 9;
const INTEL = 0x8086;

/** A decision on the way. */
export interface Hop {
  bdf: string;
  what: string;
}

export interface Landing {
  f: PciFunction;
  bar: BarDesc;
  /** From the start of the BAR. */
  offset: number;
}

export interface Route {
  /** `root`: reached the root complex and goes through the IOMMU; `peer`: claimed below; `blocked`: nobody takes it. */
  to: "root" | "peer" | "blocked";
  peer: Landing | null;
  hops: Hop[];
}

/** ACS control of a function now; 0 without the capability. */
export function acsControl(f: PciFunction): number {
  const pos = f.config.findExtended(EXT.ACS);
  return pos === 0 ? 0 : f.config.read(pos + 6, 2);
}

/** `translated`: the request carries an address that the IOMMU gave for an ATS request. */
export function route(bus: PciBus, f: PciFunction, address: number, translated: boolean): Route {
  const hops: Hop[] = [];
  const peer = inside(bus, f, address, translated, hops);
  if (peer !== null) return { to: "peer", peer, hops };
  let below = f;
  for (let port = bus.parentOf(f); port !== null; port = bus.parentOf(port)) {
    const end = through(bus, port, below, f, address, translated, hops);
    if (end !== null) return end;
    below = port;
  }
  return { to: "root", peer: null, hops };
}

/** Functions of one device reach each other inside it, unless ACS of the sender redirects. */
function inside(bus: PciBus, f: PciFunction, address: number, translated: boolean, hops: Hop[]): Landing | null {
  for (const other of bus.childrenOf(bus.parentOf(f))) {
    if (other === f || other.bus !== f.bus || other.device !== f.device || other.isBridge) continue;
    if (apart(f) || apart(other)) continue;
    const hit = landing(other, address);
    if (hit === null) continue;
    if (redirects(f, translated)) {
      hops.push({ bdf: f.bdf, what: `Request Redirect: not to ${other.bdf} inside the device, but upstream` });
      return null;
    }
    hops.push({ bdf: f.bdf, what: `to ${other.bdf} inside the device: nothing redirects it` });
    return hit;
  }
  return null;
}

/** Intel's integrated endpoints have no path to each other, although they have no ACS that says so. */
function apart(f: PciFunction): boolean {
  return f.expType === INTEGRATED && f.config.read(PCI.VENDOR, 2) === INTEL;
}

/** One bridge on the way up. Null = it passes the request upstream. `hops` not empty = something below redirected it. */
function through(
  bus: PciBus,
  port: PciFunction,
  below: PciFunction,
  sender: PciFunction,
  address: number,
  translated: boolean,
  hops: Hop[],
): Route | null {
  const type = port.expType;
  if (type === UPSTREAM) {
    if (!port.claims(address) || hops.length > 0) return null;
    return blocked(hops, port, "the address lies in its window, but no port of the switch claims it");
  }
  if (type !== ROOT_PORT && type !== DOWNSTREAM) return conventional(bus, port, below, address, hops);
  const acs = acsControl(port);
  const busNumber = bus.aliases(sender).findLast((rid) => onSide(port, rid >> 8));
  if ((acs & ACS_CTRL.SV) !== 0 && busNumber === undefined) {
    return blocked(hops, port, "Source Validation: the requester's bus number is not one of those below");
  }
  if ((acs & ACS_CTRL.TB) !== 0 && translated) return blocked(hops, port, "Translation Blocking: a translated request");
  if (port.claims(address)) {
    if ((acs & ACS_CTRL.UF) === 0)
      return blocked(hops, port, "the address lies in the window it came from, and it does not forward upstream");
    hops.push({ bdf: port.bdf, what: "forwards upstream although the address lies in its own window" });
    return null;
  }
  return across(bus, port, address, translated, acs, hops);
}

/** From a root port or a switch port to another of the same complex or switch. */
function across(
  bus: PciBus,
  port: PciFunction,
  address: number,
  translated: boolean,
  acs: number,
  hops: Hop[],
): Route | null {
  for (const other of bus.childrenOf(bus.parentOf(port))) {
    if (other === port) continue;
    const down = other.isBridge && other.claims(address);
    const hit = landing(other, address);
    if (!down && hit === null) continue;
    if (redirects(port, translated)) {
      hops.push({ bdf: port.bdf, what: `Request Redirect: not to ${other.bdf}, but upstream` });
      return null;
    }
    if ((acs & ACS_CTRL.EC) !== 0 && egressBlocked(port, other)) {
      return blocked(hops, port, `Egress Control: not to ${other.bdf}`);
    }
    hops.push({ bdf: port.bdf, what: `peer to peer to ${other.bdf}` });
    if (hit !== null) return { to: "peer", peer: hit, hops };
    return descend(bus, other, address, hops);
  }
  return null;
}

/** On a conventional bus everybody sees the request; the bridge takes what lies outside its windows. */
function conventional(
  bus: PciBus,
  bridge: PciFunction,
  below: PciFunction,
  address: number,
  hops: Hop[],
): Route | null {
  for (const other of bus.childrenOf(bridge)) {
    if (other === below) continue;
    const hit = landing(other, address);
    if (hit === null && !(other.isBridge && other.claims(address))) continue;
    hops.push({ bdf: other.bdf, what: "claims it on the shared bus" });
    return hit === null ? descend(bus, other, address, hops) : { to: "peer", peer: hit, hops };
  }
  if (!bridge.claims(address)) return null;
  return blocked(hops, bridge, "the address lies in its window, and nobody on the bus claims it");
}

/** Down from a bridge that claims the address. */
function descend(bus: PciBus, bridge: PciFunction, address: number, hops: Hop[]): Route {
  for (const f of bus.childrenOf(bridge)) {
    const hit = landing(f, address);
    if (hit !== null) return { to: "peer", peer: hit, hops };
    if (f.isBridge && f.claims(address)) return descend(bus, f, address, hops);
  }
  return blocked(hops, bridge, "nobody below claims the address");
}

function blocked(hops: Hop[], port: PciFunction, what: string): Route {
  hops.push({ bdf: port.bdf, what });
  return { to: "blocked", peer: null, hops };
}

/** Request Redirect, except for translated requests where Direct Translated P2P lets them through. */
function redirects(f: PciFunction, translated: boolean): boolean {
  const acs = acsControl(f);
  return (acs & ACS_CTRL.RR) !== 0 && !(translated && (acs & ACS_CTRL.DT) !== 0);
}

/** The bit of `other` in the Egress Control Vector: by its function in a multi-function device, else by its port number. */
function egressBlocked(port: PciFunction, other: PciFunction): boolean {
  const pos = port.config.findExtended(EXT.ACS);
  const index = other.device === port.device ? other.function : portNumber(other);
  const size = port.config.read(pos + 5, 1);
  if (index >= (size === 0 ? 256 : size)) return false;
  return ((port.config.read(pos + 8 + 4 * (index >> 5), 4) >>> (index & 31)) & 1) !== 0;
}

/** Link Capabilities 31:24. */
function portNumber(f: PciFunction): number {
  const cap = f.config.find(0x10);
  return cap === 0 ? 0 : f.config.read(cap + 15, 1);
}

function onSide(port: PciFunction, number: number): boolean {
  const { config } = port;
  return number >= config.read(PCI.SECONDARY_BUS, 1) && number <= config.read(PCI.SUBORDINATE_BUS, 1);
}

/** The BAR of a function that decodes an address now. */
export function landing(f: PciFunction, address: number): Landing | null {
  if (!f.memoryEnabled) return null;
  for (const bar of f.desc.bars) {
    if (bar.kind === "io" || bar.index === 6) continue;
    const start = f.barAddress(bar.index);
    if (start > 0 && address >= start && address <= start + (bar.last - bar.start))
      return { f, bar, offset: address - start };
  }
  return null;
}
