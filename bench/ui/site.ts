/** The built page and the peer's page, served from this process, and a browser to look at them. */
import { createServer, type Server } from "node:http";
import { availableParallelism, loadavg } from "node:os";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type LaunchOptions, type Page } from "@playwright/test";

const root = process.env["LAB_ROOT"] ?? process.cwd();
const out = join(root, "node_modules", ".cache", "bench-web");

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".woff2": "font/woff2",
};

export interface Site {
  /** `http://127.0.0.1:4321/`. */
  url: string;
  peer: string;
  browser: Browser;
  close(): Promise<void>;
}

let made: Promise<Site> | undefined;

/** Builds both pages once, and starts what shows them. */
export function site(): Promise<Site> {
  made ??= start();
  return made;
}

export async function closeSite(): Promise<void> {
  if (made !== undefined) {
    sayLoad();
    await (await made).close();
  }
  made = undefined;
}

/** Said beside the figures, apart from them: how many want to run on how many processors. */
function sayLoad(): void {
  const [now = 0, five = 0] = loadavg();
  console.error(
    `machine load: ${now.toFixed(1)} in the last minute, ${five.toFixed(1)} in five, ${availableParallelism()} processors`,
  );
}

async function start(): Promise<Site> {
  sayLoad();
  const { build } = await import("vite");
  await build({ root, logLevel: "error", build: { outDir: join(out, "lab"), emptyOutDir: true } });
  const peer = join(root, "bench", "peer");
  await build({
    root: peer,
    configFile: false,
    base: "./",
    logLevel: "error",
    build: { outDir: join(out, "peer"), emptyOutDir: true },
  });
  const server = await serve(out);
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const { resolveBrowser } = (await import(pathToFileURL(join(root, "scripts", "browser.mjs")).href)) as {
    resolveBrowser: () => Promise<{ launch: LaunchOptions }>;
  };
  const { launch } = await resolveBrowser();
  const env = launch.env === undefined ? {} : { env: { ...(process.env as Record<string, string>), ...launch.env } };
  const browser = await chromium.launch({ ...launch, ...env, args: [...(launch.args ?? []), "--disable-gpu"] });
  const close = async (): Promise<void> => {
    await browser.close();
    server.close();
  };
  return { url: `http://127.0.0.1:${port}/lab/`, peer: `http://127.0.0.1:${port}/peer/`, browser, close };
}

function serve(folder: string): Promise<Server> {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent((request.url ?? "/").replace(/[?#].*$/, ""))).replace(
      /\/$/,
      "/index.html",
    );
    const file = join(folder, path);
    readFile(file).then(
      (bytes) => {
        response.setHeader("content-type", TYPES[extname(file)] ?? "application/octet-stream");
        response.end(bytes);
      },
      () => {
        response.statusCode = 404;
        response.end();
      },
    );
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

/** A page of the size that the frame times are for. */
export function blank(browser: Browser): Promise<Page> {
  return browser.newPage({ viewport: { width: 1280, height: 800 } });
}

export function quantile(list: readonly number[], q: number): number {
  const sorted = list.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
}
