// Loads the model of a bundle and classifies images: the binary branch answers here, in WebAssembly; the images that it is unsure
// of go to the edge. No dependencies, no eval, and nothing runs when this module is imported. The same files work in a page, in a
// Worker and in Node >= 20. Types and documentation: lcdnn.d.ts.

import { defaultEdge } from './parts/default-edge.js';
import { describe } from './parts/describe.js';
import { hasRelaxedSimd, hasSimd } from './parts/engine.js';
import { importer, locator, parseManifest, readFile, verifyFile } from './parts/files.js';
import { PROGRAM } from './parts/program.js';
import { readImage, takeImage } from './parts/read-image.js';
import { within } from './parts/within.js';
import { branchThere, startWorker } from './parts/worker.js';

export function load(base, options) {
  return loadWith({}, base, options);
}

/** For lcdnn-static.js: `modules` are the scripts that are otherwise imported when they are needed. */
export function loadWith(modules, base, options = {}) {
  return within(Infinity, options.signal, (stop) => loadUntil(stop, locator(base), modules, options));
}

// Fetches all files at the same time, and starts the Worker. If one fails, `stop` ends the others. With `first: 'edge'`, what the
// edge needs comes first, and lcdnn-first.js loads the branch.
async function loadUntil(stop, find, modules, options) {
  const simd = options.simd ?? hasSimd();
  const relaxedSimd = simd && (options.relaxedSimd ?? hasRelaxedSimd());
  const kernels = relaxedSimd ? 'lcdnn-relaxed-simd.wasm' : simd ? 'lcdnn-simd.wasm' : 'lcdnn-scalar.wasm';
  const weightsFile = 'weights.safetensors';
  const wantsWorker = options.worker ?? 'document' in globalThis;
  const importFile = importer(find, modules);
  const importResize = () => importFile('lcdnn-resize.js');
  const take = (image, input) => takeImage(image, input, importResize);

  let loaded = 0;
  let total = 0; // unknown until the manifest is here
  const report = (more) => {
    loaded += more;
    if (total) options.onProgress?.({ loaded, total });
  };
  const stallMs = options.stallMs ?? 30_000;
  const readManifest = async () => {
    const { bytes, from } = await readFile(find('manifest.json'), { stop, stallMs });
    const manifest = parseManifest(bytes, find('manifest.json'));
    for (const file of [kernels, weightsFile]) total += manifest.files?.[file]?.bytes ?? 0;
    report(0);
    return { manifest, from };
  };
  let compiled;
  const compile = (response) => {
    // Rejects if the server sends another media type. Then the bytes are compiled when all are here.
    compiled = WebAssembly.compileStreaming?.(response.clone()).catch(() => undefined);
  };
  const opened = readManifest();
  const loadBranch = async (stop) => {
    const started = wantsWorker ? startWorker(find('lcdnn-worker.js'), PROGRAM.name, stop) : undefined;
    const reading = { stop, stallMs, report };
    const [{ manifest, from }, wasm, weights] = await Promise.all([
      opened,
      readFile(find(kernels), { ...reading, onResponse: compile }),
      readFile(find(weightsFile), reading),
    ]);

    // Pages without https have no crypto.subtle: there only sizes are checked.
    const hashes = globalThis.crypto?.subtle;
    await verifyFile(kernels, wasm.bytes, manifest.files?.[kernels], hashes);
    await verifyFile(weightsFile, weights.bytes, manifest.files?.[weightsFile], hashes);
    const module = (await compiled) ?? (await compileBytes(kernels, wasm.bytes));
    const worker = await started?.();
    const opening = { program: PROGRAM, module, weights: weights.bytes, manifest };
    const branch = await (worker
      ? branchThere(worker, opening, importResize)
      : (await importFile('lcdnn-branch.js')).branchHere(opening, (...given) => readImage(...given, importResize)));
    const edge = options.edge ?? defaultEdge(manifest.edge, [from, weights.from, wasm.from]);
    const facts = { simd, relaxedSimd, worker: Boolean(worker), verified: Boolean(hashes) };
    const settings = { ...options, tau: thresholds(options.tau ?? manifest.tau) };
    return createModel(manifest, branch, edge, settings, facts, importFile, take);
  };
  if (options.first !== 'edge') return loadBranch(stop);
  const [first, { loadFirst }] = await Promise.all([opened, importFile('lcdnn-first.js')]);
  return loadFirst(first, options, take, loadBranch);
}

async function compileBytes(file, bytes) {
  try {
    return await WebAssembly.compile(bytes);
  } catch ({ message }) {
    throw new Error(
      `${file}: expected a page that may compile WebAssembly, found another (${message}); add 'wasm-unsafe-eval' to script-src of the content security policy`,
    );
  }
}

/** A threshold for each exit, from a list or from one number for all. */
function thresholds(tau) {
  const exits = PROGRAM.stages.length;
  const list = Array.isArray(tau) ? tau : Array(exits).fill(tau);
  if (list.length === exits && list.every((value) => value === Number(value))) return list;
  throw new Error(`tau: expected a number for each of ${exits} exits, found ${describe(JSON.stringify(tau))}`);
}

