// A joint network in the browser: the binary branch answers here, in WebAssembly; what it is unsure of, the edge answers.
// No dependency and no eval; the same file works in a page, in a Worker and in Node >= 20. Types: lcdnn.d.ts.

const FORMAT = 1;

// <program> (filled in when a model is exported)
const PROGRAM = { arenaBytes: 0, input: 0, exits: [{ shared: 0, sharedLength: 0, logits: 0 }], constants: {} };
const STAGES = [(_k, _a, _c) => {}];
// </program>

// A module that is valid only where SIMD128 is: i8x16.splat and i8x16.popcnt.
const SIMD_PROBE = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
];

export async function load(base = new URL('.', import.meta.url), options = {}) {
  const folder = new URL(base, globalThis.location?.href);
  if (!folder.pathname.endsWith('/')) folder.pathname += '/';
  const manifest = parseManifest(await read(new URL('manifest.json', folder)), folder);
  const simd = options.simd ?? WebAssembly.validate(Uint8Array.from(SIMD_PROBE));
  // Absent on plain-http pages: there only sizes are checked.
  const hashes = globalThis.crypto?.subtle;
  const [wasm, weights] = await Promise.all(
    [simd ? 'lcdnn-simd.wasm' : 'lcdnn-scalar.wasm', 'weights.safetensors'].map(async (file) => {
      const bytes = await read(new URL(file, folder));
      await verify(file, bytes, manifest.files?.[file], hashes);
      return bytes;
    }),
  );
  const { instance } = await WebAssembly.instantiate(wasm, {});
  const device = createDevice(instance.exports, parseWeights(weights), manifest);
  const edge = options.edge ?? (folder.protocol.startsWith('http') ? folder.origin : false);
  const settings = { tau: thresholds(options.tau ?? manifest.tau), timeoutMs: options.timeoutMs ?? 3000 };
  return createModel(manifest, device, edge, settings, { simd, verified: Boolean(hashes) });
}

// A threshold for each exit: the list as it is given, or one number for them all.
function thresholds(tau) {
  const list = Array.isArray(tau) ? tau : STAGES.map(() => tau);
  if (list.length === STAGES.length && list.every((value) => value === Number(value))) return list;
  throw new Error(`tau: expected a number for each of ${STAGES.length} exits, found ${JSON.stringify(tau)}`);
}

function createModel(manifest, device, edge, { tau, timeoutMs }, found) {
  const { labels } = manifest;
  let disposed = false;

  // Runs exit after exit until one is sure, as `isSure` says, or the last was run; gives its answer and its number.
  const runUntil = (image, isSure) => {
    if (disposed) throw new Error('the model was disposed of; load it again');
    const input = preprocess(image, manifest.input);
    for (let exit = 1; ; exit++) {
      const own = device.run(exit - 1, input);
      if (exit === STAGES.length || isSure(own, exit)) return { own, exit };
    }
  };

  const branch = (image, exit = 1) => {
    if (STAGES[exit - 1]) return runUntil(image, (_own, reached) => reached === exit).own;
    throw new Error(`exit: expected a whole number from 1 to ${STAGES.length}, found ${exit}`);
  };

  // Algorithm 3: leave at the first exit whose entropy is below its tau, else ask the edge; its silence leaves the last
  // exit's answer.
  const isSure = ({ entropy }, exit) => entropy < tau[exit - 1];
  const classify = async (image, { signal } = {}) => {
    signal?.throwIfAborted();
    const started = performance.now();
    const { own, exit } = runUntil(image, isSure);
    const times = { branchMs: performance.now() - started, edgeMs: 0 };
    const bytes = { sent: 0, received: 0 };
    const answer = { probabilities: own.probabilities, by: 'branch', exit, unsure: false };
    if (!isSure(own, exit)) {
      const asked = performance.now();
      try {
        if (!edge) throw new Error('no edge server was given');
        const logits = await withTimeout(timeoutMs, signal, (stop) =>
          typeof edge === 'function'
            ? edge(own.shared, [1, ...manifest.tail.shape], stop)
            : askEdge(edge, manifest, own.shared, bytes, stop),
        );
        if (logits?.length !== labels.length || !Array.from(logits).every(Number.isFinite)) {
          throw new Error(`expected ${labels.length} finite logits from the edge, found ${logits?.length} values`);
        }
        answer.probabilities = device.softmax(logits).probabilities;
        answer.by = 'edge';
        delete answer.exit;
      } catch (thrown) {
        signal?.throwIfAborted();
        answer.unsure = true;
        answer.edgeError = thrown?.message ?? String(thrown);
      }
      times.edgeMs = performance.now() - asked;
    }
    const index = answer.probabilities.reduce((best, p, i, all) => (p > all[best] ? i : best), 0);
    return { index, label: labels[index], ...answer, entropy: own.entropy, times, bytes };
  };

  const dispose = () => {
    disposed = true;
    device = undefined;
  };
  return { manifest, tau: tau.length === 1 ? tau[0] : tau, ...found, classify, branch, dispose };
}

