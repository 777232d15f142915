import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { floats } from '../../../kernels/test-values.js';
import { randomParameters } from '../../../test/small-network.js';
import { random } from '../../base/random.js';
import type { NamedArrays } from '../../base/tensors.js';
import { uplinkTable } from '../../cli/uplink-table.js';
import { featuresOf } from '../../network/shapes.js';
import { createNetwork } from '../../network/zoo/index.js';
import { floatModel } from '../float-model.js';
import { lowerBranch } from '../lower.js';
import { openTailModel } from '../open-tail-model.js';
import { measureUplink } from './measure.js';
import type { LabelledImage, UplinkTrial } from './trial.js';

const network = createNetwork('lenet', [16, 16, 3], 4, { width: 0.2 });
const wasm = new Uint8Array(readFileSync(new URL('../../../kernels/prebuilt/lcdnn-simd.wasm', import.meta.url)));
const input = { shape: [16, 16, 3] as [number, number, number], mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };

/** Images that float32 is right about. */
async function trialOf(state: NamedArrays, count: number): Promise<UplinkTrial> {
  const next = random(8);
  const whole = await openTailModel(floatModel(network, state, ['shared', 'full']), network.input);
  const images: LabelledImage[] = [];
  for (let i = 0; i < count; i++) {
    const image = floats(next, featuresOf(network.input));
    const logits = await whole.infer(image, 1);
    images.push({ image, label: logits.indexOf(Math.max(...logits)) });
  }
  await whole.close();
  async function* all(): AsyncGenerator<LabelledImage> {
    yield* images;
  }
  return {
    network,
    state,
    program: lowerBranch(network, state),
    wasm,
    input,
    knownImages: all,
    sampleImages: all,
  };
}

describe('what travels', () => {
  const state = randomParameters(network, 1);

  it('is in bytes by default, and measured', async () => {
    const { encoding, report } = await measureUplink(await trialOf(state, 70), 'auto');
    expect(encoding).toMatchObject({ datatype: 'UINT8', scale: expect.any(Array) });
    expect(report).toMatchObject({ choice: 'u8', images: 70 });
    const [f32, f16, u8, image] = report.sizes;
    const values = 6 * 6 * 4;
    expect([f32.bytes, f16.bytes, u8.bytes, image.bytes]).toEqual([4 * values, 2 * values, values, 16 * 16 * 3]);
    expect(f32).toMatchObject({ accuracy: 1, worse: 0, better: 0 });
    expect(f16.accuracy).toBeUndefined();
    expect(u8.deflated).toBeLessThan(u8.bytes + 12);
    expect(report.png).toBeGreaterThan(image.bytes); // noise
  });

  it('is not in an encoding that loses too much: halves where bytes do, floats where both do', async () => {
    const trial = await trialOf(state, 40);
    // One image of a much larger range makes the steps of a byte too coarse, or leaves what a half can hold.
    const withRange = (size: number): UplinkTrial => {
      const image = new Float32Array(featuresOf(network.input)).fill(size);
      async function* sampleImages(): AsyncGenerator<LabelledImage> {
        yield { image, label: 0 };
        yield { image: image.map((value) => -value), label: 0 };
      }
      return { ...trial, sampleImages };
    };
    const coarse = await measureUplink(withRange(1e5), 'auto');
    expect(coarse.report).toMatchObject({ choice: 'f16', images: 40 });
    expect(coarse.encoding).toEqual({ datatype: 'FP16' });
    const u8 = coarse.report.sizes[2];
    expect(u8.worse! / 40).toBeGreaterThan(0.0005);
    expect(u8.accuracy).toBeCloseTo(1 - u8.worse! / 40);

    const large: NamedArrays = { ...state };
    for (const name of ['kernel', 'bias']) {
      const { shape, values } = state[`shared.conv1.${name}`];
      large[`shared.conv1.${name}`] = { shape, values: values.map((value) => value * 1e6) };
    }
    const trialOfLarge = await trialOf(large, 40);
    const found = await measureUplink({ ...trialOfLarge, sampleImages: withRange(1e5).sampleImages }, 'auto');
    expect([found.report.choice, found.encoding]).toEqual(['f32', {}]);
  });

  it.each(['f32', 'f16', 'u8', 'image'] as const)('is %s where that is asked for', async (uplink) => {
    const { encoding, report } = await measureUplink(await trialOf(state, 10), uplink);
    expect(report.choice).toBe(uplink);
    expect(encoding.from).toBe(uplink === 'image' ? 'image' : undefined);
    expect(report.images).toBe(uplink === 'f16' || uplink === 'u8' ? 10 : 0);
    expect(uplinkTable(report)).toMatch(new RegExp(`^${uplink} \\(chosen\\) `, 'm'));
  });
});

it('the table says where the image is smaller', () => {
  const size = (uplink: 'f32' | 'f16' | 'u8' | 'image', bytes: number) => ({ uplink, bytes, deflated: bytes + 9 });
  const report = (image: number) => ({
    choice: 'u8' as const,
    images: 2000,
    png: 90,
    sizes: [
      size('f32', 400),
      size('f16', 200),
      { ...size('u8', 100), accuracy: 0.9876, worse: 2, better: 1 },
      size('image', image),
    ],
  });
  expect(uplinkTable(report(99))).toMatch(/--uplink image sends it instead/);
  expect(uplinkTable(report(100))).not.toMatch(/--uplink image/);
  expect(uplinkTable(report(100))).toMatch(/u8 \(chosen\) +100 +109 +98\.76 % +2 to wrong, 1 to right/);
});