function createModel(manifest, branchAt, edge, settings, facts, importFile, take) {
  const { tau, timeoutMs = 3000, audit = 0 } = settings;
  const { labels } = manifest;
  const tally = { exits: 0 }; // images that the branch answered alone since the last request to the edge
  const ended = new AbortController();
  const pending = new Set([ended]); // what ends with the model: requests to the edge, too

  // Fetched when the page is idle, so that no answer waits for it.
  let opened;
  const openEdge = async () => {
    const module = await importFile('lcdnn-edge.js');
    opened ??= module.openEdge(edge, manifest, { ...settings, tally, ended: ended.signal, within });
    return opened;
  };
  if (edge) (globalThis.requestIdleCallback ?? setTimeout)(() => openEdge().catch(() => {}));

  const branch = async (image, exit = 1) => {
    // A threshold of -1 skips every earlier exit.
    if (PROGRAM.stages[exit - 1]) return (await branchAt.run(image, Array(exit).fill(-1))).outputs;
    throw new Error(`exit: expected a whole number from 1 to ${PROGRAM.stages.length}, found ${describe(exit)}`);
  };

  const likeliest = (probabilities) => {
    const index = probabilities.reduce((best, p, i, all) => (p > all[best] ? i : best), 0);
    return { index, label: labels[index], probabilities };
  };

  // Algorithm 3: exit at the first branch whose entropy is below its tau, or ask the edge. If the edge doesn't answer, the last
  // branch's answer counts.
  const askBranch = async (image, { signal, edge: policy = 'when-unsure' }) => {
    const always = policy === 'always';
    if (!always && policy !== 'never' && policy !== 'when-unsure') {
      throw new Error(`edge: expected never, when-unsure, always or race, found ${describe(policy)}`);
    }
    const started = performance.now();
    // A server under load may raise the last threshold for a while.
    const taus = [...tau.slice(0, -1), Math.max(tau.at(-1), opened?.tau() ?? 0)];
    if (always) taus.fill(-1, 0, -1);
    const { outputs, exit } = await within(Infinity, signal, () => branchAt.run(image, taus));
    const { entropy, probabilities } = outputs;
    const unsure = !(entropy < taus[exit - 1]);
    const asks = always || (unsure && policy !== 'never');
    const isLast = exit === PROGRAM.stages.length;
    const audits = !unsure && policy === 'when-unsure' && isLast && edge && Math.random() < audit;
    if (!unsure && !asks && !audits) tally.exits++;
    const times = { branchMs: performance.now() - started, edgeMs: 0 };
    const bytes = { sent: 0, received: 0 };
    const answer = {
      ...likeliest(probabilities),
      by: 'branch',
      exit,
      unsure,
      entropy,
      tau: taus[exit - 1],
      times,
      bytes,
    };
    // Not awaited: an audit never delays the answer.
    if (audits) {
      const audited = { ...answer, audit: true, bytes: { ...bytes }, times: { ...times } };
      askEdge({ answer: audited, outputs, started }, {}).catch(() => {});
    }
    return { answer, asks, outputs, started };
  };

  const askEdge = async ({ answer, outputs, started }, { signal, budgetMs = Infinity }) => {
    const asked = performance.now();
    const leftMs = Math.min(timeoutMs, budgetMs - (asked - started));
    try {
      if (!edge) throw new Error('no edge server was given');
      if (!(leftMs > 0)) throw new Error(`the budget of ${budgetMs} ms ran out`);
      ended.signal.throwIfAborted();
      const ask = async (stop) => (await openEdge()).ask(outputs, answer, stop, asked + leftMs);
      const probabilities = await within(leftMs, signal, ask, pending);
      Object.assign(answer, likeliest(probabilities), { by: 'edge', exit: undefined, unsure: false });
    } catch (thrown) {
      signal?.throwIfAborted();
      ended.signal.throwIfAborted();
      answer.edgeError = thrown?.message ?? String(thrown);
    }
    answer.times.edgeMs = performance.now() - asked;
    return answer;
  };

  const classify = async (image, options = {}) => {
    if (options.edge === 'race') {
      const [taken, { race }] = await Promise.all([take(image, manifest.input), importFile('lcdnn-first.js')]);
      return race({ manifest, edge, settings, ended }, taken, options, classify);
    }
    const said = await askBranch(image, options);
    return said.asks ? askEdge(said, options) : said.answer;
  };
  const classifyStream = async (source, options) => {
    const module = await importFile('lcdnn-stream.js');
    return module.classifyStream({ askBranch, askEdge, hasEdge: Boolean(edge) }, source, options);
  };
  const dispose = () => {
    const reason = new Error('the model was disposed of; load it again');
    for (const each of pending) each.abort(reason);
    branchAt.end(reason);
  };
  return {
    manifest,
    tau: tau.length === 1 ? tau[0] : tau,
    ready: Promise.resolve(),
    ...facts,
    get edge() {
      return { state: opened?.state() ?? (edge ? 'closed' : 'none'), tau: opened?.tau() || undefined };
    },
    get stale() {
      return (opened?.newest() ?? manifest.version) !== manifest.version;
    },
    branch,
    classify,
    classifyStream,
    dispose,
  };
}
