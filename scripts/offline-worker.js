// The service worker of the built page; VERSION and FILES stand above (scripts/page-plugin.ts). Every file of a build is
// kept in one cache, so after the first load nothing is asked from the server but whether there is a newer build.
// A newer build is fetched whole, in the background, and opens with the next load of the page; the build before it is
// kept beside it, so that a page still open finds the chunks it was built with.
const PREFIX = "iommufd-lab ";
const CACHE = `${PREFIX}${VERSION}`;
const ROOT = new URL("./", self.location.href).href;
const KNOWN = new Set(FILES.map((f) => ROOT + f));
const NAMED_BY_CONTENT = /-[\w-]{8}\.\w+$/;

self.addEventListener("install", (event) => {
  event.waitUntil(fill().then(() => self.skipWaiting()));
});

async function fill() {
  const cache = await caches.open(CACHE);
  const fetchOne = async (file) => {
    const url = ROOT + file;
    const kept = NAMED_BY_CONTENT.test(file) ? await caches.match(url) : undefined;
    const answer =
      kept ??
      (await fetch(file === "index.html" ? ROOT : url, { cache: NAMED_BY_CONTENT.test(file) ? "default" : "reload" }));
    if (!answer.ok) throw new Error(`${file}: ${answer.status}`);
    await cache.put(url, answer);
  };
  // A few at a time: the page that is open comes first.
  const left = [...FILES];
  const take = async () => {
    for (let file = left.shift(); file !== undefined; file = left.shift()) await fetchOne(file);
  };
  await Promise.all([take(), take(), take(), take()]);
}

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const mine = (await caches.keys()).filter((k) => k.startsWith(PREFIX) && k !== CACHE);
      for (const old of mine.slice(0, -1)) await caches.delete(old);
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(ROOT)) return;
  const url = request.url.split(/[?#]/)[0];
  const page = request.mode === "navigate" && (url === ROOT || url === `${ROOT}index.html`);
  if (page) event.respondWith(answer(`${ROOT}index.html`, request));
  else if (KNOWN.has(url) || NAMED_BY_CONTENT.test(url)) event.respondWith(answer(url, request));
});

async function answer(url, request) {
  const cache = await caches.open(CACHE);
  return (
    (await cache.match(url)) ?? (NAMED_BY_CONTENT.test(url) ? await caches.match(url) : undefined) ?? fetch(request)
  );
}
