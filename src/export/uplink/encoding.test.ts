import fc from 'fast-check';
import { InferenceSession } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { floats } from '../../../kernels/test-values.js';
import { randomParameters, smallNetwork } from '../../../test/small-network.js';
import { random } from '../../base/random.js';
import { DATATYPES } from '../../bundle/datatypes.js';
import { onnxTensor } from '../../bundle/onnx-tensor.js';
import { featuresOf } from '../../network/shapes.js';
import { floatModel, TAIL_INPUT, TAIL_OUTPUT, tailModel } from '../float-model.js';
import { lowerBranch } from '../lower.js';
import { stagesOf } from '../program.js';
import { runReference } from '../run-reference.js';
import { byteEncoding, channelRanges, decode, type Encoding, encode, imageEncoding } from './encoding.js';

const finite = (min: number, max: number) => fc.float({ min, max, noNaN: true });

describe('values in bytes', () => {
  const channels = 3;
  const tensors = fc
    .array(finite(-1000, 1000), { minLength: channels, maxLength: 30 })
    .map((values) => Float32Array.from(values.slice(0, values.length - (values.length % channels))));

  it('come back within half a step, the ends of a channel at 0 and 255', () => {
    fc.assert(
      fc.property(tensors, (values) => {
        const { least, most } = channelRanges([values], channels);
        const encoding = byteEncoding({ least, most });
        const sent = encode(values, encoding);
        decode(sent, encoding).forEach((value, i) => {
          const c = i % channels;
          const rounding = 1e-6 * Math.max(Math.abs(least[c]), Math.abs(most[c]));
          expect(Math.abs(value - values[i])).toBeLessThanOrEqual(encoding.scale![c] / 2 + rounding);
          const varies = most[c] - least[c] > 1e-30;
          if (varies && values[i] === least[c]) expect(sent[i]).toBe(0);
          if (varies && values[i] === most[c]) expect(sent[i]).toBe(255);
        });
      }),
    );
  });

  it('stay at the end of their range where they are outside', () => {
    const encoding: Encoding = { datatype: 'UINT8', scale: [0.5], offset: [-1] };
    const values = Float32Array.of(-9, -1, 126.5, 1e9, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN);
    expect(encode(values, encoding)).toEqual(Uint8Array.of(0, 0, 255, 255, 255, 0, 0));
    expect(encode(Float32Array.of(-0.75, -0.25), encoding)).toEqual(Uint8Array.of(0, 2)); // ties to even
  });

  it('have no offset behind a ReLU, and a scale where a channel is always the same', () => {
    const ranges = channelRanges([Float32Array.of(0, 0, 51, 0)], 2);
    expect(byteEncoding(channelRanges([Float32Array.of(0, 1 / 3)], 1)).scale).toEqual([0.001308]);
    expect(byteEncoding(ranges)).toEqual({ datatype: 'UINT8', scale: [0.2, 1] });
    const constant = byteEncoding(channelRanges([Float32Array.of(3, 3)], 1));
    expect(decode(encode(Float32Array.of(3), constant), constant)).toEqual(Float32Array.of(3));
  });

  it('are the pixels, where the image is sent', () => {
    const pixels = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3));
    const mean = [0.485, 0.456, 0.406];
    const std = [0.229, 0.224, 0.225];
    const input = Float32Array.from(pixels, (pixel, i) => (pixel / 255 - mean[i % 3]) / std[i % 3]);
    const encoding = imageEncoding({ mean, std });
    expect(encode(input, encoding)).toEqual(pixels);
    decode(pixels, encoding).forEach((value, i) => {
      expect(Math.abs(value - input[i])).toBeLessThan(1e-6);
    });
  });
});

it('values in half precision come back within 2^-11 of their size', () => {
  fc.assert(
    fc.property(fc.array(finite(-65504, 65504)), (values) => {
      const given = Float32Array.from(values);
      decode(encode(given, { datatype: 'FP16' }), { datatype: 'FP16' }).forEach((value, i) => {
        expect(Math.abs(value - given[i])).toBeLessThanOrEqual(Math.max(2 ** -25, Math.abs(given[i]) * 2 ** -11));
      });
    }),
  );
});

describe('the tail', () => {
  const network = smallNetwork(false);
  const state = randomParameters(network, 3);
  const next = random(4);
  const images = Array.from({ length: 8 }, () => floats(next, featuresOf(network.input)));

  async function run(
    model: Uint8Array,
    type: keyof typeof DATATYPES,
    sent: ArrayLike<number>,
    shape: readonly number[],
  ) {
    const session = await InferenceSession.create(model, { intraOpNumThreads: 1 });
    const { [TAIL_OUTPUT]: logits } = await session.run({
      [TAIL_INPUT]: onnxTensor(DATATYPES[type].array.from(sent), type, [1, ...shape]),
    });
    await session.release();
    return logits.data as Float32Array;
  }

  const shared = (image: Float32Array) => runReference(lowerBranch(network, state), image).shared;
  const { shape } = stagesOf(lowerBranch(network, state)).at(-1)!.shared;
  const ranges = channelRanges(images.map(shared), shape.at(-1)!);
  const shifted = { least: ranges.least.map((value) => value - 0.5), most: ranges.most };

  it.each<[string, Encoding]>([
    ['halves', { datatype: 'FP16' }],
    ['bytes', byteEncoding(ranges)],
    ['bytes with an offset', byteEncoding(shifted)],
  ])('takes %s as the float tail takes what they stand for', async (_, encoding) => {
    for (const image of images) {
      const sent = encode(shared(image), encoding);
      const found = await run(tailModel(network, state, encoding), encoding.datatype!, sent, shape);
      const expected = await run(tailModel(network, state), 'FP32', decode(sent, encoding), shape);
      found.forEach((logit, i) => {
        expect(Math.abs(logit - expected[i])).toBeLessThan(1e-5);
      });
    }
  });

  it('takes the pixels of the image as the full network takes the image', async () => {
    const encoding = imageEncoding({ mean: [0.5, 0.4], std: [0.2, 0.3] });
    const pixels = Uint8Array.from({ length: featuresOf(network.input) }, () => 256 * next());
    const image = decode(pixels, encoding);
    const program = lowerBranch(network, state, 'image');
    const sent = runReference(program, image).shared;
    expect([sent, stagesOf(program)[0].shared.shape]).toEqual([image, network.input]);
    const found = await run(tailModel(network, state, encoding), 'UINT8', encode(sent, encoding), network.input);
    const expected = await run(floatModel(network, state, ['shared', 'full']), 'FP32', image, network.input);
    found.forEach((logit, i) => {
      expect(Math.abs(logit - expected[i])).toBeLessThan(1e-5);
    });
  });
});
