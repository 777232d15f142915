// The page's side of the Worker that runs the branch. The other side is lcdnn-worker.js.

import { isBitmap, unreadable } from './pixels.js';
import { copyOf, takeImage } from './read-image.js';

/** The Worker's script announces itself with this. A script of another version of lcdnn announces another one. */
const PROTOCOL = 'lcdnn 3';
/** How long loading waits for the Worker's script when everything else is here. */
const PATIENCE_MS = 3000;
/** Images of more bytes are resized in the page. */
const LARGE = 2 ** 20;

let hasWarned = false;
let policy;

/**
 * Starts the Worker.
 *
 * @returns ready(), which waits a limited time and gives the Worker; nothing, after a warning in the console, if there can't be
 *   one: because of the page's content security policy, a bundle on another origin, or a script that doesn't come
 */
export function startWorker(url, name, stop) {
  let worker;
  let fail;
  const started = new Promise((resolve) => {
    const settle = (ready) => {
      if (!ready) worker?.terminate();
      resolve(ready && worker);
    };
    fail = (reason) => {
      if (!hasWarned) console.warn(`lcdnn: the branch of ${name} runs in the page, not in a Worker: ${reason}`);
      hasWarned = true;
      settle(false);
    };
    try {
      worker = new Worker(trusted(url, name), { name: `lcdnn ${name}` });
      worker.onmessage = ({ data }) =>
        data === PROTOCOL ? settle(true) : fail(`${url} is of another version of lcdnn`);
      worker.onerror = ({ message }) =>
        fail(
          `${url} could not be loaded ${message ? `(${message})` : 'or is not allowed by the content security policy or COEP'}`,
        );
      stop.addEventListener('abort', () => settle(false));
    } catch (thrown) {
      fail(thrown.message);
    }
  });
  return async () => {
    const timer = setTimeout(() => fail(`${url} did not start within ${PATIENCE_MS} ms`), PATIENCE_MS);
    try {
      return await started;
    } finally {
      clearTimeout(timer);
    }
  };
}

/** Under a policy of Trusted Types, a Worker's URL has to be made by a policy that the page allows: `lcdnn-NAME`. */
function trusted(url, name) {
  try {
    policy ??= globalThis.trustedTypes?.createPolicy(`lcdnn-${name}`, { createScriptURL: (own) => own });
  } catch {} // not allowed: the page may have a default policy, or need none
  return policy ? policy.createScriptURL(url.href) : url.href;
}

/**
 * The branch in the Worker, with the functions of `branchHere` (lcdnn-branch.js).
 *
 * @param importResize imports lcdnn-resize.js
 */
export async function branchThere(worker, opening, importResize) {
  const waiting = new Map();
  let ended;
  let count = 0;
  const end = (reason) => {
    ended ??= reason;
    worker.terminate();
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  worker.onerror = ({ message }) =>
    end(new Error(`the Worker of the branch failed (${message}); load the model again`));
  worker.onmessage = ({ data: [id, answer, problem] }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (problem === undefined) resolve(answer);
    else reject(new Error(problem));
  };
  const send = (given, bounds, transferred) =>
    new Promise((resolve, reject) => {
      if (ended) throw ended;
      try {
        worker.postMessage([++count, given, bounds], transferred);
      } catch (thrown) {
        throw unreadable(thrown);
      }
      waiting.set(count, { resolve, reject });
    });
  // The caller keeps its memory: a copy is transferred, or what large pixels are resized to as soon as that is possible.
  const { input } = opening.manifest;
  let resize;
  const openResizer = async () => {
    resize = await (await importResize()).openResizer(opening.module, input);
  };
  const take = (seen) => {
    if (!(seen.data?.length > LARGE)) return copyOf(seen);
    if (!resize) {
      resize = copyOf;
      openResizer().catch(() => {});
    }
    return resize(seen);
  };
  const run = async (image, bounds) => {
    const own = await takeImage(image, input, importResize, take);
    const sent = isBitmap(own) && !globalThis.OffscreenCanvas ? (await importResize()).pixelsOf(own) : own;
    return send(sent, bounds, [isBitmap(sent) ? sent : (sent.data ?? sent).buffer]);
  };
  await send(opening, undefined, [opening.weights.buffer]);
  return { run, end };
}
