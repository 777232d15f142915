import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { randomParameters } from '../../test/small-network.js';
import { normal, random } from '../base/random.js';
import type { NamedArrays } from '../base/tensors.js';
import { isBranch, type Shape } from '../network/layers.js';
import { featuresOf, type PlacedLayer, placeLayers } from '../network/shapes.js';
import { createNetwork } from '../network/zoo/index.js';
import { chainModel, TAIL_INPUT, TAIL_OUTPUT } from './float-model.js';

const BATCH = 2;

async function run(state: NamedArrays, layers: readonly PlacedLayer[], x: Float32Array): Promise<Float32Array> {
  const session = await InferenceSession.create(chainModel(state, layers, 'test'));
  const input = new Tensor('float32', x, [BATCH, ...layers[0].input]);
  const { [TAIL_OUTPUT]: y } = await session.run({ [TAIL_INPUT]: input });
  expect(y.dims).toEqual([BATCH, ...layers.at(-1)!.output]);
  await session.release();
  return y.data as Float32Array;
}

test.each([
  ['lenet', [28, 28, 1], 0.2],
  ['resnet18', [32, 32, 3], 0.1],
  ['mobilenet-v2', [32, 32, 3], 0.1],
] as const)('%s cut anywhere gives what the whole gives', async (name, input, width) => {
  const network = createNetwork(name, input, 5, { width });
  const state = randomParameters(network, 1);
  const trunk = placeLayers(network).filter(({ part }) => !isBranch(part));
  const next = random(2);
  const images = Float32Array.from({ length: BATCH * featuresOf(input as Shape) }, () => normal(next));
  const whole = await run(state, trunk, images);
  const largest = whole.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (const cut of [1, 2, 3, trunk.length >> 1, trunk.length - 2, trunk.length - 1]) {
    const halves = await run(state, trunk.slice(cut), await run(state, trunk.slice(0, cut), images));
    halves.forEach((value, i) => {
      expect(Math.abs(value - whole[i]) / largest, `cut ${cut}`).toBeLessThan(1e-5);
    });
  }
});
