/** Scenarios and kernels by where they were discussed. No pixels. */
import type { KernelInfo, ScenarioInfo } from "../../engine/views/types.ts";

/** By the first part of a scenario's id; a variant belongs to the discussion of the scenario that shows it. */
const DISCUSSIONS: readonly [prefix: string, title: string][] = [
  ["sw-msi", "SW_MSI and nested domains, 2024 and 2025"],
  ["replace", "Replace and when a domain is linked, 2023"],
  ["resv", "What user space is told is reserved, 2023"],
  ["ioasid", "/dev/ioasid, 2021"],
  ["pci-windows", "Bridge windows as reserved regions, 2018"],
];

/** What no discussion of its own has. */
const SUBJECTS: readonly [prefix: string, title: string][] = [
  ["msi", "Interrupts, and how they get lost"],
  ["fault", "Faults and events"],
  ["vmm", "What VMMs and guests do"],
  ["alias", "Groups and aliases"],
];

const REST = "Single rules";

/** What-ifs carry the date of the newest release. */
const WHAT_IFS = "2026-08";

export interface KernelGroup {
  title: string;
  kernels: KernelInfo[];
}

/** The releases, the discussions, what is left. Newest first in each. */
export function kernelGroups(kernels: readonly KernelInfo[]): KernelGroup[] {
  const groups: KernelGroup[] = [
    { title: "Releases", kernels: [] },
    ...DISCUSSIONS.map(([, title]) => ({ title, kernels: [] })),
    { title: "One rule changed", kernels: [] },
  ];
  for (const k of kernels) {
    const named = DISCUSSIONS.findIndex(([p]) => k.id.startsWith(p));
    // What nobody proposed is a rule changed for the sake of the question, whichever scenario shows it.
    const proposed = k.ref !== undefined || k.date < WHAT_IFS;
    const found = named >= 0 || !proposed ? named : DISCUSSIONS.findIndex(([p]) => k.scenario?.startsWith(p) === true);
    const at = /^linux-\d/.test(k.id) ? 0 : found < 0 ? groups.length - 1 : found + 1;
    groups[at]?.kernels.push(k);
  }
  const release = (k: KernelInfo): number => {
    const [major = "0", minor = "0"] = k.id.replace("linux-", "").split(".");
    return Number(major) * 1000 + Number(minor);
  };
  groups[0]?.kernels.sort((a, b) => release(b) - release(a));
  return groups.filter((g) => g.kernels.length > 0);
}

export interface ScenarioGroup {
  title: string;
  scenarios: ScenarioInfo[];
}

const COLLATOR = new Intl.Collator("en", { numeric: true });

/** The discussions, newest first, then subjects, then the rest; `sw-msi-q10` after `sw-msi-q9`. */
export function scenarioGroups(scenarios: readonly ScenarioInfo[]): ScenarioGroup[] {
  const all = [...DISCUSSIONS, ...SUBJECTS];
  const groups: ScenarioGroup[] = [...all.map(([, title]) => title), REST].map((title) => ({ title, scenarios: [] }));
  for (const s of scenarios.toSorted((a, b) => COLLATOR.compare(a.id, b.id))) {
    const at = all.findIndex(([prefix]) => s.id.startsWith(`${prefix}-`));
    groups[at < 0 ? all.length : at]?.scenarios.push(s);
  }
  return groups.filter((g) => g.scenarios.length > 0);
}

/** Every word typed must stand somewhere in what is known of it. */
export function fits(hay: string, typed: string): boolean {
  const low = hay.toLowerCase();
  return typed
    .trim()
    .toLowerCase()
    .split(/\s+/)
    .every((w) => low.includes(w));
}

export function kernelHay(k: KernelInfo): string {
  return `${k.id} ${k.title} ${k.subtitle} ${k.changes} ${k.date} ${k.objections.map((o) => o.who).join(" ")}`;
}

export function scenarioHay(s: ScenarioInfo, titles: ReadonlyMap<string, string>): string {
  const kernels = s.kernels.map((k) => `${k} ${titles.get(k) ?? ""}`).join(" ");
  return `${s.id} ${s.title} ${s.source} ${s.question} ${s.machine} ${kernels}`;
}
