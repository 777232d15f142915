import fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { createGraph } from '../onnx/graph.js';
import { fromHalf, toHalf } from './half.js';

const ALL = Array.from({ length: 65_536 }, (_, bits) => bits);

/** ONNX Runtime's own conversion, which shares nothing with ours. */
async function cast(values: Float32Array): Promise<Uint16Array> {
  const graph = createGraph();
  const x = graph.input('x', 'float32', ['n']);
  graph.output('y', graph.node('Cast', [x], { to: 10 }), 'float16', ['n']);
  const session = await InferenceSession.create(graph.encode('half'));
  const { y } = await session.run({ x: new Tensor('float32', values, [values.length]) });
  const data = y.data as unknown as { buffer: ArrayBuffer; byteOffset: number };
  const bits = new Uint16Array(data.buffer, data.byteOffset, values.length).slice();
  await session.release();
  return bits;
}

const isNaNBits = (bits: number): boolean => (bits & 0x7fff) > 0x7c00;

describe('half precision', () => {
  it('has every one of its 65,536 values there and back', () => {
    for (const bits of ALL) expect(toHalf(fromHalf(bits))).toBe(isNaNBits(bits) ? 0x7e00 : bits);
  });

  it('rounds as ONNX Runtime does: every value, what lies half-way to the next, and both sides of that', async () => {
    const finite = ALL.map(fromHalf).filter(Number.isFinite);
    const ends = finite.map((value) => {
      const next = Math.abs(value) === 65504 ? 2 ** 16 * Math.sign(value) : fromHalf(toHalf(value) + 1);
      return Math.fround((value + next) / 2); // exact: 12 digits
    });
    const beside = ends.flatMap((value) => [value * (1 - 2 ** -22), value * (1 + 2 ** -22)]);
    const odd = [0, -0, 1e-8, -1e-8, 2 ** -25, 3 * 2 ** -26, 65519, 65520, 1e9, Infinity, -Infinity, NaN];
    const values = Float32Array.from([...finite, ...ends, ...beside, ...odd]);
    const expected = await cast(values);
    const own = Uint16Array.from(values, toHalf);
    const wrong = own.findIndex((bits, i) => bits !== expected[i] && !(isNaNBits(bits) && isNaNBits(expected[i])));
    expect(wrong === -1 ? 'none' : `${values[wrong]}: ${own[wrong]}, not ${expected[wrong]}`).toBe('none');
  });

  it('is within half a step of any number, doubles included', () => {
    fc.assert(
      fc.property(fc.double({ min: -65519, max: 65519, noNaN: true }), (value) => {
        const error = Math.abs(fromHalf(toHalf(value)) - value);
        expect(error).toBeLessThanOrEqual(Math.max(2 ** -25, Math.abs(value) * 2 ** -11));
      }),
    );
  });
});
