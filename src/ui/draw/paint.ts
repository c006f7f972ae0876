/**
 * Prints a draw list into an SVG group. Nodes are kept from one call to the next and only what differs is written, so a
 * pan or a zoom touches attributes and never rebuilds the picture.
 */
import { lettersOf } from "./letters.ts";
import type { Mark, Paint, TextMark } from "./marks.ts";

const NS = "http://www.w3.org/2000/svg";

/** No mark is this one. */
const NOTHING: Mark = Object.freeze({ k: "path", d: "" });

interface Kept {
  node: SVGElement;
  tag: string;
  /** What it shows: the same mark once more is not looked at. */
  mark: Mark;
  attributes: Record<string, string>;
  text: string;
}

export class Painter {
  readonly group: SVGGElement;
  private kept: Kept[] = [];
  private tips: (readonly string[] | undefined)[] = [];
  private rem = 0;

  constructor(svg: SVGSVGElement) {
    this.group = document.createElementNS(NS, "g");
    svg.append(this.group);
  }

  paint(marks: readonly Mark[], rem: number): void {
    this.tips = [];
    if (rem !== this.rem) for (const slot of this.kept) slot.mark = NOTHING;
    this.rem = rem;
    for (let i = 0; i < marks.length; i++) {
      const mark = marks[i];
      if (mark !== undefined) this.put(i, mark, rem);
    }
    for (const left of this.kept.splice(marks.length)) left.node.remove();
  }

  remove(): void {
    this.group.remove();
    this.kept = [];
  }

  /** Tooltip lines of a painted element. */
  tip(element: Element): readonly string[] | undefined {
    const index = element.getAttribute("data-i");
    return index === null ? undefined : this.tips[Number(index)];
  }

  private put(i: number, mark: Mark, rem: number): void {
    if (mark.tip !== undefined) this.tips[i] = mark.tip;
    let slot = this.kept[i];
    if (slot?.mark === mark) return;
    const attributes = attributesOf(mark, rem);
    if (mark.tip !== undefined || mark.refs !== undefined) attributes["data-i"] = String(i);
    if (slot === undefined || slot.tag !== mark.k) {
      const node = document.createElementNS(NS, mark.k);
      if (slot === undefined) this.group.append(node);
      else slot.node.replaceWith(node);
      slot = { node, tag: mark.k, mark, attributes: {}, text: "" };
      this.kept[i] = slot;
    }
    slot.mark = mark;
    const old = slot.attributes;
    for (const name in attributes) if (old[name] !== attributes[name]) write(slot.node, name, attributes[name] ?? "");
    for (const name in old) if (!(name in attributes)) slot.node.removeAttribute(name);
    slot.attributes = attributes;
    if (mark.k === "text") {
      if (slot.text !== mark.text) {
        slot.node.replaceChildren(...letters(mark));
        slot.text = mark.text;
      }
    }
  }
}

/** Styles go through the CSSOM: the page's policy refuses style attributes. */
function write(node: SVGElement, name: string, value: string): void {
  if (name === "style") node.style.cssText = value;
  else node.setAttribute(name, value);
}

function letters(mark: TextMark): Node[] {
  return lettersOf(mark).map(({ text, dx, dy, size }) => {
    if (dx === undefined && dy === undefined && size === undefined) return document.createTextNode(text);
    const node = document.createElementNS(NS, "tspan");
    for (const [name, value] of [
      ["dx", dx],
      ["dy", dy],
      ["font-size", size],
    ] as const)
      if (value !== undefined) node.setAttribute(name, value);
    node.textContent = text;
    return node;
  });
}

function attributesOf(mark: Mark, rem: number): Record<string, string> {
  const out: Record<string, string> = {};
  if (mark.refs !== undefined && mark.refs.length > 0) out["data-ref"] = mark.refs.join(" ");
  if (mark.cls !== undefined) out["class"] = mark.cls;
  if (mark.k === "text") {
    out["x"] = px(mark.x);
    out["y"] = px(mark.y);
    out["font-size"] = px(mark.size * rem);
    if (mark.anchor !== undefined) out["text-anchor"] = mark.anchor;
    if (mark.turned === true) out["transform"] = `rotate(90 ${px(mark.x)} ${px(mark.y)})`;
    let style = `fill:var(--${mark.color});font-family:var(--${mark.font})`;
    if (mark.weight !== undefined) style += `;font-weight:${mark.weight}`;
    if (mark.halo !== undefined)
      style += `;paint-order:stroke;stroke:var(--paper);stroke-width:${px(mark.halo)};stroke-linejoin:round`;
    out["style"] = style;
    return out;
  }
  if (mark.k === "rect") {
    out["x"] = px(mark.x);
    out["y"] = px(mark.y);
    out["width"] = px(Math.max(mark.w, 0));
    out["height"] = px(Math.max(mark.h, 0));
  } else out["d"] = mark.d;
  let style = `fill:${paint(mark.fill ?? "none")}`;
  if (mark.opacity !== undefined) style += `;fill-opacity:${mark.opacity}`;
  if (mark.stroke !== undefined) {
    style += `;stroke:var(--${mark.stroke})`;
    if (mark.width !== undefined) style += `;stroke-width:${px(mark.width)}`;
    if (mark.dash !== undefined) style += `;stroke-dasharray:${mark.dash}`;
    if (mark.k === "path" && mark.strokeOpacity !== undefined) style += `;stroke-opacity:${mark.strokeOpacity}`;
  }
  out["style"] = style;
  return out;
}

function paint(p: Paint): string {
  if (p === "none") return "none";
  return p.startsWith("pattern:") ? `url(#pattern-${p.slice(8)})` : `var(--${p})`;
}

function px(v: number): string {
  return String(Math.round(v * 100) / 100);
}
