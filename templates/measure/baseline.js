// An approach that LcDNN is compared with, in the browser: float layers in ONNX Runtime Web, the rest on the edge, in either
// order, or one of the two alone. It has the interface of lcdnn.js as far as the benchmark uses it, so both are measured
// by the same page.

// <plan> (filled in for each approach)
const PLAN = {
  input: [1, 1, 1],
  device: { file: 'device.onnx', place: 'before', input: [1, 1, 1] },
  edge: {
    model: '',
    input: '',
    output: '',
    shape: [1, 1, 1],
    datatype: undefined,
    scale: undefined,
    offset: undefined,
  },
};
// </plan>

const RUNTIME = new URL('../runtime/', import.meta.url);

/** What runs here, opened: all files side by side. */
export async function load() {
  const { device, edge } = PLAN;
  const run = device && (await openDevice(device));

  /** An image of normalised values, NHWC. */
  const classify = async (image) => {
    const times = { branchMs: 0, edgeMs: 0 };
    const bytes = { sent: 0, received: 0 };
    const timed = async (part, work) => {
      const started = performance.now();
      const made = await work();
      times[part] += performance.now() - started;
      return made;
    };
    let x = image;
    if (device?.place === 'before') x = await timed('branchMs', () => run(x));
    if (edge) x = await timed('edgeMs', () => ask(edge, x, bytes));
    if (device?.place === 'after') x = await timed('branchMs', () => run(x));
    const index = x.reduce((best, value, i) => (value > x[best] ? i : best), 0);
    return { index, by: edge ? 'edge' : 'device', times, bytes };
  };
  return { classify };
}

async function openDevice({ file, input }) {
  const read = async (url) => {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
    return response.arrayBuffer();
  };
  const [ort, wasm, model] = await Promise.all([
    import(new URL('ort.wasm.bundle.min.mjs', RUNTIME)),
    read(new URL('ort-wasm-simd-threaded.wasm', RUNTIME)),
    read(new URL(file, import.meta.url)),
  ]);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = wasm;
  const session = await ort.InferenceSession.create(model);
  return async (values) => {
    const feeds = { [session.inputNames[0]]: new ort.Tensor('float32', values, [1, ...input]) };
    const found = await session.run(feeds);
    return found[session.outputNames[0]].data;
  };
}

/** What the edge makes of some values, by the Open Inference Protocol v2 in binary; deflated where that is smaller. */
async function ask({ model, input, output, shape, datatype = 'FP32', scale, offset }, values, bytes) {
  const tensor = datatype === 'FP32' ? values : toBytes(values, scale, offset);
  const head = new TextEncoder().encode(
    JSON.stringify({
      inputs: [{ name: input, shape: [1, ...shape], datatype, parameters: { binary_data_size: tensor.byteLength } }],
      outputs: [{ name: output, parameters: { binary_data: true } }],
    }),
  );
  const whole = new Uint8Array(head.length + tensor.byteLength);
  whole.set(head);
  whole.set(new Uint8Array(tensor.buffer, tensor.byteOffset, tensor.byteLength), head.length);
  const stream = new Blob([whole]).stream().pipeThrough(new CompressionStream('deflate'));
  const packed = new Uint8Array(await new Response(stream).arrayBuffer());
  const smaller = packed.length < whole.length;
  const headers = {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': String(head.length),
    ...(smaller ? { 'content-encoding': 'deflate' } : {}),
  };
  const body = smaller ? packed : whole;
  const url = new URL(`/v2/models/${model}/infer`, import.meta.url);
  const response = await fetch(url, { method: 'POST', headers, body });
  const answer = new Uint8Array(await response.arrayBuffer());
  if (!response.ok)
    throw new Error(`${url}: HTTP ${response.status} ${new TextDecoder().decode(answer.subarray(0, 200))}`);
  bytes.sent += body.length;
  bytes.received += answer.length;
  const at = Number(response.headers.get('inference-header-content-length'));
  return new Float32Array(answer.slice(at).buffer);
}

/** (value - offset) / scale by channel, rounded, to bytes. */
function toBytes(values, scale, offset) {
  const bytes = new Uint8ClampedArray(values.length);
  for (let i = 0; i < values.length; i++) {
    const c = i % scale.length;
    bytes[i] = (values[i] - (offset?.[c] ?? 0)) / scale[c];
  }
  return new Uint8Array(bytes.buffer);
}
