// A joint network in the browser: the binary branch answers here, in WebAssembly; what it is unsure of, the edge answers.
// No dependency and no eval; the same files work in a page, in a Worker and in Node >= 20. Types: lcdnn.d.ts.
// In a page the branch runs in a Worker, which is made from this same file.

const FORMAT = 1;

// <program> (filled in when a model is exported)
const PROGRAM = {
  arenaBytes: 0,
  input: 0,
  exits: [{ shared: 0, sharedLength: 0, logits: 0 }],
  constants: {},
  hash: '',
};
const STAGES = [(_k, _a, _c) => {}];
// </program>

// The files beside this one, each spelt as bundlers look for it.
const BESIDE = {
  'manifest.json': new URL('./manifest.json', import.meta.url),
  'lcdnn-simd.wasm': new URL('./lcdnn-simd.wasm', import.meta.url),
  'lcdnn-scalar.wasm': new URL('./lcdnn-scalar.wasm', import.meta.url),
  'weights.safetensors': new URL('./weights.safetensors', import.meta.url),
};

// A module that is valid only where SIMD128 is: i8x16.splat and i8x16.popcnt.
const SIMD_PROBE = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
];

export function load(base, options = {}) {
  return within(Infinity, options.signal, (stop) => loadUntil(stop, base, options));
}

// All files side by side, and the Worker with them; what still runs when one of them fails is stopped by the signal.
async function loadUntil(stop, base, options) {
  const folder = new URL(base ?? import.meta.url, globalThis.location?.href);
  if (base && !folder.pathname.endsWith('/')) folder.pathname += '/';
  const find = (file) => (base ? new URL(file, folder) : BESIDE[file]);
  const simd = options.simd ?? WebAssembly.validate(Uint8Array.from(SIMD_PROBE));
  const kernels = simd ? 'lcdnn-simd.wasm' : 'lcdnn-scalar.wasm';

  let loaded = 0;
  let total = 0; // until the manifest tells
  const report = (more) => {
    loaded += more;
    if (total) options.onProgress?.({ loaded, total });
  };
  const readManifest = async () => {
    const manifest = parseManifest(await read(find('manifest.json'), stop), folder);
    for (const file of [kernels, 'weights.safetensors']) total += manifest.files?.[file]?.bytes ?? 0;
    report(0);
    return manifest;
  };
  let compiled;
  const compile = (response) => {
    // Rejects where the server gives another media type: then the bytes are compiled, once all are here.
    compiled = WebAssembly.compileStreaming?.(response.clone()).catch(() => undefined);
  };
  const [manifest, wasm, weights, worker] = await Promise.all([
    readManifest(),
    read(find(kernels), stop, report, compile),
    read(find('weights.safetensors'), stop, report),
    (options.worker ?? 'document' in globalThis) ? openWorker(stop) : undefined,
  ]);

  // Absent on plain-http pages: there only sizes are checked.
  const hashes = globalThis.crypto?.subtle;
  await verify(kernels, wasm, manifest.files?.[kernels], hashes);
  await verify('weights.safetensors', weights, manifest.files?.['weights.safetensors'], hashes);
  const module = (await compiled) ?? (await WebAssembly.compile(wasm));
  const branch = await (worker
    ? branchThere(worker, module, weights, manifest)
    : branchHere(module, weights, manifest));
  const edge = options.edge ?? (folder.protocol.startsWith('http') ? folder.origin : false);
  const found = { simd, worker: Boolean(worker), verified: Boolean(hashes) };
  return createModel(manifest, branch, edge, { ...options, tau: thresholds(options.tau ?? manifest.tau) }, found);
}

// A threshold for each exit: the list as it is given, or one number for them all.
function thresholds(tau) {
  const list = Array.isArray(tau) ? tau : STAGES.map(() => tau);
  if (list.length === STAGES.length && list.every((value) => value === Number(value))) return list;
  throw new Error(`tau: expected a number for each of ${STAGES.length} exits, found ${JSON.stringify(tau)}`);
}

