import { describe, expect, it } from 'vitest';
import { BadRequest, type ModelTensors, parseInferRequest } from './protocol.js';

const model: ModelTensors = {
  input: { name: 'shared', shape: [2] },
  output: { name: 'logits', shape: [3] },
  maxBatch: 2,
};

function binaryRequest(values: number[], changes: object = {}) {
  const data = Buffer.from(Float32Array.from(values).buffer);
  const input = { name: 'shared', shape: [1, 2], datatype: 'FP32', parameters: { binary_data_size: data.length } };
  const head = Buffer.from(JSON.stringify({ inputs: [{ ...input, ...changes }] }));
  return { body: Buffer.concat([head, data]), length: String(head.length) };
}

describe('an infer request', () => {
  it('is read from a binary tensor', () => {
    const { body, length } = binaryRequest([1.5, -2]);
    expect(parseInferRequest(body, length, model)).toMatchObject({ batch: 1, values: Float32Array.of(1.5, -2) });
  });

  it('is read from a JSON tensor', () => {
    const body = Buffer.from(
      JSON.stringify({ inputs: [{ name: 'shared', shape: [1, 2], datatype: 'FP32', data: [1.5, -2] }] }),
    );
    expect(parseInferRequest(body, undefined, model).values).toEqual(Float32Array.of(1.5, -2));
  });

  it.each([
    ['another input', { name: 'image' }],
    ['another type', { datatype: 'INT8' }],
    ['another shape', { shape: [1, 3] }],
    ['too large a batch', { shape: [3, 2] }],
    ['a size that lies', { parameters: { binary_data_size: 4 } }],
  ])('is refused with %s', (_, changes) => {
    const { body, length } = binaryRequest([1, 2], changes);
    expect(() => parseInferRequest(body, length, model)).toThrow(BadRequest);
  });

  it('is refused with NaN, with a header length that lies, and where it is no JSON', () => {
    const { body, length } = binaryRequest([1, Number.NaN]);
    expect(() => parseInferRequest(body, length, model)).toThrow('finite');
    expect(() => parseInferRequest(body, '999999', model)).toThrow(BadRequest);
    expect(() => parseInferRequest(Buffer.from('{'), undefined, model)).toThrow(BadRequest);
  });
});
