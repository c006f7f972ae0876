import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { Lab, NEW, OLD } from "./lab.ts";
import { watch } from "./origin.ts";

const BUILT = process.env["LAB_DIST"] ?? "dist/web";

test.use({ serviceWorkers: "allow" });

const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".woff2": "font/woff2",
};

/** The plainest of static servers: files of a folder, nothing else. */
async function serve(dir: string): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://x").pathname);
    try {
      const body = readFileSync(join(dir, path.endsWith("/") ? `${path}index.html` : path));
      response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "text/html" });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((done) => {
    server.listen(0, "127.0.0.1", done);
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/lab/`, server };
}

/** Until every file of the build `version` is kept; null: of any build. */
async function kept(page: Page, version: string | null = null): Promise<void> {
  await expect
    .poll(
      () =>
        page.evaluate(async (v) => {
          const { active, installing, waiting } = (await navigator.serviceWorker.getRegistration()) ?? {};
          const names = await caches.keys();
          return (
            active?.state === "activated" &&
            !installing &&
            !waiting &&
            (v === null || names.some((n) => n.endsWith(` ${v}`)))
          );
        }, version),
      { timeout: 40_000 },
    )
    .toBe(true);
}

test("the policy of the page refuses everything foreign and everything inline", async ({ page, context, baseURL }) => {
  const seen = watch(context, page, baseURL ?? "");
  await Lab.open(page);
  const policy = await page.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute("content");
  for (const part of ["default-src 'none'", "script-src 'self'", "worker-src 'self'", "connect-src 'self'"])
    expect(policy?.split("; ")).toContain(part);
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
  expect(seen.complaints).toEqual([]);
  const refused = await page.evaluate(async () => {
    const told: string[] = [];
    document.addEventListener("securitypolicyviolation", (e) => told.push(e.effectiveDirective));
    await fetch("https://example.com/").catch(() => undefined);
    const image = new Image();
    image.src = "https://example.com/a.png";
    const script = document.createElement("script");
    script.textContent = "window.pwned = true";
    const line = document.createElement("p");
    line.setAttribute("style", "color: red");
    document.body.append(script, line);
    await new Promise((r) => setTimeout(r, 200));
    return { told: [...new Set(told)].sort(), pwned: "pwned" in window };
  });
  expect(refused).toEqual({
    told: ["connect-src", "img-src", "script-src-elem", "style-src-attr"],
    pwned: false,
  });
});

test("after the first load it works without a network: every view, another scenario, a link", async ({
  page,
  context,
  baseURL,
}) => {
  const seen = watch(context, page, baseURL ?? "");
  await Lab.open(page);
  await kept(page);
  await context.setOffline(true);
  await page.reload();
  const lab = new Lab(page);
  await lab.ready();
  await lab.goTo(await lab.find("MSI write"));
  await lab.useKernel(NEW);
  for (const [key, name] of [
    ["4", "Machine"],
    ["5", "Compare"],
    ["6", "Explore"],
  ] as const) {
    await page.keyboard.press(key);
    await expect(lab.pane(name)).toBeVisible();
    await expect(lab.pane(name)).not.toContainText("could not be");
  }
  await page.evaluate(() => {
    location.hash = "v=1&s=sw-msi-q10&k=linux-7.2&n=1";
  });
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Probe 10");
  const other = await context.newPage();
  const again = await Lab.open(other, `v=1&s=sw-msi-nested&k=${OLD}&n=5`);
  await again.expectStep(5);
  await context.setOffline(false);
  expect(seen.foreign).toEqual([]);
});

test("from a plain static server in a folder; a newer build is taken up, an older page stays whole", async ({
  page,
}) => {
  const dir = mkdtempSync(join(tmpdir(), "lab-"));
  cpSync(BUILT, join(dir, "lab"), { recursive: true, filter: (p) => !p.endsWith(".map") });
  const { url, server } = await serve(dir);
  try {
    await page.goto(url);
    await new Lab(page).ready();
    await kept(page);
    // The next build: another page, and the chunk of one view has another name; the old one is gone from the server.
    const at = (file: string): string => join(dir, "lab", file);
    const worker = readFileSync(at("sw.js"), "utf8");
    const chunk = /assets\/MachineView-[\w-]{8}\.js/.exec(worker)?.[0] ?? "";
    expect(chunk).not.toBe("");
    cpSync(at(chunk), at("assets/MachineView-aaaaaaaa.js"));
    rmSync(at(chunk));
    writeFileSync(at("index.html"), readFileSync(at("index.html"), "utf8").replace("<html", '<html data-build="next"'));
    writeFileSync(
      at("sw.js"),
      worker.replace(/VERSION = "\w+"/, 'VERSION = "next"').replace(chunk, "assets/MachineView-aaaaaaaa.js"),
    );
    await page.evaluate(async () => {
      await (await navigator.serviceWorker.getRegistration())?.update();
    });
    await kept(page, "next");
    // Still the old page: its chunk comes from the build it was made with.
    await page.keyboard.press("4");
    await expect(new Lab(page).pane("Machine").getByText("04:00.0").first()).toBeAttached();
    // The next load is the new build, with the server gone.
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    await page.goto(url);
    await expect(page.locator("html")).toHaveAttribute("data-build", "next");
    await new Lab(page).ready();
  } finally {
    server.close();
    rmSync(dir, { recursive: true, force: true });
  }
});
