// Finds, fetches and checks the files of a bundle.

import { describe } from './describe.js';
import { within } from './within.js';

const FORMAT = 2;

/** Statuses after which a second request may succeed. */
const TRANSIENT = [429, 502, 503, 504];
const RETRY_MS = 300;
const LONGEST_RETRY_MS = 5000;

// Bundlers recognise exactly this form, and copy the file. Nothing is evaluated before load() runs: in blob modules and IIFE
// bundles import.meta.url is of no use.
const BESIDE = {
  'manifest.json': () => new URL('./manifest.json', import.meta.url),
  'lcdnn-relaxed-simd.wasm': () => new URL('./lcdnn-relaxed-simd.wasm', import.meta.url),
  'lcdnn-simd.wasm': () => new URL('./lcdnn-simd.wasm', import.meta.url),
  'lcdnn-scalar.wasm': () => new URL('./lcdnn-scalar.wasm', import.meta.url),
  'weights.safetensors': () => new URL('./weights.safetensors', import.meta.url),
  'lcdnn-worker.js': () => new URL('./lcdnn-worker.js', import.meta.url),
  'lcdnn-branch.js': () => new URL('./lcdnn-branch.js', import.meta.url),
  'lcdnn-edge.js': () => new URL('./lcdnn-edge.js', import.meta.url),
  'lcdnn-first.js': () => new URL('./lcdnn-first.js', import.meta.url),
  'lcdnn-resize.js': () => new URL('./lcdnn-resize.js', import.meta.url),
  'lcdnn-stream.js': () => new URL('./lcdnn-stream.js', import.meta.url),
};

/** @returns a function that gives the URL of a file of the bundle: in the folder `base`, or else beside this script */
export function locator(base) {
  if (base === undefined || base === null) {
    return (file) => {
      try {
        return BESIDE[file]();
      } catch {
        throw new Error("load: expected the URL of the bundle's folder, found none; call load(base)");
      }
    };
  }
  let folder;
  try {
    folder = new URL(base, globalThis.document?.baseURI ?? globalThis.location?.href);
  } catch {
    throw new Error(`load: expected the URL of the bundle's folder, found ${describe(base)}`);
  }
  if (!folder.pathname.endsWith('/')) folder.pathname += '/';
  return (file) => new URL(file, folder);
}

