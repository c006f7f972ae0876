/** What the built page adds to the program: the policy that keeps everything in the page, and the worker that keeps it offline. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { Plugin } from "vite";

/**
 * The Content-Security-Policy: nothing from and nothing to another origin, no inline script, no eval. Inline styles of
 * index.html are named by their hash; style attributes are refused, the program writes styles through the CSSOM only.
 */
export function policyOf(html: string): string {
  const styles = [...html.matchAll(/<style>([\s\S]*?)<\/style>/g)].map(
    (m) =>
      `'sha256-${createHash("sha256")
        .update(m[1] ?? "")
        .digest("base64")}'`,
  );
  return [
    "default-src 'none'",
    "script-src 'self'",
    "worker-src 'self'",
    `style-src ${["'self'", ...styles].join(" ")}`,
    "font-src 'self'",
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

/** Only the built page: the development server injects scripts of its own. */
export function policy(): Plugin {
  return {
    name: "lab-policy",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler: (html) => ({
        html,
        tags: [
          {
            tag: "meta",
            attrs: { "http-equiv": "Content-Security-Policy", content: policyOf(html) },
            injectTo: "head-prepend",
          },
        ],
      }),
    },
  };
}

const isPage = (chunk: { moduleIds: readonly string[] }): boolean =>
  chunk.moduleIds.some((id) => id.endsWith("/src/ui/page.tsx"));

/** What the first picture needs beside the entry, asked for with the page and not when the entry has come: `page.tsx`, letters. */
export function early(): Plugin {
  return {
    name: "lab-early",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler: (html, { bundle }) => {
        const chunks = Object.values(bundle ?? {}).filter((c) => c.type === "chunk");
        const page = chunks.find((c) => isPage(c));
        if (page === undefined) throw new Error("no chunk of src/ui/page.tsx");
        const link = (rel: string, file: string, more: Record<string, string> = {}) => ({
          tag: "link",
          attrs: { rel, crossorigin: "", href: `./${file}`, ...more },
          injectTo: "head" as const,
        });
        const scripts = [page.fileName, ...page.imports].filter((file) => !html.includes(file));
        const styles = [...(page.viteMetadata?.importedCss ?? [])].filter((file) => !html.includes(file));
        const fonts = Object.keys(bundle ?? {}).filter((file) => file.endsWith(".woff2"));
        return [
          ...scripts.map((file) => link("modulepreload", file)),
          ...styles.map((file) => link("stylesheet", file)),
          ...fonts.map((file) => link("preload", file, { as: "font", type: "font/woff2" })),
        ];
      },
    },
    // Most of it is called at once: compiled beside the main thread, and not function by function on it.
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        for (const chunk of Object.values(bundle)) {
          if (chunk.type !== "chunk" || !isPage(chunk)) continue;
          chunk.code = `//# allFunctionsCalledOnLoad\n${chunk.code}`;
          if (chunk.map !== null) chunk.map.mappings = `;${chunk.map.mappings}`;
        }
      },
    },
  };
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((e) => {
    const path = join(dir, e.name);
    return e.isDirectory() ? filesBelow(path) : [path];
  });
}

/** Writes `sw.js` beside the page: scripts/offline-worker.js with the list of this build's files and their version. */
export function offline(): Plugin {
  let template = "";
  return {
    name: "lab-offline",
    apply: "build",
    buildStart() {
      const path = join(import.meta.dirname, "offline-worker.js");
      template = readFileSync(path, "utf8");
      this.addWatchFile(path);
    },
    writeBundle({ dir }) {
      if (dir === undefined) return;
      const paths = filesBelow(dir)
        .filter((p) => !p.endsWith(".map") && !p.endsWith("sw.js"))
        .sort();
      const hash = createHash("sha256");
      const files = paths.map((p) => {
        const name = relative(dir, p).split(sep).join("/");
        hash.update(name).update(readFileSync(p));
        return name;
      });
      const version = hash.update(template).digest("hex").slice(0, 16);
      const head = `const VERSION = ${JSON.stringify(version)};\nconst FILES = ${JSON.stringify(files)};\n`;
      writeFileSync(join(dir, "sw.js"), head + template);
    },
  };
}
