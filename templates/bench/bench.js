// The page of `lcdnn bench device`: times the branch of the bundle it comes from, and sends the server what it found.
import { load } from '../lcdnn.js';

/** Browsers' clocks have steps of up to a millisecond: a sample is as many runs as take this long. */
const SAMPLE_MS = 20;
const WARM_UP_MS = 500;
const PROFILE_MS = 3000;

const rounds = Number(new URLSearchParams(location.search).get('rounds') ?? 30);
const show = (text) => {
  document.getElementById('status').textContent = text;
};

async function milliseconds(run, calls) {
  const start = performance.now();
  for (let i = 0; i < calls; i++) await run();
  return (performance.now() - start) / calls;
}

async function measure(run) {
  let calls = 1;
  for (const end = performance.now() + WARM_UP_MS; performance.now() < end; ) {
    const once = await milliseconds(run, calls);
    calls = Math.max(1, Math.min(10_000, Math.round(SAMPLE_MS / Math.max(once, 1e-3))));
  }
  const times = [];
  while (times.length < rounds) times.push(await milliseconds(run, calls));
  return times;
}

/** Loads the model with each of its kernels' calls timed; gives the steps of a run and the module's memory. */
async function profile(image) {
  const steps = [];
  let memory;
  let call = 0;
  const timed =
    (name, kernel) =>
    (...args) => {
      const start = performance.now();
      const result = kernel(...args);
      steps[call] ??= { kernel: name.replace('lcdnn_', ''), milliseconds: 0 };
      steps[call++].milliseconds += performance.now() - start;
      return result;
    };
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = async (module, imports) => {
    const { exports } = await instantiate.call(WebAssembly, module, imports);
    memory = exports.memory;
    const wrapped = Object.entries(exports).map(([name, value]) => [
      name,
      typeof value === 'function' ? timed(name, value) : value,
    ]);
    return { exports: Object.fromEntries(wrapped) };
  };
  const model = await load(undefined, { edge: false, worker: false });
  WebAssembly.instantiate = instantiate;
  for (const end = performance.now() + WARM_UP_MS; performance.now() < end; ) await model.branch(image);
  steps.length = 0;
  let runs = 0;
  for (const end = performance.now() + PROFILE_MS; performance.now() < end; runs++) {
    call = 0;
    await model.branch(image);
  }
  model.dispose();
  for (const step of steps) step.milliseconds /= runs;
  return { steps, memoryBytes: memory.buffer.byteLength };
}

async function start() {
  const started = performance.now();
  const model = await load(undefined, { edge: false, worker: false });
  const loadMs = performance.now() - started;
  const { input, name } = model.manifest;
  document.getElementById('title').textContent = `Measuring ${name} on this device`;
  show('Timing whole images; keep this page in front.');
  const image = new Uint8Array(input.shape.reduce((all, size) => all * size)).map((_, i) => (i * 37) % 256);
  const branchMs = await measure(() => model.branch(image));
  const { simd } = model;
  model.dispose();
  show('Timing each step.');
  const found = { userAgent: navigator.userAgent, simd, loadMs, branchMs, ...(await profile(image)) };
  await fetch('result', { method: 'POST', body: JSON.stringify(found) });
  show(
    `Done: ${branchMs.toSorted((a, b) => a - b)[branchMs.length >> 1].toFixed(3)} ms an image (median). The terminal has the rest.`,
  );
}

start().catch((error) => {
  show(error.message);
  fetch('result', { method: 'POST', body: JSON.stringify({ error: error.message }) });
});