// ---- files

async function read(url) {
  if (url.protocol === 'file:') {
    const { readFile } = await import('node:fs/promises');
    return new Uint8Array(await readFile(url));
  }
  // no-cache: ask whether the file changed, so that files of two exports never meet.
  const response = await fetch(url, { cache: 'no-cache' }).catch((thrown) => {
    throw new Error(`${url}: expected a file of the bundle, found no answer (${thrown.message})`);
  });
  if (!response.ok) throw new Error(`${url}: expected a file of the bundle, found HTTP ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
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
  const logitsAt = place(4 * labels.length);
  const probabilitiesAt = place(4 * labels.length);

  const softmax = (logits) => {
    floats(logitsAt, labels.length).set(logits);
    const entropy = kernels.lcdnn_softmax_entropy(logitsAt, probabilitiesAt, labels.length);
    return { probabilities: floats(probabilitiesAt, labels.length).slice(), entropy };
  };
  // The stage that leads to an exit, from 0; it goes on from what the stages before it left in the arena.
  const run = (exit, values) => {
    if (exit === 0) floats(arena + PROGRAM.input, values.length).set(values);
    STAGES[exit](kernels, arena, constants);
    const { shared, sharedLength, logits: at } = PROGRAM.exits[exit];
    const logits = floats(arena + at, labels.length).slice();
    return { logits, ...softmax(logits), shared: floats(arena + shared, sharedLength).slice() };
  };
  return { run, softmax };
}

// ---- images

// Any image as the network's input: normalised, NHWC.
function preprocess(image, { shape: [height, width, channels], mean, std, resize }) {
  const count = height * width * channels;
  const exactly = (values) => {
    if (values.length === count) return values;
    throw new Error(`image: expected ${height} x ${width} x ${channels} values, found ${values.length}`);
  };
  if (image instanceof Float32Array) {
    if (exactly(image).every(Number.isFinite)) return image;
    throw new Error('image: expected finite values, found NaN or Infinity');
  }
  const pixels = ArrayBuffer.isView(image)
    ? exactly(image)
    : resample(channelsOf(image, channels), image, { width, height, channels, resize });
  return Float32Array.from(pixels, (value, i) => (value / 255 - mean[i % channels]) / std[i % channels]);
}

// RGBA, laid on black, to colours or to grey (Rec. 601 luma; grey pixels keep their exact value).
function channelsOf(image, channels) {
  const { width, height, data } = image ?? {};
  if (!(width > 0 && height > 0) || data?.length !== 4 * width * height) {
    throw new Error(`image: expected ${width} x ${height} RGBA pixels, found ${data?.length} values`);
  }
  if (channels !== 1 && channels !== 3) throw new Error(`image: RGBA can't be brought to ${channels} channels`);
  const values = new Float32Array(width * height * channels);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    const opacity = data[from + 3] / 255;
    const [red, green, blue] = [data[from], data[from + 1], data[from + 2]];
    if (channels === 1) values[to++] = ((299 * red + 587 * green + 114 * blue) / 1000) * opacity;
    else for (let channel = 0; channel < 3; channel++) values[to++] = data[from + channel] * opacity;
  }
  return values;
}

