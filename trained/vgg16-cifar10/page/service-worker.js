// Optional: keeps a bundle for use offline. A page registers it with the manifest's version, so that a newer export replaces it:
// navigator.serviceWorker.register(`service-worker.js?${model.manifest.version}`).
// The network comes first. A kept file answers only if the network or the server fails, or if a page comes in place of a file (a
// network that wants a login). So no page gets an old file while it is online.

// The bundle's folder. The scope may be wider, for pages outside the folder.
const folder = new URL('./', globalThis.location).href;
const version = globalThis.location.search.slice(1);
const name = `lcdnn ${folder} ${version}`;

async function keep() {
  const read = (file) => new Request(new URL(file, folder), { cache: 'no-cache' });
  const json = async (file) => (await fetch(read(file))).json();
  const manifest = await json('manifest.json');
  if (manifest.version !== version) throw new Error(`expected version ${version}, found ${manifest.version}`);
  const listed = { ...manifest.files, ...(await json('files.json')) };
  const files = Object.keys(listed).filter((file) => !file.startsWith('edge/'));
  const cache = await caches.open(name);
  await cache.addAll(['manifest.json', ...files].map(read));
  await globalThis.skipWaiting();
}

async function dropOthers() {
  const names = (await caches.keys()).filter((other) => other.startsWith(`lcdnn ${folder} `) && other !== name);
  await Promise.all(names.map((other) => caches.delete(other)));
  await globalThis.clients.claim();
}

/** Whether a file may have come from the bundle's server: no fault of a server, and no page of a network that wants a login. */
const isUsable = (response, { pathname }) =>
  response.status < 500 &&
  (/(\/|\.html)$/.test(pathname) || !response.headers.get('content-type')?.startsWith('text/html'));

async function answer(request) {
  const url = new URL(request.url);
  const fetched = fetch(request);
  const response = await fetched.catch(() => undefined);
  if (response && isUsable(response, url)) return response;
  if (url.pathname.endsWith('/')) url.pathname += 'index.html';
  // `lcdnn serve` has the same files under their version as well.
  url.href = url.href.replace(`${folder}${version}/`, folder);
  return (await caches.match(url, { cacheName: name, ignoreSearch: true })) ?? fetched;
}

addEventListener('install', (event) => event.waitUntil(keep()));
addEventListener('activate', (event) => event.waitUntil(dropOthers()));
addEventListener('fetch', (event) => {
  if (event.request.method === 'GET' && event.request.url.startsWith(folder)) event.respondWith(answer(event.request));
});
