import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers'; // registers the gradients
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { random } from '../../base/random.js';
import { jointModel } from './joint-model.js';
import { backward, createInput, initialNetwork, layout, type Network, policyForward } from './network.js';
import { policyGradient, returns } from './policy-gradient.js';
import { createTape, recordDecision, type Tape } from './tape.js';

beforeAll(() => tf.setBackend('cpu'));

const model = jointModel({ servers: 3, slots: 6, eta: 0.05 });
const { shape } = model;
const network = initialNetwork(shape, random(1));

/** The network's values as the four tensors of a dense network. */
function tensorsOf({ values }: Network): tf.Tensor2D[] {
  const inputs = shape.features + shape.slots;
  const { hiddenBias, outputWeights, outputBias } = layout(shape);
  return [
    tf.tensor2d(values.slice(0, hiddenBias), [inputs, shape.hidden]),
    tf.tensor2d(values.slice(hiddenBias, outputWeights), [1, shape.hidden]),
    tf.tensor2d(values.slice(outputWeights, outputBias), [shape.hidden, shape.outputs]),
    tf.tensor2d(values.slice(outputBias), [1, shape.outputs]),
  ];
}

const logits = (x: tf.Tensor2D, [w1, b1, w2, b2]: tf.Tensor[]): tf.Tensor2D =>
  tf.add(tf.matMul(tf.relu(tf.add(tf.matMul(x, w1 as tf.Tensor2D), b1)), w2 as tf.Tensor2D), b2);

/** Two episodes of two and three steps, with inputs, actions and rewards drawn. */
function someTapes() {
  const next = random(2);
  const rows: number[][] = [];
  const tapes = [2, 3].map((steps): Tape => {
    const tape = createTape(shape);
    const input = createInput(shape);
    const units = new Float64Array(shape.hidden);
    const outputs = new Float64Array(shape.outputs);
    for (let step = 0; step < steps; step++) {
      const row = new Array<number>(shape.features + shape.slots).fill(0);
      for (let i = 0; i < shape.features; i++) input.features[i] = row[i] = next();
      input.activeCount = 0;
      for (let slot = 0; slot < shape.slots; slot++) {
        if (next() < 0.5) continue;
        input.active[input.activeCount++] = slot;
        row[shape.features + slot] = 1;
      }
      policyForward(network, input, units, outputs);
      tape.firstOf.push(tape.length);
      recordDecision(tape, input, units, outputs, model.draw(outputs, next));
      tape.rewards.push(-next());
      rows.push(row);
    }
    return tape;
  });
  return { tapes, rows };
}

it('computes the outputs that tfjs computes', () => {
  const { tapes, rows } = someTapes();
  const expected = [...logits(tf.tensor2d(rows), tensorsOf(network)).dataSync()];
  const found = tapes.flatMap((tape) => [...tape.outputs.subarray(0, tape.length * shape.outputs)]);
  expect(found.length).toBe(expected.length);
  for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i], 5);
});

it('computes the gradient of REINFORCE that tfjs computes', () => {
  const { tapes, rows } = someTapes();
  // Eq. 8 and 9 in one line: log-probabilities of the actions taken, times returns less their mean at the same step.
  const [a, b] = tapes.map((tape) => [...returns(tape.rewards)]);
  const mean = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2, b[2] / 2];
  const weights = [a[0] - mean[0], a[1] - mean[1], b[0] - mean[0], b[1] - mean[1], b[2] - mean[2]];
  const actions = tapes.flatMap((tape) => [...tape.actions]);
  const objective = (...parameters: tf.Tensor[]) => {
    const logProbabilities = tf.logSoftmax(logits(tf.tensor2d(rows), parameters));
    const taken = tf.sum(tf.mul(logProbabilities, tf.oneHot(tf.tensor1d(actions, 'int32'), shape.outputs)), 1);
    return tf.div(tf.sum(tf.mul(taken, tf.tensor1d(weights))), 2) as tf.Scalar;
  };
  const expected = tf
    .grads(objective)(tensorsOf(network))
    .flatMap((tensor) => [...tensor.dataSync()]);
  const found = new Float64Array(network.values.length);
  policyGradient(model, network, tapes, found);
  expect(found.length).toBe(expected.length);
  expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(0.05);
  for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i], 6);
});

it('adds to a gradient what is there', () => {
  const { tapes } = someTapes();
  const gradient = new Float64Array(network.values.length).fill(1);
  const input = { features: tapes[0].features.subarray(0, shape.features), active: new Int32Array(0), activeCount: 0 };
  backward(network, input, tapes[0].units.subarray(0, shape.hidden), new Float64Array(shape.outputs), gradient);
  expect(gradient.every((value) => value === 1)).toBe(true);
});