function createModel(manifest, branchAt, edge, { tau, timeoutMs = 3000, audit = 0, ...options }, found) {
  const { labels } = manifest;
  const tally = { exits: 0 }; // what the branch answered alone since the edge was asked last
  const ended = new AbortController();

  // The edge, once lcdnn-edge.js is here: fetched in idle time, so that no answer waits for it.
  let opened;
  const openEdge = async () => {
    const module = await import('./lcdnn-edge.js');
    opened ??= module.openEdge(edge, manifest, { ...options, tally, ended: ended.signal, within });
    return opened;
  };
  if (edge) (globalThis.requestIdleCallback ?? setTimeout)(() => openEdge().catch(() => {}));

  const branch = async (image, exit = 1) => {
    // Nothing is below -1: every exit before the asked one is passed.
    if (STAGES[exit - 1]) return (await branchAt.run(image, Array(exit).fill(-1))).own;
    throw new Error(`exit: expected a whole number from 1 to ${STAGES.length}, found ${exit}`);
  };

  const likeliest = (probabilities) => {
    const index = probabilities.reduce((best, p, i, all) => (p > all[best] ? i : best), 0);
    return { index, label: labels[index], probabilities };
  };

  // Algorithm 3: leave at the first exit whose entropy is below its tau, else ask the edge; its silence leaves the last
  // exit's answer.
  const askBranch = async (image, { signal, edge: policy = 'when-unsure' }) => {
    const always = policy === 'always';
    if (!always && policy !== 'never' && policy !== 'when-unsure') {
      throw new Error(`edge: expected never, when-unsure or always, found ${policy}`);
    }
    const started = performance.now();
    // The server may loosen the last exit's for a while.
    const taus = [...tau.slice(0, -1), Math.max(tau.at(-1), opened?.tau() ?? 0)];
    if (always) taus.fill(-1, 0, -1);
    const { own, exit } = await within(Infinity, signal, () => branchAt.run(image, taus));
    const { entropy, probabilities } = own;
    const unsure = !(entropy < taus[exit - 1]);
    const asks = always || (unsure && policy !== 'never');
    const audits = !unsure && policy === 'when-unsure' && exit === STAGES.length && edge && Math.random() < audit;
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
    // Nobody waits for it.
    if (audits)
      askEdge({ answer: { ...answer, audit: true, bytes: { ...bytes }, times: { ...times } }, own, started }, {});
    return { answer, asks, own, started };
  };

  const askEdge = async ({ answer, own, started }, { signal, budgetMs = Infinity }) => {
    const asked = performance.now();
    const leftMs = Math.min(timeoutMs, budgetMs - (asked - started));
    try {
      if (!edge) throw new Error('no edge server was given');
      if (!(leftMs > 0)) throw new Error(`the budget of ${budgetMs} ms ran out`);
      const ask = async (stop) => (await openEdge()).ask(own, answer, stop, asked + leftMs);
      const probabilities = await within(leftMs, signal, ask);
      Object.assign(answer, likeliest(probabilities), { by: 'edge', exit: undefined, unsure: false });
    } catch (thrown) {
      signal?.throwIfAborted();
      answer.edgeError = thrown?.message ?? String(thrown);
    }
    answer.times.edgeMs = performance.now() - asked;
    return answer;
  };

  const classify = async (image, options = {}) => {
    const said = await askBranch(image, options);
    return said.asks ? askEdge(said, options) : said.answer;
  };
  const classifyStream = async (source, options) => {
    const module = await import('./lcdnn-stream.js');
    return module.classifyStream({ askBranch, askEdge }, source, options);
  };
  const dispose = () => {
    ended.abort();
    branchAt.end('the model was disposed of; load it again');
  };
  return {
    manifest,
    tau: tau.length === 1 ? tau[0] : tau,
    ...found,
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

// ---- files

// The bytes of a file; `report` hears of their numbers as they come, `stream` gets the response as soon as it begins.
async function read(url, stop, report, stream) {
  if (url.protocol === 'file:') {
    const { readFile } = await import('node:fs/promises');
    const bytes = new Uint8Array(await readFile(url, { signal: stop }));
    report?.(bytes.length);
    return bytes;
  }
  let found;
  try {
    // no-cache: ask whether the file changed, so that files of two exports never meet.
    const response = await fetch(url, { cache: 'no-cache', signal: stop });
    found = `HTTP ${response.status}`;
    if (response.ok) {
      stream?.(response);
      const parts = [];
      const reader = response.body.getReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        parts.push(part.value);
        report?.(part.value.length);
      }
      return new Uint8Array(await new Blob(parts).arrayBuffer());
    }
  } catch (thrown) {
    stop.throwIfAborted();
    found = `no answer (${thrown.message})`;
  }
  throw new Error(`${url}: expected a file of the bundle, found ${found}`);
}

async function verify(file, bytes, expected, hashes) {
  const complain = (wanted, found) => {
    throw new Error(`${file}: expected ${wanted}, found ${found}; the bundle was changed or damaged, export it again`);
  };
  if (bytes.length !== expected?.bytes) complain(`${expected?.bytes} bytes`, bytes.length);
  if (!hashes) return;
  const digest = new Uint8Array(await hashes.digest('SHA-256', bytes));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (found !== expected.sha256)
    complain(`sha256 ${String(expected.sha256).slice(0, 12)}...`, `${found.slice(0, 12)}...`);
}

function parseManifest(bytes, folder) {
  let manifest;
  try {
    manifest = JSON.parse(new TextDecoder().decode(bytes));
  } catch {}
  if (manifest?.format === FORMAT) return manifest;
  throw new Error(`${folder}manifest.json: expected format ${FORMAT}, found ${manifest?.format ?? 'none'}`);
}

// safetensors: a length, a JSON header, the data. Returns tensor(name, dtype, bytes), which checks what it gives.
function parseWeights(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const start = 8 + Number(bytes.length < 8 ? Infinity : view.getBigUint64(0, true));
  if (start > bytes.length) throw new Error('weights.safetensors: expected a header, found a file that is too short');
  let header;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
  } catch {}
  return (name, dtype, size) => {
    const found = header?.[name];
    const [from, to] = found?.data_offsets ?? [];
    if (found?.dtype === dtype && from >= 0 && to - from === size && start + to <= bytes.length) {
      return bytes.subarray(start + from, start + to);
    }
    const what = found ? `${found.dtype} of ${to - from} bytes` : 'none';
    throw new Error(`weights.safetensors: expected ${name} as ${dtype} of ${size} bytes, found ${what}`);
  };
}

