import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { floats } from '../../kernels/test-values.js';
import { random } from '../base/random.js';
import { BETA1, BETA2, OPTIMIZERS, type OptimizerName } from './optimizers.js';

const [COUNT, STEPS, RATE] = [12, 6, 0.05];

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const start = floats(random(1), COUNT);
const gradients = Array.from({ length: STEPS }, (_, step) => floats(random(2, step), COUNT));

/** Some steps of the optimiser, starting with slots of 0: the parameter and the slots after each. */
function run(name: OptimizerName, weightDecay: number): Float32Array[][] {
  const optimizer = OPTIMIZERS[name];
  let parameter: tf.Tensor = tf.tensor1d(start);
  let slots: readonly tf.Tensor[] = optimizer.slots.map(() => tf.zeros([COUNT]));
  return gradients.map((gradient, step) => {
    const scalars = {
      rate: tf.scalar(RATE),
      correction1: tf.scalar(1 - BETA1 ** (step + 1)),
      correction2: tf.scalar(1 - BETA2 ** (step + 1)),
    };
    ({ parameter, slots } = optimizer.update(parameter, tf.tensor1d(gradient), slots, scalars, weightDecay));
    return [parameter, ...slots].map((tensor) => tensor.dataSync<'float32'>());
  });
}

function expectClose(got: Float32Array[][], want: number[][][]): void {
  for (let step = 0; step < STEPS; step++) {
    for (const [part, values] of want[step].entries()) {
      for (const [i, value] of values.entries()) {
        expect(Math.abs(got[step][part][i] - value), `step ${step}, part ${part}, ${i}`).toBeLessThan(
          1e-5 * Math.max(1e-2, Math.abs(value)),
        );
      }
    }
  }
}

describe.each([0, 0.1])('with a weight decay of %d', (decay) => {
  it('SGD with momentum 0.9 follows a plain loop, parameters and slots', () => {
    const p = Array.from(start, Number);
    const v = p.map(() => 0);
    const want = gradients.map((g) => {
      for (let i = 0; i < COUNT; i++) {
        v[i] = 0.9 * v[i] + g[i] + decay * p[i];
        p[i] -= RATE * v[i];
      }
      return [[...p], [...v]];
    });
    expectClose(run('momentum', decay), want);
  });

  it('SGD with Nesterov momentum follows a plain loop, parameters and slots', () => {
    const p = Array.from(start, Number);
    const v = p.map(() => 0);
    const want = gradients.map((g) => {
      for (let i = 0; i < COUNT; i++) {
        const decayed = g[i] + decay * p[i];
        v[i] = 0.9 * v[i] + decayed;
        p[i] -= RATE * (decayed + 0.9 * v[i]);
      }
      return [[...p], [...v]];
    });
    expectClose(run('nesterov', decay), want);
  });

  it('Adam follows a plain loop, its decay decoupled', () => {
    const p = Array.from(start, Number);
    const [m, v] = [p.map(() => 0), p.map(() => 0)];
    const want = gradients.map((g, step) => {
      for (let i = 0; i < COUNT; i++) {
        m[i] = 0.9 * m[i] + 0.1 * g[i];
        v[i] = 0.999 * v[i] + 0.001 * g[i] ** 2;
        const first = m[i] / (1 - 0.9 ** (step + 1));
        const second = v[i] / (1 - 0.999 ** (step + 1));
        p[i] -= RATE * (first / (Math.sqrt(second) + 1e-8) + decay * p[i]);
      }
      // The slots omit the factors 1 - β.
      return [p, m.map((value) => value / 0.1), v.map((value) => value / 0.001)].map((values) => [...values]);
    });
    expectClose(run('adam', decay), want);
  });
});

it('a gradient of 0 moves nothing, in the first step of Adam too', () => {
  const zero = tf.zeros([2]);
  const scalars = { rate: tf.scalar(1), correction1: tf.scalar(0.1), correction2: tf.scalar(0.001) };
  for (const optimizer of Object.values(OPTIMIZERS)) {
    const { parameter } = optimizer.update(
      tf.tensor1d([3, -4]),
      zero,
      optimizer.slots.map(() => zero),
      scalars,
      0,
    );
    expect([...parameter.dataSync()]).toEqual([3, -4]);
  }
});
