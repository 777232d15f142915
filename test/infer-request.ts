import type { Values } from '../src/bundle/datatypes.js';
import type { Manifest } from '../src/bundle/manifest.js';

/** An infer request with its tensor in binary, and its answer in binary: headers and body. */
export function inferRequest({ tail }: Pick<Manifest, 'tail'>, values: Values, parameters?: object) {
  const size = tail.shape.reduce((all, length) => all * length, 1);
  const { datatype = 'FP32' } = tail;
  const shape = [values.length / size, ...tail.shape];
  const input = { name: tail.input, shape, datatype, parameters: { binary_data_size: values.byteLength } };
  const outputs = [{ name: tail.output, parameters: { binary_data: true } }];
  const head = Buffer.from(JSON.stringify({ parameters, inputs: [input], outputs }));
  return {
    method: 'POST' as const,
    headers: {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(head.length),
    },
    body: Buffer.concat([head, Buffer.from(values.buffer, values.byteOffset, values.byteLength)]),
  };
}

/** What an answer says, and its logits. */
export function readAnswer(
  jsonLength: string | null,
  body: ArrayBuffer | Uint8Array,
): { said: { model_version: string }; logits: number[] } {
  const bytes = new Uint8Array(body);
  const at = Number(jsonLength);
  const said = JSON.parse(Buffer.from(bytes.subarray(0, at)).toString());
  return { said, logits: Array.from(new Float32Array(bytes.slice(at).buffer)) };
}
