/** The PCI tree with ACS bits, windows and BARs; groups with the reason of each member; IOMMUs and doorbells. */
import type { MachineFunction, MachineView, PeerView } from "../machine/types.ts";
import { LOOKS } from "./space.ts";
import { heading, hex, plain, range, sides, wrap } from "./page.ts";

const near = (text: string): string => text.replaceAll(/\b0000:(?=[0-9a-f]{2}:)/g, "");

export function machineLines(view: MachineView): string[] {
  return [
    "PCI (ACS: capital = on, small = off, - = the bit is not there)",
    ...view.windows.map((w) => `  ${w.name} ${range(w.start, w.last)}`),
    ...view.functions.flatMap(functionLines),
    "",
    "IOMMU groups",
    ...view.groups.flatMap((g) => [
      ...sides(`  ${g.id}  ${g.domain}${g.owned ? ", owned by a user" : ""}`, ""),
      ...g.members.flatMap((m) => wrap(`${near(m.bdf)}: ${near(m.reason)}`, "     ", "       ")),
    ]),
    "",
    ...view.iommus.flatMap((i) => wrap(`${i.kind} ${i.name} at ${hex(i.base)}: ${i.facts.join(", ")}`, "", "  ")),
    ...view.msis.flatMap((m) => wrap(`${m.kind} doorbell ${hex(m.doorbell)}: ${m.facts.join(", ")}`, "", "  ")),
    ...view.notes.flatMap((t) => wrap(t, "Note: ", "  ")),
  ];
}

function functionLines(f: MachineFunction): string[] {
  const lead = "  ".repeat(f.depth + 1);
  const more = `${lead}    `;
  const name = [f.alias, near(f.bdf), f.name].filter((x) => x !== "").join(" ");
  if (!f.present) return [plain(`${lead}${name} (not plugged in)`)];
  const buses = f.buses === null ? "" : ` bus ${two(f.buses.secondary)}-${two(f.buses.subordinate)}`;
  const facts = [
    f.type === f.name ? "" : f.type,
    f.driver,
    f.group < 0 ? "no group" : `group ${f.group}`,
    f.iommu === null ? "no IOMMU" : `SID ${hex(f.streamId)} ${f.stream}`,
    f.requesterId === f.rid ? "" : `as RID ${hex(f.requesterId)}`,
    f.msi === "" ? "" : f.msi.startsWith("0x") ? `MSI to ${f.msi}` : f.msi,
  ].filter((x) => x !== "");
  const change =
    f.change === undefined ? "" : f.change === "added" ? "[new]" : f.change === "removed" ? "[gone]" : "[*]";
  return [
    ...sides(`${lead}${name}${buses}`, [acs(f), change].filter((x) => x !== "").join(" ")),
    ...wrap(facts.join(", "), more, more),
    ...f.ranges.flatMap((r) => wrap(`${r.name} ${range(r.start, r.last)}${r.on ? "" : " off"}`, more, `${more}  `)),
    ...f.reserved.flatMap((r) => wrap(`${LOOKS[r.kind].name} ${range(r.start, r.last)}`, `${more}keeps `, `${more}  `)),
    ...f.changes.flatMap((c) => wrap(c, `${more}this step: `, `${more}  `)),
  ];
}

function acs(f: MachineFunction): string {
  if (f.acs === null) return "";
  const bits = f.acs.map((b) => (b.can ? (b.on ? b.name : b.name.toLowerCase()) : "--"));
  return `ACS ${bits.join(" ")}`;
}

function two(bus: number): string {
  return bus.toString(16).padStart(2, "0");
}

export function peerLines(peer: PeerView): string[] {
  return [
    ...wrap(`${near(peer.from)} writes to ${peer.bar} of ${near(peer.to)} at ${hex(peer.address)}: ${peer.end}`),
    ...wrap(peer.why, "  ", "  "),
    ...peer.hops.flatMap((h) => wrap(`${near(h.bdf)}: ${near(h.what)}`, "  ", "    ")),
    ...(peer.after === "" ? [] : wrap(`behind the IOMMU: ${peer.after}`, "  ", "    ")),
  ];
}

export function machinePage(view: MachineView): string[] {
  return [...heading(`Machine: ${view.title}`), ...machineLines(view)];
}
