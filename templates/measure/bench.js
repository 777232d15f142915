// The page of `lcdnn bench device`: times the branch of the bundle it comes from, and sends the server what it found.
import { load } from '../lcdnn.js';
import { profile } from './profile.js';

/** Browsers' clocks have steps of up to a millisecond: a sample is as many runs as take this long. */
const SAMPLE_MS = 20;
const WARM_UP_MS = 500;
/** V8 compiles LiteRT.js's kernels late. */
const LITERT_WARM_UP_MS = 5000;

const query = new URLSearchParams(location.search);
const rounds = Number(query.get('rounds') ?? 30);
const show = (text) => {
  document.getElementById('status').textContent = text;
};

async function milliseconds(run, calls) {
  const start = performance.now();
  for (let i = 0; i < calls; i++) await run();
  return (performance.now() - start) / calls;
}

async function measure(run, warmUpMs = WARM_UP_MS) {
  let calls = 1;
  for (const end = performance.now() + warmUpMs; performance.now() < end; ) {
    const once = await milliseconds(run, calls);
    calls = Math.max(1, Math.min(10_000, Math.round(SAMPLE_MS / Math.max(once, 1e-3))));
  }
  const times = [];
  while (times.length < rounds) times.push(await milliseconds(run, calls));
  return times;
}

/** Whole answers: of the branch in its Worker, and, where server and browser are one machine, what the edge takes. */
async function measureAnswers(image) {
  const sure = await load(undefined, { edge: false, tau: 2 });
  const answerMs = await measure(() => sure.classify(image));
  sure.dispose();
  if (!query.has('edge')) return { answerMs };
  const unsure = await load(undefined, { tau: 0 });
  const edgeMs = [];
  for (let round = -rounds; round < rounds; round++) {
    const { times, edgeError } = await unsure.classify(image);
    if (edgeError) throw new Error(`edge: ${edgeError}`);
    if (round >= 0) edgeMs.push(times.edgeMs);
  }
  unsure.dispose();
  return { answerMs, edgeMs };
}

/** One image through the model in LiteRT.js, if the server has one. */
async function measureLiteRt() {
  if (!query.has('litert')) return {};
  show('Timing LiteRT.js.');
  const { loadAndCompile, loadLiteRt, Tensor } = await import('./litert/core.js');
  await loadLiteRt(new URL('litert/wasm/', location.href).href);
  const model = await loadAndCompile(new URL('litert/model.tflite', location.href).href, { accelerator: 'wasm' });
  const shape = [...model.getInputDetails()[0].shape];
  const values = new Float32Array(shape.reduce((all, size) => all * size)).map((_, i) => ((i * 37) % 256) / 128 - 1);
  const image = new Tensor(values, shape);
  const run = async () => {
    for (const output of await model.run(image)) {
      output.toTypedArray();
      output.delete();
    }
  };
  return { litertMs: await measure(run, LITERT_WARM_UP_MS) };
}

/** The server has compressed all files by now; here they are fetched, checked and compiled as if never seen. */
async function measureLoading() {
  const { fetch } = globalThis;
  globalThis.fetch = (url, options) => fetch(url, { ...options, cache: 'reload' });
  const started = performance.now();
  const model = await (await import('../lcdnn.js?again')).load(undefined, { edge: false });
  const loadMs = performance.now() - started;
  globalThis.fetch = fetch;
  model.dispose();
  return loadMs;
}

async function start() {
  const model = await load(undefined, { edge: false, worker: false });
  const loadMs = await measureLoading();
  const { input, name } = model.manifest;
  document.getElementById('title').textContent = `Measuring ${name} on this device`;
  show('Timing whole images; keep this page in front.');
  const image = new Uint8Array(input.shape.reduce((all, size) => all * size)).map((_, i) => (i * 37) % 256);
  const branchMs = await measure(() => model.branch(image));
  const { simd } = model;
  model.dispose();
  const answers = await measureAnswers(image);
  show('Timing each step.');
  const steps = await profile(load, undefined, image);
  const liteRt = await measureLiteRt();
  const found = { userAgent: navigator.userAgent, simd, loadMs, branchMs, ...answers, ...steps, ...liteRt };
  await fetch('result', { method: 'POST', body: JSON.stringify(found) });
  show(
    `Done: ${branchMs.toSorted((a, b) => a - b)[branchMs.length >> 1].toFixed(3)} ms an image (median). The terminal has the rest.`,
  );
}

start().catch((error) => {
  show(error.message);
  fetch('result', { method: 'POST', body: JSON.stringify({ error: error.message }) });
});
