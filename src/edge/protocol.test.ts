import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHalf, toHalf } from '../base/half.js';
import type { Datatype } from '../bundle/datatypes.js';
import { BadRequest } from './bad-request.js';
import { type ModelTensors, parseInferRequest } from './protocol.js';

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

describe('an input that is encoded', () => {
  const taking = (datatype: Datatype): ModelTensors => ({ ...model, input: { ...model.input, datatype } });
  const json = (datatype: string, data: unknown[]) =>
    Buffer.from(JSON.stringify({ inputs: [{ name: 'shared', shape: [1, 2], datatype, data }] }));
  const binary = (datatype: string, data: Uint8Array) => {
    const parameters = { binary_data_size: data.length };
    const head = Buffer.from(JSON.stringify({ inputs: [{ name: 'shared', shape: [1, 2], datatype, parameters }] }));
    return { body: Buffer.concat([head, data]), length: String(head.length) };
  };

  it('is read in binary by the size of its datatype, wherever it starts', () => {
    for (const pad of ['', ' ', '  ', '   ']) {
      const halves = binary('FP16', new Uint8Array(Uint16Array.of(toHalf(1.5), toHalf(-2)).buffer));
      const shifted = Buffer.concat([Buffer.from(pad), halves.body]);
      const { values } = parseInferRequest(shifted, String(Number(halves.length) + pad.length), taking('FP16'));
      expect(Array.from(values, fromHalf)).toEqual([1.5, -2]);
    }
    const { body, length } = binary('UINT8', Uint8Array.of(0, 255));
    expect(parseInferRequest(body, length, taking('UINT8')).values).toEqual(Uint8Array.of(0, 255));
  });

  it('is read from JSON numbers in its range', () => {
    expect(parseInferRequest(json('UINT8', [0, 255]), undefined, taking('UINT8')).values).toEqual(
      Uint8Array.of(0, 255),
    );
    expect(Array.from(parseInferRequest(json('FP16', [65504, 0.1]), undefined, taking('FP16')).values)).toEqual([
      0x7bff,
      toHalf(0.1),
    ]);
  });

  it.each<[Datatype, unknown[], RegExp]>([
    ['UINT8', [0, 256], /whole numbers from 0 to 255, found 256/],
    ['UINT8', [-1, 0], /found -1/],
    ['UINT8', [0.5, 0], /found 0\.5/],
    ['UINT8', ['1', 0], /numbers only/],
    ['UINT8', [1], /2 values/],
    ['FP16', [65520, 0], /finite FP16/],
    ['FP16', [-1e300, 0], /finite FP16/],
    ['FP32', [1e39, 0], /finite FP32/],
  ])('is refused as %s with %j', (datatype, data, reason) => {
    expect(() => parseInferRequest(json(datatype, data), undefined, taking(datatype))).toThrow(reason);
  });

  it('is refused in another datatype, with the size of another, with half-precision Infinity and NaN', () => {
    const floats = binaryRequest([1, 2]);
    expect(() => parseInferRequest(floats.body, floats.length, taking('UINT8'))).toThrow('expected UINT8, found FP32');
    const long = binary('UINT8', new Uint8Array(4));
    expect(() => parseInferRequest(long.body, long.length, taking('UINT8'))).toThrow('binary_data_size: expected 2');
    for (const bits of [0x7c00, 0xfc00, 0x7e00]) {
      const { body, length } = binary('FP16', new Uint8Array(Uint16Array.of(0, bits).buffer));
      expect(() => parseInferRequest(body, length, taking('FP16'))).toThrow('finite FP16');
    }
  });

  it('never takes bytes that are none, whatever they are', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.option(fc.nat(500)),
        fc.constantFrom<Datatype>('FP32', 'FP16', 'UINT8'),
        (body, length, datatype) => {
          expect(() => parseInferRequest(body, length?.toString(), taking(datatype))).toThrow(BadRequest);
        },
      ),
    );
  });
});
