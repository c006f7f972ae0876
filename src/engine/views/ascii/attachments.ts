/** The object graph as a tree from each device down to the file: what hangs on what, with user counts. */
import type { AttachEdge, AttachmentsView, AttachNode, Ref } from "../types.ts";
import { heading, plain, WIDTH } from "./page.ts";

const WORDS: Readonly<Record<AttachEdge["kind"], string>> = Object.freeze({
  member: "",
  attached: "attached to ",
  parent: "parent ",
  linked: "linked to ",
  "part-of": "part of ",
  undone: "",
});

const KINDS: Readonly<Record<AttachNode["kind"], string>> = Object.freeze({
  device: "device",
  group: "group",
  nested: "hwpt (nested)",
  paging: "hwpt (paging)",
  ioas: "ioas",
  viommu: "viommu",
  vdevice: "vdevice",
  veventq: "veventq",
  fault: "fault queue",
  hw_queue: "hw_queue",
  access: "access",
  domain: "",
  container: "container fd",
  space: "space",
  fd: "",
});

export function attachmentLines(view: AttachmentsView): string[] {
  if (view.nodes.length === 0) return ["Nothing is bound yet."];
  const nodes = new Map(view.nodes.map((n) => [n.ref, n]));
  const told = new Set<Ref>();
  const lines: string[] = [];
  const tell = (node: AttachNode, lead: string, below: string, word: string): void => {
    const again = told.has(node.ref);
    told.add(node.ref);
    lines.push(...nodeLines(node, lead, below, word, again));
    if (again) return;
    const edges = view.edges.filter((e) => e.from === node.ref);
    edges.forEach((e, i) => {
      const last = i === edges.length - 1;
      const to = nodes.get(e.to);
      const next = `${below}${last ? "`-- " : "|-- "}`;
      const under = `${below}${last ? "    " : "|   "}`;
      if (e.kind === "undone") lines.push(...undone(e, to, next, under));
      else if (to !== undefined)
        tell(to, next, under, `${sign(e.change)}${e.label === "" ? "" : `${e.label} `}${WORDS[e.kind]}`);
    });
  };
  const pointed = new Set(view.edges.filter((e) => e.kind !== "undone").map((e) => e.to));
  for (const n of view.nodes.filter((x) => x.kind === "device")) tell(n, "", "", "");
  for (const n of view.nodes.filter((x) => !pointed.has(x.ref))) if (!told.has(n.ref)) tell(n, "", "", "");
  for (const n of view.nodes) if (!told.has(n.ref)) tell(n, "", "", "");
  return lines;
}

function sign(change: AttachEdge["change"]): string {
  return change === "added" ? "+ " : change === "removed" ? "- " : "";
}

export function nodeName(n: AttachNode): string {
  const id = n.title.replace(/^(ioas|hwpt|group|viommu|vdevice|veventq|fault)\s+/i, "");
  return `${KINDS[n.kind]} ${id}`.trim();
}

function nodeLines(n: AttachNode, lead: string, below: string, word: string, again: boolean): string[] {
  const change = n.change === "added" ? "[new]" : n.change === "removed" ? "[gone]" : "";
  const users = n.users === undefined ? "" : `${n.users} ${n.users === 1 ? "user" : "users"}`;
  const name = plain(`${lead}${word}${nodeName(n)}`);
  if (again) return [`${name} (above)`];
  // What is missing stands on a line of its own in the picture: `iova_cookie`, `NULL`.
  const words = plain(n.lines.map((l, i) => `${i === 0 ? "" : l.tone === "bad" ? " " : ", "}${l.text}`).join(""));
  const right = [change, users].filter((x) => x !== "").join(" ");
  const whole = words === "" ? name : `${name}: ${words}`;
  if (whole.length + 2 + right.length <= WIDTH) return [atEnd(whole, right)];
  const bar = n.kind === "fd" ? "    " : "|   ";
  return [atEnd(name, right), ...(words === "" ? [] : breakUnder(words, `${below}${bar}`))];
}

function atEnd(left: string, right: string): string {
  return left.length + 2 + right.length <= WIDTH ? left + right.padStart(WIDTH - left.length) : `${left}  ${right}`;
}

function breakUnder(words: string, lead: string): string[] {
  const out: string[] = [];
  let line = "";
  for (const w of words.split(" ")) {
    if (line !== "" && lead.length + line.length + 1 + w.length > WIDTH) {
      out.push(lead + line);
      line = w;
    } else line = line === "" ? w : `${line} ${w}`;
  }
  return [...out, lead + line];
}

function undone(e: AttachEdge, to: AttachNode | undefined, lead: string, under: string): string[] {
  const text = plain(`NOT DONE: ${e.label}, at ${to === undefined ? e.to : nodeName(to)}`);
  return breakUnder(text, under).map((l, i) => (i === 0 ? lead + l.slice(under.length) : l));
}

export function attachmentsPage(view: AttachmentsView): string[] {
  return [...heading("Attachments"), ...attachmentLines(view)];
}
