/** The engine's worker, begun before the rest of the page is read: both are fetched and compiled side by side. */

let begun: { worker: Worker; failed: ErrorEvent | null } | null = null;

function make(): Worker {
  return new Worker(new URL("../../engine/worker.ts", import.meta.url), { type: "module" });
}

export function beginWorker(): void {
  const early = { worker: make(), failed: null as ErrorEvent | null };
  early.worker.addEventListener("error", (event) => {
    event.preventDefault();
    early.failed ??= event;
  });
  begun = early;
}

/** The begun worker, once; after it new ones. `onError` hears of what failed before it was asked for, too. */
export function takeWorker(onError: (event: ErrorEvent) => void): Worker {
  const early = begun;
  begun = null;
  const worker = early?.worker ?? make();
  worker.addEventListener("error", onError);
  const failed = early?.failed ?? null;
  if (failed !== null) queueMicrotask(() => onError(failed));
  return worker;
}
