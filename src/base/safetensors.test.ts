import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from './errors.js';
import { decodeSafetensors, encodeSafetensors, floatTensor, floatValues } from './safetensors.js';

const sample = () =>
  encodeSafetensors({
    tensors: {
      kernel: floatTensor([2, 2], Float32Array.of(1, -2, 3.5, Number.NaN)),
      bits: { dtype: 'U8', shape: [3], bytes: Uint8Array.of(1, 2, 255) },
    },
    metadata: { epoch: '3' },
  });

describe('safetensors', () => {
  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ minLength: 1 }).filter((name) => !['__proto__', '__metadata__'].includes(name)),
          fc.float32Array({ maxLength: 20 }),
        ),
        (arrays) => {
          const tensors = Object.fromEntries(
            Object.entries(arrays).map(([name, values]) => [name, floatTensor([values.length], values)]),
          );
          const read = decodeSafetensors(encodeSafetensors({ tensors, metadata: {} }), 'memory');
          expect(Object.keys(read.tensors).sort()).toEqual(Object.keys(arrays).sort());
          for (const [name, tensor] of Object.entries(read.tensors)) {
            expect(Buffer.from(tensor.bytes)).toEqual(Buffer.from(tensors[name].bytes));
          }
        },
      ),
    );
  });

  it('keeps shapes, bytes and metadata, and starts tensors at a multiple of 8', () => {
    const file = sample();
    const { tensors, metadata } = decodeSafetensors(Buffer.from(file), 'memory');
    expect(metadata).toEqual({ epoch: '3' });
    expect(tensors.bits).toMatchObject({ dtype: 'U8', shape: [3] });
    expect([...floatValues(tensors.kernel)]).toEqual([1, -2, 3.5, Number.NaN]);
    expect(Number(new DataView(file.buffer).getBigUint64(0, true)) % 8).toBe(0);
  });

  it('explains every truncation and every byte too many', () => {
    const file = sample();
    for (let length = 0; length < file.length; length++) {
      expect(() => decodeSafetensors(file.subarray(0, length), 'cut')).toThrow(UserError);
    }
    expect(() => decodeSafetensors(Uint8Array.of(...file, 0), 'long')).toThrow('1 bytes after the last tensor');
  });

  it('survives any single changed header byte with a result or a clear error', () => {
    fc.assert(
      fc.property(fc.nat(150), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const file = sample();
        file[at % file.length] = value;
        try {
          decodeSafetensors(file, 'changed');
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(UserError);
        }
      }),
    );
  });

  it('refuses hostile sizes without allocating them', () => {
    const header = (json: string) => {
      const bytes = new Uint8Array(8 + json.length);
      new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
      bytes.set(Buffer.from(json), 8);
      return bytes;
    };
    const huge = `{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}`;
    expect(() => decodeSafetensors(header(huge), 'huge')).toThrow(UserError);
    const far = new Uint8Array(16);
    new DataView(far.buffer).setBigUint64(0, 2n ** 63n, true);
    expect(() => decodeSafetensors(far, 'far')).toThrow('found a header of');
    expect(() => decodeSafetensors(header(`{"a":{"dtype":"C64","shape":[],"data_offsets":[0,8]}}`), 'c64')).toThrow(
      'no valid entry for tensor a',
    );
  });
});
