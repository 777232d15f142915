// In the page of npm run bench:browser: contestants are timed in alternation, in one thread.

import { profile } from '/device-page/profile.js';
import * as ort from '/onnxruntime-web/ort.wasm.bundle.min.mjs';
import { pairsLoop } from './pairs-limit.js';

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = '/onnxruntime-web/';

/** A sample repeats calls for this long, because the page's clock has steps of 5 microseconds. */
const SAMPLE_MS = 4;
/** V8 compiles hot code again and again: warm up until so many blocks in a row were not faster than the best one before. */
const BLOCK_MS = 300;
const STEADY_BLOCKS = 4;
const FASTER = 0.98;
const LONGEST_WARM_UP_MS = 15_000;

const random = (length) => Float32Array.from({ length }, () => Math.random() * 2 - 1);
const bits = (length) => Uint8Array.from({ length }, () => Math.random() * 256);

async function kernels(build = 'relaxed-simd') {
  const { instance } = await WebAssembly.instantiateStreaming(fetch(`/kernels/lcdnn-${build}.wasm`));
  const { memory, __heap_base, ...functions } = instance.exports;
  let end = __heap_base.value;
  const room = (bytes) => {
    const at = (end + 63) & ~63;
    end = at + bytes;
    const missing = Math.ceil((end - memory.buffer.byteLength) / 65536);
    if (missing > 0) memory.grow(missing);
    return at;
  };
  const place = (values) => {
    const at = room(values.byteLength);
    new values.constructor(memory.buffer, at, values.length).set(values);
    return at;
  };
  const prepare = (kernel, shape, isBinary = true) => {
    const last = isBinary ? Math.ceil(shape.at(-1) / 8) : shape[0] * shape.at(-1);
    const travelled = place(bits(shape.slice(0, -1).reduce((rows, size) => rows * size, last)));
    const at = room(functions[`lcdnn_prepared_${kernel}_bytes`](...shape));
    functions[`lcdnn_prepare_${kernel}`](travelled, at, ...shape);
    return at;
  };
  return { functions, place, prepare };
}

/**
 * A call of one kernel on random values. Arguments: numbers, null, { floats }, { bits }, { weights: shape }, { levels } or
 * { weights8: shape }.
 */
async function kernelCall({ kernel, args }, build) {
  const { functions, place, prepare } = await kernels(build);
  const run = functions[`lcdnn_${kernel}`];
  const numbers = args.map((arg) => {
    if (arg === null || typeof arg === 'number') return arg ?? 0;
    if ('floats' in arg) return place(random(arg.floats));
    if ('levels' in arg) return place(bits(arg.levels + 16).map((byte) => byte & 127));
    if ('weights8' in arg) return prepare(kernel, arg.weights8, false);
    return 'bits' in arg ? place(bits(arg.bits)) : prepare(kernel, arg.weights);
  });
  return () => run(...numbers);
}

/** One run of an ONNX model on random values. */
async function onnxRun(url, shape) {
  const session = await ort.InferenceSession.create(url);
  const length = shape.reduce((all, size) => all * size, 1);
  const feeds = { [session.inputNames[0]]: new ort.Tensor('float32', random(length), shape) };
  return () => session.run(feeds);
}

/** One image through the branch of a bundle, as a page calls it. */
async function branchRun(url, [height, width, channels]) {
  const { load } = await import(`${url}lcdnn.js`);
  const model = await load(new URL(url, location.href), { edge: false, worker: false });
  const image = random(height * width * channels);
  return () => model.branch(image);
}

async function milliseconds(run, calls) {
  const start = performance.now();
  for (let i = 0; i < calls; i++) {
    const result = run();
    if (result instanceof Promise) await result;
  }
  return (performance.now() - start) / calls;
}

/** Runs until it no longer gets faster. Returns the best time of a call. */
async function warmUp(run) {
  let best = Infinity;
  const end = performance.now() + LONGEST_WARM_UP_MS;
  for (let steady = 0; steady < STEADY_BLOCKS && performance.now() < end; ) {
    let block = Infinity;
    for (const blockEnd = performance.now() + BLOCK_MS; performance.now() < blockEnd; ) {
      block = Math.min(block, await milliseconds(run, 1 + Math.floor(SAMPLE_MS / Math.min(block, SAMPLE_MS))));
    }
    steady = block < FASTER * best ? 0 : steady + 1;
    best = Math.min(best, block);
  }
  return best;
}

/** Measures all contestants in alternation. Returns milliseconds per call for each, by round. */
async function alternate(runs, rounds) {
  const calls = [];
  for (const run of runs) {
    await run.before?.();
    calls.push(Math.max(1, Math.round(SAMPLE_MS / (await warmUp(run)))));
  }
  const times = runs.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, run] of runs.entries()) {
      await run.before?.();
      times[i].push(await milliseconds(run, calls[i]));
    }
  }
  return times;
}

/** One run of the full network in TensorFlow.js, which supports one backend at a time. */
async function tfjsRun(backend, ...network) {
  const { fullRun } = await import('/run/tfjs-full.js');
  return fullRun(backend, ...network);
}

/** The renderer of this page's WebGL, if there is one. */
globalThis.webglRenderer = () => {
  const gl = new OffscreenCanvas(1, 1).getContext('webgl2');
  return gl?.getParameter(gl.getExtension('WEBGL_debug_renderer_info')?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER);
};

/** One run of a .tflite model in LiteRT.js. */
async function litertRun(url, shape) {
  const { liteRtRun } = await import('/run/litert.js');
  return liteRtRun(url, shape);
}

/** EMPTY_CALLS calls of an exported function that does nothing but compare two numbers. */
const EMPTY_CALLS = 10_000;
async function emptyCalls() {
  const { functions } = await kernels();
  const { lcdnn_add_f32: add } = functions;
  return () => {
    for (let i = 0; i < EMPTY_CALLS; i++) add(0, 0, 0, 0);
  };
}

/** Nanoseconds of a call from JavaScript to WebAssembly and back. */
globalThis.emptyCallNanoseconds = async (rounds) => {
  const [times] = await alternate([await emptyCalls()], rounds);
  return (1e6 * times.toSorted((a, b) => a - b)[rounds >> 1]) / EMPTY_CALLS;
};

/** Binary multiplications per nanosecond of the kernel's inner loop in registers. */
globalThis.pairsLimit = async (rounds) => {
  const { run, operations } = await pairsLoop();
  const [times] = await alternate([run], rounds);
  return operations / times.toSorted((a, b) => a - b)[rounds >> 1] / 1e6;
};

const MAKERS = {
  kernel: kernelCall,
  onnx: onnxRun,
  branch: branchRun,
  tfjs: tfjsRun,
  litert: litertRun,
};

/** @param contestants lists of a factory's name and its arguments */
globalThis.compare = async (contestants, rounds) => {
  const runs = [];
  for (const [maker, ...args] of contestants) runs.push(await MAKERS[maker](...args));
  return alternate(runs, rounds);
};
/** Milliseconds of every kernel call of a branch, in order. */
globalThis.profile = async (url, [height, width, channels]) => {
  const { load } = await import(`${url}lcdnn.js`);
  const { steps } = await profile(load, new URL(url, location.href), random(height * width * channels));
  return steps.map(({ milliseconds }) => milliseconds);
};

globalThis.ready = true;