// ---- the branch, here or in a Worker: run(image, bounds) runs exit after exit until one has an entropy below its bound

// A function of an image and bounds, the answer of the last exit that was run, and its number.
async function openBranch(module, weights, manifest) {
  const instance = await WebAssembly.instantiate(module, {});
  const device = createDevice(instance.exports, parseWeights(weights), manifest);
  return (image, bounds) => {
    const input = preprocess(image, manifest.input);
    for (let exit = 1; ; exit++) {
      const own = device.run(exit - 1, input);
      if (exit === bounds.length || own.entropy < bounds[exit - 1]) return { own, exit };
    }
  };
}

async function branchHere(module, weights, manifest) {
  let branch = await openBranch(module, weights, manifest);
  return {
    run(image, bounds) {
      const seen = look(image, manifest.input);
      // What needs no drawing is read before anyone can change it.
      return seen.then ? seen.then((bitmap) => branch(bitmap, bounds)) : branch(seen, bounds);
    },
    end(reason) {
      branch = () => {
        throw new Error(reason);
      };
    },
  };
}

// Undefined where a page can't have it: by its content security policy, or the bundle's other origin, in browsers
// without module Workers; or where the file was exported anew meanwhile.
function openWorker(stop) {
  return new Promise((resolve) => {
    let worker;
    const give = (ready) => {
      if (!ready) worker?.terminate();
      resolve(ready && worker);
    };
    try {
      worker = new Worker(new URL('./lcdnn.js', import.meta.url), { type: 'module', name: 'lcdnn branch' });
      worker.onmessage = ({ data }) => give(data === PROGRAM.hash);
      worker.onerror = () => give(false);
      stop.addEventListener('abort', () => give(false));
    } catch {
      give(false);
    }
  });
}

