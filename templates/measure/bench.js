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

/** Frames of cameras: 720p, 1080p and 12 megapixels. */
const FRAMES = [
  [1280, 720],
  [1920, 1080],
  [4000, 3000],
];

/** A canvas with all colours, as a camera's frame would have. */
function makeFrame(width, height) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const pen = canvas.getContext('2d');
  const colours = pen.createLinearGradient(0, 0, width, height);
  for (let i = 0; i <= 6; i++) colours.addColorStop(i / 6, `hsl(${60 * i} 80% ${20 + 10 * i}%)`);
  pen.fillStyle = colours;
  pen.fillRect(0, 0, width, height);
  return canvas;
}

/** Whole calls, from a frame to a label. `runLiteRt` takes values of the network's size: pages scale with a canvas for it. */
async function measureFrames(runLiteRt) {
  const model = await load(undefined, { edge: false, tau: 2 });
  const frames = [];
  for (const [width, height] of FRAMES) {
    show(`Timing frames of ${width} x ${height}.`);
    const frame = makeFrame(width, height);
    const frameMs = await measure(() => model.classify(frame));
    const litertMs = runLiteRt && (await measure(() => runLiteRt(scaled(frame, model.manifest.input.shape))));
    frames.push({ width, height, frameMs, litertMs });
  }
  model.dispose();
  return { frames };
}

/** What pages usually do for a model that takes floats. */
function scaled(frame, [height, width, channels]) {
  const pen = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  pen.drawImage(frame, 0, 0, width, height);
  const { data } = pen.getImageData(0, 0, width, height);
  const values = new Float32Array(height * width * channels);
  for (let i = 0, at = 0; i < data.length; i += 4) {
    if (channels === 1) values[at++] = (0.2126 * data[i] + 0.7152 * data[i + 1] + 0.0722 * data[i + 2]) / 255;
    else for (let c = 0; c < 3; c++) values[at++] = data[i + c] / 255;
  }
  return values;
}

/** One image through the model in LiteRT.js, if the server has one; and a function that runs it on given values. */
async function measureLiteRt() {
  if (!query.has('litert')) return {};
  show('Timing LiteRT.js.');
  const { loadAndCompile, loadLiteRt, Tensor } = await import('./litert/core.js');
  await loadLiteRt(new URL('litert/wasm/', location.href).href);
  const model = await loadAndCompile(new URL('litert/model.tflite', location.href).href, { accelerator: 'wasm' });
  const shape = [...model.getInputDetails()[0].shape];
  const values = new Float32Array(shape.reduce((all, size) => all * size)).map((_, i) => ((i * 37) % 256) / 128 - 1);
  const run = async (given) => {
    const image = new Tensor(given, shape);
    for (const output of await model.run(image)) {
      output.toTypedArray();
      output.delete();
    }
    image.delete();
  };
  return { run, litertMs: await measure(() => run(values), LITERT_WARM_UP_MS) };
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
  const { simd, relaxedSimd } = model;
  model.dispose();
  const answers = await measureAnswers(image);
  show('Timing each step.');
  const steps = await profile(load, undefined, image);
  const { run, ...liteRt } = await measureLiteRt();
  const frames = await measureFrames(run);
  const found = {
    userAgent: navigator.userAgent,
    simd,
    relaxedSimd,
    loadMs,
    branchMs,
    ...answers,
    ...steps,
    ...liteRt,
    ...frames,
  };
  await fetch('result', { method: 'POST', body: JSON.stringify(found) });
  show(
    `Done: ${branchMs.toSorted((a, b) => a - b)[branchMs.length >> 1].toFixed(3)} ms an image (median). The terminal has the rest.`,
  );
}

start().catch((error) => {
  show(error.message);
  fetch('result', { method: 'POST', body: JSON.stringify({ error: error.message }) });
});