// Brings an image to the new size with a triangle filter: bilinear when growing, averaging when shrinking; same size: exact.
// It is stretched; or, as in evaluation, the middle of what it would be with its shorter side resized to `resize`.
function resample(values, { width, height }, { width: newWidth, height: newHeight, channels, resize }) {
  const place = (from, to) => {
    if (!resize) return { from, to, step: from / to, start: 0 };
    const step = Math.min(width, height) / resize;
    // Whole pixels of the resized square are cut off.
    return { from, to, step, start: (from - resize * step) / 2 + Math.floor((resize - to) / 2) * step };
  };
  const rows = resampleAxis(values, height, place(width, newWidth), channels);
  return resampleAxis(rows, 1, place(height, newHeight), newWidth * channels);
}

// Resamples the middle axis of [outer][from][inner]: pixel i of `to` has its centre at start + (i + 1/2) * step.
function resampleAxis(values, outer, { from, to, step, start }, inner) {
  const result = new Float32Array(outer * to * inner);
  const reach = Math.max(step, 1);
  for (let i = 0; i < to; i++) {
    const centre = start + (i + 0.5) * step - 0.5;
    const first = Math.max(0, Math.ceil(centre - reach));
    const last = Math.min(from - 1, Math.floor(centre + reach));
    const weights = Array.from({ length: last - first + 1 }, (_, j) => reach - Math.abs(first + j - centre));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (let o = 0; o < outer; o++) {
      for (let n = 0; n < inner; n++) {
        let sum = 0;
        for (let j = 0; j < weights.length; j++) sum += weights[j] * values[(o * from + first + j) * inner + n];
        result[(o * to + i) * inner + n] = sum / total;
      }
    }
  }
  return result;
}

// ---- the edge: Open Inference Protocol v2, REST, binary tensors (little endian, as WebAssembly's memory is)

async function askEdge(edge, { name, tail }, tensor, bytes, signal) {
  const parameters = { binary_data_size: tensor.byteLength };
  const head = new TextEncoder().encode(
    JSON.stringify({
      inputs: [{ name: tail.input, shape: [1, ...tail.shape], datatype: 'FP32', parameters }],
      outputs: [{ name: tail.output, parameters: { binary_data: true } }],
    }),
  );
  const body = new Uint8Array(head.length + tensor.byteLength);
  body.set(head);
  body.set(new Uint8Array(tensor.buffer, tensor.byteOffset, tensor.byteLength), head.length);
  bytes.sent = body.length;
  const headers = { 'content-type': 'application/octet-stream', 'inference-header-content-length': `${head.length}` };
  const url = `${String(edge).replace(/\/+$/, '')}/v2/models/${name}/infer`;
  const response = await fetch(url, { method: 'POST', headers, body, signal });
  const reply = new Uint8Array(await response.arrayBuffer());
  bytes.received = reply.length;
  const text = new TextDecoder();
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status} ${text.decode(reply.subarray(0, 200))}`);
  let at = Number(response.headers.get('inference-header-content-length') ?? reply.length);
  for (const output of JSON.parse(text.decode(reply.subarray(0, at))).outputs) {
    const size = output.parameters?.binary_data_size;
    if (output.name === tail.output) {
      return size === undefined ? output.data.flat(2) : new Float32Array(reply.slice(at, at + size).buffer);
    }
    at += size ?? 0;
  }
  throw new Error(`${url}: expected an output ${tail.output}, found none`);
}

// Runs work with a signal that also fires after `ms`; rejects at once when it does, whatever work does then.
async function withTimeout(ms, signal, work) {
  const stop = new AbortController();
  const late = () => stop.abort(new Error(`the edge did not answer within ${ms} ms`));
  const timer = setTimeout(late, Math.min(ms, 2 ** 31 - 1)); // a timer fires at once where the time is longer
  const forward = () => stop.abort(signal.reason);
  signal?.addEventListener('abort', forward);
  const stopped = new Promise((_, reject) => {
    stop.signal.addEventListener('abort', () => reject(stop.signal.reason));
  });
  try {
    return await Promise.race([work(stop.signal), stopped]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', forward);
  }
}
