import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
import { normal, random } from '../../base/random.js';
import type { NamedArrays } from '../../base/tensors.js';
import { createNetwork, withInputScale } from '../../network/zoo/index.js';
import { initialState } from '../initial-state.js';
import { trainStep } from '../step.js';
import { createEagerEngine } from './eager.js';
import type { Engine } from './engine.js';
import { createEngine } from './index.js';
import { createOnnxruntimeEngine } from './onnxruntime.js';

const BATCH = 4;

/** One step of LeNet's joint training from a seeded start whose every parameter is away from its special values. */
async function oneStep(engine: Engine, optimizer: 'adam' | 'momentum', inputScale: boolean) {
  const network = withInputScale(createNetwork('lenet', [28, 28, 1], 10), inputScale);
  const next = random(7);
  const state: NamedArrays = initialState(network, optimizer, 3);
  for (const [name, { values }] of Object.entries(state)) {
    if (/\.(beta|bias|gamma|slope)$/.test(name) && !name.startsWith('optimizer')) {
      for (let i = 0; i < values.length; i++) values[i] += 0.3 * normal(next);
    }
  }
  engine.setState(state);
  const step = await engine.compile(
    trainStep(network, { optimizer, weightDecay: 1e-4, branchWeight: 1, distillation: 1, temperature: 2 }),
    Object.keys(state),
    { images: [BATCH, 28, 28, 1], targets: [BATCH, 10], rate: [], branchRate: [], correction1: [], correction2: [] },
  );
  const targets = new Float32Array(BATCH * 10);
  for (let i = 0; i < BATCH; i++) targets[10 * i + i] = 1;
  const observed = await step({
    images: Float32Array.from({ length: BATCH * 784 }, () => normal(next)),
    targets,
    rate: Float32Array.of(0.01),
    branchRate: Float32Array.of(0.02),
    correction1: Float32Array.of(0.1),
    correction2: Float32Array.of(0.001),
  });
  return { observed, state: await engine.getState() };
}

describe('one step of training', () => {
  for (const [optimizer, inputScale] of [
    ['momentum', false],
    ['momentum', true],
    ['adam', false],
  ] as const) {
    it(`is the same in onnxruntime as in the oracle (${optimizer}${inputScale ? ', K' : ''})`, async () => {
      const [traced, oracle] = [createOnnxruntimeEngine(), createEagerEngine('cpu', 'cpu')];
      const ours = await oneStep(traced, optimizer, inputScale);
      const truth = await oneStep(oracle, optimizer, inputScale);
      expect(ours.observed.fullLoss[0]).toBeCloseTo(truth.observed.fullLoss[0], 4);
      expect(ours.observed.branchLoss[0]).toBeCloseTo(truth.observed.branchLoss[0], 4);
      for (const [name, { values }] of Object.entries(truth.state)) {
        const size = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
        const error = values.reduce(
          (most, value, i) => Math.max(most, Math.abs(value - ours.state[name].values[i])),
          0,
        );
        // Adam's first step is near sign(gradient): parameters compare by its slots, which hold the gradients.
        if (optimizer === 'adam' && !name.startsWith('optimizer.')) continue;
        expect(error / size, name).toBeLessThan(1e-4);
      }
      await Promise.all([traced.dispose(), oracle.dispose()]);
    });
  }

  it('says what is missing where an engine can not start', async () => {
    await expect(createEngine('tensorflow')).rejects.toThrow('npm install @tensorflow/tfjs-node');
    await expect(createEngine('abacus')).rejects.toThrow('expected one of: onnxruntime, tensorflow');
  });
});
