/** Frame times of panning and zooming over very many intervals: our address space, and vis-timeline with the same number. */
import type { Page } from "@playwright/test";
import { compressor } from "../../src/cli/engine.ts";
import { encodeLink } from "../../src/engine/sim/link.ts";
import type { PeerWindow } from "../peer/shape.ts";
import { blank, quantile, site } from "./site.ts";

/** What was seen while a picture moved. */
export interface Motion {
  /** Milliseconds from one frame to the next. */
  p50: number;
  p95: number;
  /** Milliseconds of script a frame, processor time of the page's main thread. */
  script: number;
  /** Of all that thread does: script, styles, layout, paint. What else runs on the machine takes no part in it. */
  work: number;
}

export interface Motions {
  pan: Motion;
  zoom: Motion;
  /** From asking for the page to a picture of all intervals, ms. */
  open: number;
}

const FRAMES = 180;
const FIRST = 0x10000000n;
const STRIDE = 0x2000n;
/** The part of the intervals that is seen when the motion begins. */
const SEEN = 0.05;
/** A peer that takes longer has no figure. */
const PATIENCE = 90_000;

/** One IOMMU_IOAS_MAP a page, a page apart, by real calls; under a page table, so that the table is as full. */
export function scenarioOf(count: number): string {
  return `title: ${count} areas
machine: plain
kernels: linux-7.2
device: D1 0000:00:03.0
memory: RAM len=1M

vmm VFIO_DEVICE_BIND_IOMMUFD D1
vmm I = IOMMU_IOAS_ALLOC
vmm P = IOMMU_HWPT_ALLOC dev=D1 pt=I flags=NEST_PARENT
vmm IOMMU_IOAS_MAP ioas=I iova=0x10000000 len=4K va=RAM count=${count} stride=8K
`;
}

export async function ours(count: number): Promise<Motions> {
  const { url, browser } = await site();
  const page = await blank(browser);
  const span = BigInt(count) * STRIDE;
  const lo = FIRST + (span * 4n) / 10n;
  const hi = lo + (span * BigInt(SEEN * 100)) / 100n - 1n;
  const link = await encodeLink(
    {
      scenario: { text: scenarioOf(count) },
      kernel: "linux-7.2",
      step: 4,
      view: { z: `0x${lo.toString(16)}-0x${hi.toString(16)}`, c: "none" },
    },
    compressor,
  );
  const started = performance.now();
  await page.goto(`${url}#${link}`);
  await page.waitForSelector('[data-phase="ready"] [data-testid=space] canvas[width]:not([width="0"])', {
    timeout: 600_000,
    state: "attached",
  });
  await page.waitForFunction(() => document.querySelector("[data-busy]") === null, undefined, { timeout: 600_000 });
  const open = performance.now() - started;
  const pan = await motion(page, () =>
    page.evaluate(async (frames) => {
      const host = document.querySelector("[data-testid=space]");
      const box = host?.getBoundingClientRect() ?? new DOMRect();
      const at = { clientX: box.x + box.width / 2, clientY: box.y + 200, bubbles: true, cancelable: true };
      const times: number[] = [];
      let last = await new Promise<number>(requestAnimationFrame);
      for (let i = 0; i < frames; i++) {
        const deltaX = i < frames / 2 ? 16 : -16;
        host?.dispatchEvent(new WheelEvent("wheel", { ...at, deltaX }));
        const now = await new Promise<number>(requestAnimationFrame);
        times.push(now - last);
        last = now;
      }
      return times;
    }, FRAMES),
  );
  const zoom = await motion(page, () =>
    page.evaluate(async (frames) => {
      const host = document.querySelector("[data-testid=space]");
      const box = host?.getBoundingClientRect() ?? new DOMRect();
      const at = { clientX: box.x + box.width / 2, clientY: box.y + 200, bubbles: true, cancelable: true };
      const times: number[] = [];
      let last = await new Promise<number>(requestAnimationFrame);
      for (let i = 0; i < frames; i++) {
        const deltaY = i < frames / 2 ? -40 : 40;
        host?.dispatchEvent(new WheelEvent("wheel", { ...at, deltaY }));
        const now = await new Promise<number>(requestAnimationFrame);
        times.push(now - last);
        last = now;
      }
      return times;
    }, FRAMES),
  );
  await page.close();
  return { pan, zoom, open };
}

/** The same windows in vis-timeline 8 as it comes, without stacking; a sentence where it gives none in time. */
export async function visTimeline(count: number): Promise<Motions | string> {
  const { peer, browser } = await site();
  const page = await blank(browser);
  page.setDefaultTimeout(PATIENCE);
  const seen = Math.round(count * SEEN);
  try {
    const started = performance.now();
    await page.goto(`${peer}?count=${count}&seen=${seen}`, { timeout: PATIENCE });
    await within(page.waitForFunction(() => (window as PeerWindow).peer !== undefined));
    const open = performance.now() - started;
    const first = Math.floor(count * 0.4);
    const move = async (zooming: boolean): Promise<number[]> => {
      const times: number[] = [];
      // In slices, so that a peer that takes seconds a frame is given up in time.
      for (let from = 0; from < FRAMES; from += 6)
        times.push(
          ...(await within(
            page.evaluate(
              async ([start, wide, begin, total, zooms]) => {
                const out: number[] = [];
                let last = await new Promise<number>(requestAnimationFrame);
                for (let i = begin; i < begin + 6; i++) {
                  const far = Math.min(i, total - i);
                  const half = zooms === 1 ? (wide / 2) * Math.exp(-far * 0.088) : wide / 2;
                  const middle = start + wide / 2 + (zooms === 1 ? 0 : (far * 16 * wide) / 1000);
                  (window as PeerWindow).peer?.show(middle - half, middle + half);
                  const now = await new Promise<number>(requestAnimationFrame);
                  out.push(now - last);
                  last = now;
                }
                return out;
              },
              [first, seen, from, FRAMES, zooming ? 1 : 0] as const,
            ),
          )),
        );
      return times;
    };
    return { open, pan: await motion(page, () => move(false)), zoom: await motion(page, () => move(true)) };
  } catch {
    return `vis-timeline gave no figures within ${PATIENCE / 1000} s`;
  } finally {
    await within(page.close()).catch(() => undefined);
  }
}

async function motion(page: Page, run: () => Promise<number[]>): Promise<Motion> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const spent = async (): Promise<{ script: number; work: number }> => {
    const { metrics } = await session.send("Performance.getMetrics");
    const of = (name: string): number => (metrics.find((m) => m.name === name)?.value ?? 0) * 1000;
    return { script: of("ScriptDuration"), work: of("TaskDuration") };
  };
  const before = await spent();
  const times = await run();
  const after = await spent();
  await session.detach();
  return {
    p50: quantile(times, 0.5),
    p95: quantile(times, 0.95),
    script: (after.script - before.script) / times.length,
    work: (after.work - before.work) / times.length,
  };
}

function within<T>(work: Promise<T>): Promise<T> {
  return Promise.race([
    work,
    new Promise<T>((_, reject) => {
      setTimeout(() => reject(new Error("too long")), PATIENCE).unref();
    }),
  ]);
}