// Bundlers must leave this import alone: they have copied the bundle's files already, and fail on modules of Node.
const importUrl = (url) => import(/* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ url);

/** Scripts that were imported, by URL, and how often that failed. */
const imported = new Map();
const failures = new Map();

/**
 * Imports a script of the bundle when it is first needed. After a failure the next call tries again, under another URL: browsers
 * remember that a module failed. `modules` are scripts that the page imported itself.
 */
export function importer(find, modules) {
  return async (file) => {
    if (modules[file]) return modules[file];
    const url = find(file);
    const { href } = url;
    if (failures.has(href)) url.searchParams.set('retry', failures.get(href));
    const importing = imported.get(href) ?? importUrl(url.href);
    imported.set(href, importing);
    try {
      return await importing;
    } catch (thrown) {
      if (imported.get(href) === importing) {
        imported.delete(href);
        failures.set(href, (failures.get(href) ?? 0) + 1);
      }
      throw new Error(`${url}: expected a script of the bundle, found none (${thrown.message})`);
    }
  };
}

/**
 * Fetches a file. Repeats the request once if the connection is cut or the server is busy.
 *
 * @param report is called with the number of bytes that arrived
 * @param onResponse is called with each response before its body is read
 * @returns the bytes, and the URL that they came from after redirects
 * @throws Error that names the URL and the reason
 */
export async function readFile(url, { stop, stallMs, report = () => {}, onResponse = () => {} }) {
  if (url.protocol === 'file:') return readLocal(url, stop, report);
  let most = 0; // bytes seen, so that a repeated request isn't counted twice
  const received = (bytes) => {
    if (bytes > most) report(bytes - most);
    most = Math.max(most, bytes);
  };
  for (let attempt = 1; ; attempt++) {
    const { bytes, from, problem, pauseMs } = await fetchOnce(url, { stop, stallMs, received, onResponse });
    if (bytes) return { bytes, from };
    if (attempt === 2 || pauseMs === undefined)
      throw new Error(`${url}: expected a file of the bundle, found ${problem}`);
    await within(Infinity, stop, () => new Promise((resolve) => setTimeout(resolve, pauseMs)));
  }
}

async function fetchOnce(url, { stop, stallMs, received, onResponse }) {
  const own = new AbortController();
  const forward = () => own.abort(stop.reason);
  stop.addEventListener('abort', forward);
  let timer;
  let stalled = false;
  const watch = () => {
    clearTimeout(timer);
    if (stallMs < 2 ** 31) {
      timer = setTimeout(() => {
        stalled = true;
        own.abort();
      }, stallMs);
    }
  };
  try {
    watch();
    // no-cache: asks the server whether the file has changed, so that files of two exports are never mixed.
    const response = await fetch(url, { cache: 'no-cache', signal: own.signal });
    if (!response.ok) {
      response.body?.cancel().catch(() => {});
      const pauseMs = TRANSIENT.includes(response.status) ? retryAfter(response) : undefined;
      return { problem: `HTTP ${response.status}`, pauseMs };
    }
    // Servers of single-page apps, networks with a login page and some service workers send a page in place of a missing file.
    if (response.headers.get('content-type')?.startsWith('text/html')) return { problem: 'an HTML page' };
    onResponse(response);
    const parts = [];
    let length = 0;
    const reader = response.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      watch();
      parts.push(part.value);
      length += part.value.length;
      received(length);
    }
    return { bytes: new Uint8Array(await new Blob(parts).arrayBuffer()), from: response.url };
  } catch (thrown) {
    stop.throwIfAborted();
    if (stalled) return { problem: `no data for ${stallMs} ms` };
    return { problem: `no answer (${thrown.message})`, pauseMs: RETRY_MS };
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', forward);
  }
}

function retryAfter({ headers }) {
  const seconds = Number(headers.get('retry-after'));
  return seconds > 0 ? Math.min(LONGEST_RETRY_MS, 1000 * seconds) : RETRY_MS;
}

// Node alone has files. A browser that is given a file: URL has it from a bundler that wrote the path of the build machine.
async function readLocal(url, stop, report) {
  if (!globalThis.process?.versions?.node) {
    throw new Error(`${url}: expected an http(s) URL, found a file; call load(base)`);
  }
  const bytes = new Uint8Array(
    await globalThis.process.getBuiltinModule('fs').promises.readFile(url, { signal: stop }),
  );
  report(bytes.length);
  return { bytes, from: url.href };
}

/** Checks size and, if the page may compute it, SHA-256. @throws Error that names the file */
export async function verifyFile(file, bytes, expected, hashes) {
  const refuse = (wanted, found) => {
    throw new Error(`${file}: expected ${wanted}, found ${found}; the bundle was changed or damaged, export it again`);
  };
  if (bytes.length !== expected?.bytes) refuse(`${expected?.bytes} bytes`, bytes.length);
  if (!hashes) return;
  const digest = new Uint8Array(await hashes.digest('SHA-256', bytes));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (found !== expected.sha256) {
    refuse(`sha256 ${String(expected.sha256).slice(0, 12)}...`, `${found.slice(0, 12)}...`);
  }
}

/** @throws Error that names the format, if the manifest has one that this loader doesn't know */
export function parseManifest(bytes, url) {
  let manifest;
  try {
    manifest = JSON.parse(new TextDecoder().decode(bytes));
  } catch {}
  if (manifest?.format === FORMAT) return manifest;
  throw new Error(`${url}: expected format ${FORMAT}, found ${describe(manifest?.format ?? 'none')}`);
}
