// The edge of a model: the rest of its network on a server of the Open Inference Protocol v2 (REST, binary tensors, little
// endian as WebAssembly's memory is), or behind a function of the page. lcdnn.js imports this file when it is needed.

/** Opens the edge of a manifest: ask(own, bytes, stop) gives probabilities for what the branch found, or throws. */
export function openEdge(edge, manifest) {
  const { labels, tail } = manifest;
  const server = { edge, deflates: Boolean(globalThis.CompressionStream) };
  const ask = async ({ shared }, bytes, stop) => {
    const tensor = encode(shared, tail);
    const logits = await (typeof edge === 'function'
      ? edge(tensor, [1, ...tail.shape], stop)
      : infer(server, manifest, tensor, bytes, stop));
    if (logits?.length !== labels.length || !Array.from(logits).every(Number.isFinite)) {
      throw new Error(`expected ${labels.length} finite logits from the edge, found ${logits?.length} values`);
    }
    return softmax(logits);
  };
  return { ask };
}

async function infer(server, { name, tail }, tensor, bytes, signal) {
  const parameters = { binary_data_size: tensor.byteLength };
  const head = new TextEncoder().encode(
    JSON.stringify({
      inputs: [{ name: tail.input, shape: [1, ...tail.shape], datatype: tail.datatype ?? 'FP32', parameters }],
      outputs: [{ name: tail.output, parameters: { binary_data: true } }],
    }),
  );
  const body = new Uint8Array(head.length + tensor.byteLength);
  body.set(head);
  body.set(new Uint8Array(tensor.buffer, tensor.byteOffset, tensor.byteLength), head.length);
  const headers = { 'content-type': 'application/octet-stream', 'inference-header-content-length': `${head.length}` };
  const url = `${String(server.edge).replace(/\/+$/, '')}/v2/models/${name}/infer`;
  const post = (body, more) => {
    bytes.sent += body.length;
    return fetch(url, { method: 'POST', headers: { ...headers, ...more }, body, signal });
  };
  const smaller = server.deflates && (await deflated(body));
  let response = await (smaller ? post(smaller, { 'content-encoding': 'deflate' }) : post(body));
  if (smaller && [400, 415].includes(response.status)) {
    server.deflates = false; // not every server of the protocol inflates
    response = await post(body);
  }
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

// What the tail takes: float32; half precision; or bytes, (value - offset) / scale by channel. All are rounded to nearest,
// ties to even, as clamped arrays do it; those keep what is out of range at its end.
function encode(values, { datatype, scale, offset }) {
  if (datatype === 'FP16') return Uint16Array.from(new Uint32Array(values.slice().buffer), half);
  if (datatype !== 'UINT8') return values;
  const bytes = Uint8ClampedArray.from(values, (value, i) => {
    const c = i % scale.length;
    return (value - (offset?.[c] ?? 0)) / scale[c];
  });
  return new Uint8Array(bytes.buffer);
}

// The bits of a float32 in half precision.
function half(bits) {
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size > 0x7f800000) return 0x7e00; // NaN
  if (size >= 0x477ff000) return sign | 0x7c00; // from 65520 on
  const exponent = size >>> 23;
  // Digits that are cut off: more where the result is subnormal, all of them below 2^-25.
  const cut = Math.min(25, Math.max(13, 126 - exponent));
  const digits = exponent < 113 ? (size & 0x7fffff) | 0x800000 : size - 0x38000000;
  return sign | ((digits + 2 ** (cut - 1) - 1 + ((digits >> cut) & 1)) >> cut);
}

// Undefined where that is no smaller.
async function deflated(body) {
  const stream = new Blob([body]).stream().pipeThrough(new CompressionStream('deflate'));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  return bytes.length < body.length ? bytes : undefined;
}

function softmax(logits) {
  const most = Math.max(...logits);
  const powers = Float32Array.from(logits, (logit) => Math.exp(logit - most));
  const sum = powers.reduce((all, power) => all + power, 0);
  return powers.map((power) => power / sum);
}
