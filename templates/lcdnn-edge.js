// The edge of a model: the rest of its network on a server of the Open Inference Protocol v2 (REST, binary tensors, little
// endian as WebAssembly's memory is), or behind a function of the page. lcdnn.js imports this file when it is needed.

/** Opens the edge of a manifest: ask(own, bytes, stop) gives probabilities for what the branch found, or throws. */
export function openEdge(edge, manifest) {
  const { labels, tail } = manifest;
  const ask = async ({ shared }, bytes, stop) => {
    const logits = await (typeof edge === 'function'
      ? edge(shared, [1, ...tail.shape], stop)
      : infer(edge, manifest, shared, bytes, stop));
    if (logits?.length !== labels.length || !Array.from(logits).every(Number.isFinite)) {
      throw new Error(`expected ${labels.length} finite logits from the edge, found ${logits?.length} values`);
    }
    return softmax(logits);
  };
  return { ask };
}

async function infer(edge, { name, tail }, tensor, bytes, signal) {
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

function softmax(logits) {
  const most = Math.max(...logits);
  const powers = Float32Array.from(logits, (logit) => Math.exp(logit - most));
  const sum = powers.reduce((all, power) => all + power, 0);
  return powers.map((power) => power / sum);
}
