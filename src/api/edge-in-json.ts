import type { EdgeFunction } from '../../templates/loader/lcdnn.js';
import type { Manifest } from '../bundle/manifest.js';
import { listsBinaryTensors, numbersOf, outputIn } from '../edge/json-tensors.js';

const METADATA_MS = 5000;

/**
 * A function that sends tensors in JSON, for servers that don't list the extension for binary tensors (MLServer). The loader
 * itself only sends binary tensors.
 *
 * @returns undefined for servers that list it, and for servers that don't answer now
 */
export async function edgeInJson(edge: string | URL, { name, tail }: Manifest): Promise<EdgeFunction | undefined> {
  const base = String(edge).replace(/\/+$/, '');
  const metadata = await fetch(`${base}/v2`, { signal: AbortSignal.timeout(METADATA_MS) })
    .then((reply) => (reply.ok ? reply.json() : undefined))
    .catch(() => undefined);
  if (metadata === undefined || listsBinaryTensors(metadata)) return undefined;
  return async (tensor, shape, signal) => {
    const { datatype = 'FP32' } = tail;
    const input = { name: tail.input, shape, datatype, data: numbersOf(tensor, datatype) };
    const reply = await fetch(`${base}/v2/models/${name}/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ inputs: [input], outputs: [{ name: tail.output }] }),
      signal,
    });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`the edge answered ${reply.status}: ${text.slice(0, 200)}`);
    return Float32Array.from(outputIn(text));
  };
}
