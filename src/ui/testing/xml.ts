/** A reader of XML that accepts nothing but what an SVG file of ours may hold: elements, quoted attributes, texts. */

export interface Element {
  name: string;
  attributes: Record<string, string>;
  children: Element[];
  text: string;
}

const NAME = "[A-Za-z][\\w:.-]*";

/** Throws with the place where the text is no XML. */
export function readXml(text: string): Element {
  const token = new RegExp(`<\\?xml[^>]*\\?>|<(/)?(${NAME})((?:\\s+${NAME}="[^"<]*")*)\\s*(/)?>|([^<]+)`, "y");
  const root: Element = { name: "", attributes: {}, children: [], text: "" };
  const open = [root];
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const m = token.exec(text);
    const here = open.at(-1);
    if (m === null || here === undefined) throw new Error(`no XML at ${at}: ${text.slice(at, at + 60)}`);
    const [, end, name, attributes = "", alone, plain] = m;
    if (plain !== undefined) here.text += plainOf(plain);
    else if (end !== undefined) {
      if (open.pop()?.name !== name) throw new Error(`</${name}> at ${at} ends something else`);
    } else if (name !== undefined) {
      const made: Element = { name, attributes: {}, children: [], text: "" };
      for (const [, key = "", value = ""] of attributes.matchAll(new RegExp(`(${NAME})="([^"]*)"`, "g"))) {
        if (key in made.attributes) throw new Error(`${name} at ${at} has two ${key}`);
        made.attributes[key] = plainOf(value);
      }
      here.children.push(made);
      if (alone === undefined) open.push(made);
    }
  }
  const [svg] = root.children;
  if (open.length !== 1 || svg === undefined || root.children.length !== 1) throw new Error("one element is wanted");
  return svg;
}

function plainOf(text: string): string {
  if (/&(?!(amp|lt|gt|quot);)/.test(text)) throw new Error(`a bare & in ${text.slice(0, 60)}`);
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text)) throw new Error("a sign that XML cannot hold");
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&");
}

/** The element and all below it. */
export function everyElement(e: Element): Element[] {
  return [e, ...e.children.flatMap(everyElement)];
}