async function branchThere(worker, module, weights, manifest) {
  const waiting = new Map();
  let ended;
  let asked = 0;
  const end = (reason) => {
    ended ??= new Error(reason);
    worker.terminate();
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  worker.onerror = ({ message }) => end(`the Worker of the branch failed (${message}); load the model again`);
  worker.onmessage = ({ data: [id, answer, problem] }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (problem === undefined) resolve(answer);
    else reject(new Error(problem));
  };
  const ask = (given, bounds, owned) =>
    new Promise((resolve, reject) => {
      if (ended) throw ended;
      try {
        worker.postMessage([++asked, given, bounds], owned);
      } catch (thrown) {
        throw unreadable(thrown);
      }
      waiting.set(asked, { resolve, reject });
    });
  const run = async (image, bounds) => {
    const seen = look(image, manifest.input);
    // Of what is the caller's, a copy travels; a picture as pixels where the Worker can't draw.
    const copy = seen.then ? await seen : copyOf(seen);
    const sent = isBitmap(copy) && !globalThis.OffscreenCanvas ? pixelsOf(copy) : copy;
    return ask(sent, bounds, [isBitmap(sent) ? sent : (sent.data ?? sent).buffer]);
  };
  await ask([module, weights, manifest], undefined, [weights.buffer]);
  return { run, end };
}

// What runs in the Worker: the first message brings the files, each other one an image and bounds.
function serveBranch() {
  let opened;
  globalThis.onmessage = async ({ data: [id, given, bounds] }) => {
    try {
      opened ??= openBranch(...given);
      const branch = await opened;
      const answer = bounds && branch(given, bounds);
      const { logits, probabilities, shared } = answer?.own ?? {};
      globalThis.postMessage([id, answer], answer ? [logits.buffer, probabilities.buffer, shared.buffer] : []);
    } catch (thrown) {
      globalThis.postMessage([id, undefined, thrown.message]);
    }
  };
  globalThis.postMessage(PROGRAM.hash);
}
if (globalThis.name === 'lcdnn branch' && !('document' in globalThis)) serveBranch();

// ---- the branch on the device

// Lays constants, arena and probabilities out behind the kernels' own data, and runs the program there.
function createDevice(kernels, tensor, { labels }) {
  let top = kernels.__heap_base.value;
  const place = (bytes) => {
    const at = Math.ceil(top / 16) * 16;
    top = at + bytes;
    const missing = Math.ceil((top - kernels.memory.buffer.byteLength) / 65536);
    if (missing > 0) kernels.memory.grow(missing);
    return at;
  };
  const bytesAt = (at, bytes) => new Uint8Array(kernels.memory.buffer, at, bytes);
  const floats = (at, length) => new Float32Array(kernels.memory.buffer, at, length);

  const constants = {};
  for (const [name, size] of Object.entries(PROGRAM.constants)) {
    if (typeof size === 'number') {
      constants[name] = place(4 * size);
      bytesAt(constants[name], 4 * size).set(tensor(name, 'F32', 4 * size));
      continue;
    }
    if (!Array.isArray(size)) {
      // Whole steps, each times the scale of its row.
      const { rows, columns } = size;
      constants[name] = place(4 * rows * columns);
      const steps = new Int8Array(tensor(name, 'I8', rows * columns).slice().buffer);
      const scales = new Float32Array(tensor(`${name}.scale`, 'F32', 4 * rows).slice().buffer);
      const values = Float32Array.from(steps, (step, i) => step * scales[Math.floor(i / columns)]);
      floats(constants[name], values.length).set(values);
      continue;
    }
    // Binary weights: from the order in which they travel to the order of this build.
    const [kernel, ...shape] = size;
    const bytes = shape.slice(0, -1).reduce((rows, length) => rows * length, Math.ceil(shape.at(-1) / 8));
    constants[name] = place(kernels[`lcdnn_prepared_${kernel}_bytes`](...shape));
    const kept = top;
    const travelled = place(bytes);
    bytesAt(travelled, bytes).set(tensor(name, 'U8', bytes));
    kernels[`lcdnn_prepare_${kernel}`](travelled, constants[name], ...shape);
    top = kept;
  }
  const arena = place(PROGRAM.arenaBytes);
  const probabilitiesAt = place(4 * labels.length);

  // The stage that leads to an exit, from 0; it goes on from what the stages before it left in the arena.
  const run = (exit, values) => {
    if (exit === 0) floats(arena + PROGRAM.input, values.length).set(values);
    STAGES[exit](kernels, arena, constants);
    const { shared, sharedLength, logits: at } = PROGRAM.exits[exit];
    const entropy = kernels.lcdnn_softmax_entropy(arena + at, probabilitiesAt, labels.length);
    const copy = (from, length) => floats(from, length).slice();
    const probabilities = copy(probabilitiesAt, labels.length);
    return {
      logits: copy(arena + at, labels.length),
      probabilities,
      entropy,
      shared: copy(arena + shared, sharedLength),
    };
  };
  return { run };
}

// ---- images

const isBitmap = (image) => Boolean(globalThis.ImageBitmap) && image instanceof ImageBitmap;

// An image as it is, where it has values, and in the number that it should; else, to come, as a bitmap of our own.
function look(image, { shape: [height, width, channels] }) {
  const { data } = image ?? {};
  if (!ArrayBuffer.isView(image) && !data) return drawn(image);
  const expected = data ? 4 * image.width * image.height : height * width * channels;
  if (expected > 0 && (data ?? image).length === expected) return image;
  const what = data ? `${image.width} x ${image.height} RGBA pixels` : `${height} x ${width} x ${channels} values`;
  throw new Error(`image: expected ${what}, found ${(data ?? image).length}`);
}

// Anything that this platform draws: image, video and canvas elements, video frames, bitmaps, files.
async function drawn(image) {
  try {
    return await createImageBitmap(image);
  } catch (thrown) {
    throw new Error(`image: expected pixels, or a picture that is loaded, found ${image} (${thrown.message})`);
  }
}

const copyOf = (image) => {
  if (ArrayBuffer.isView(image)) return image.slice();
  const { width, height, data } = image;
  return { width, height, data: data.buffer ? data.slice() : Float32Array.from(data) };
};

const unreadable = ({ message }) =>
  new Error(`image: expected a picture that this page may read, found another (${message})`);

// RGBA of a bitmap, on black; the bitmap is spent. Canvases of all browsers have 2^24 pixels: what is larger is shrunk.
function pixelsOf(bitmap) {
  const shrink = Math.min(1, Math.sqrt(2 ** 24 / (bitmap.width * bitmap.height)));
  const [width, height] = [bitmap.width, bitmap.height].map((size) => Math.ceil(size * shrink));
  const canvas = globalThis.OffscreenCanvas ? new OffscreenCanvas(width, height) : document.createElement('canvas');
  Object.assign(canvas, { width, height });
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  context.imageSmoothingQuality = 'high';
  try {
    context.drawImage(bitmap, 0, 0, width, height);
    return context.getImageData(0, 0, width, height);
  } catch (thrown) {
    throw unreadable(thrown);
  } finally {
    bitmap.close();
  }
}

// Any image as the network's input: normalised, NHWC.
function preprocess(image, { shape, mean, std, resize }) {
  const channels = shape[2];
  if (image instanceof Float32Array) {
    if (image.every(Number.isFinite)) return image;
    throw new Error('image: expected finite values, found NaN or Infinity');
  }
  const values = ArrayBuffer.isView(image) ? image : resample(isBitmap(image) ? pixelsOf(image) : image, shape, resize);
  return Float32Array.from(values, (value, i) => (value / 255 - mean[i % channels]) / std[i % channels]);
}

// RGBA at the size and with the channels of the network, as whole levels; an image of this size keeps its own. It is
// stretched; or, as in evaluation, the middle of what it would be with its shorter side resized to `resize`.
function resample({ width, height, data }, [newHeight, newWidth, channels], resize) {
  if (channels !== 1 && channels !== 3) throw new Error(`image: RGBA can't be brought to ${channels} channels`);
  const place = (from, to) => {
    if (!resize) return filter(from, to, to, 0);
    // libvips keeps whole pixels of the longer side, of which a square is cut out, and the input out of that.
    const whole = Math.round((from * resize) / Math.min(width, height));
    return filter(from, whole, to, Math.ceil((whole - resize) / 2) + Math.floor((resize - to) / 2));
  };
  const columns = place(width, newWidth);
  const line = new Float32Array(width * channels);
  const narrow = new Uint8ClampedArray(height * newWidth * channels);
  for (let y = 0; y < height; y++) {
    // Laid on black, to colours or to grey (Rec. 601 luma; grey pixels keep their exact value).
    for (let x = 0, from = 4 * y * width; x < width; x++, from += 4) {
      const opacity = data[from + 3] / 255;
      if (channels === 1) line[x] = ((299 * data[from] + 587 * data[from + 1] + 114 * data[from + 2]) / 1000) * opacity;
      else for (let c = 0; c < 3; c++) line[3 * x + c] = data[from + c] * opacity;
    }
    apply(columns, line, channels, narrow.subarray(y * newWidth * channels));
  }
  const small = new Uint8ClampedArray(newHeight * newWidth * channels);
  apply(place(height, newHeight), narrow, newWidth * channels, small);
  return small;
}

// The filters that libvips has, by which the trainer resizes: Lanczos (3 lobes) to shrink, cubic (Catmull-Rom) to grow,
// there half a new pixel to the side. An axis of `from` pixels becomes one of `whole`; for each of `to` of them, from the
// one at `start`: the first pixel that counts for it, and the weights from there.
function filter(from, whole, to, start) {
  const step = from / whole;
  const reach = Math.max(step, 1);
  const sinc = (x) => (x ? Math.sin(Math.PI * x) / (Math.PI * x) : 1);
  const lanczos = (x) => sinc(x) * sinc(x / 3);
  const cubic = (x) => (x < 1 ? (1.5 * x - 2.5) * x * x + 1 : ((2.5 - 0.5 * x) * x - 4) * x + 2);
  const [weigh, lobes] = step < 1 ? [cubic, 2] : [lanczos, 3];
  return Array.from({ length: to }, (_, i) => {
    const centre = (start + i + (step < 1 ? 0 : 0.5)) * step - 0.5;
    const first = Math.ceil(centre - lobes * reach);
    const last = Math.floor(centre + lobes * reach);
    const weights = Array.from({ length: last - first + 1 }, (_, j) => weigh(Math.abs(first + j - centre) / reach));
    const sum = weights.reduce((all, weight) => all + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

// Puts a filter on the first axis of [from][inner]; behind an edge its own pixels go on.
function apply(pixels, values, inner, result) {
  const last = values.length / inner - 1;
  pixels.forEach(({ first, weights }, i) => {
    for (let n = 0; n < inner; n++) {
      let sum = 0;
      for (let j = 0; j < weights.length; j++) {
        sum += weights[j] * values[Math.min(last, Math.max(0, first + j)) * inner + n];
      }
      result[i * inner + n] = sum;
    }
  });
}

// ---- time

// Runs work with a signal that fires after `ms`, with the caller's signal, or when work fails; rejects at once when it
// does, whatever work does then.
async function within(ms, signal, work) {
  signal?.throwIfAborted();
  const stop = new AbortController();
  const late = () =>
    stop.abort(new DOMException(`the edge did not answer within ${Math.round(ms)} ms`, 'TimeoutError'));
  const timer = ms < 2 ** 31 && setTimeout(late, ms); // which fires at once where the time is longer
  const forward = () => stop.abort(signal.reason);
  signal?.addEventListener('abort', forward);
  const stopped = new Promise((_, reject) => {
    stop.signal.addEventListener('abort', () => reject(stop.signal.reason));
  });
  try {
    // Async, so that what throws at once rejects, too.
    return await Promise.race([(async () => work(stop.signal))(), stopped]);
  } catch (thrown) {
    stop.abort(thrown);
    throw thrown;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', forward);
  }
}
