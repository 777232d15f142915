import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers'; // registers tfjs's gradients
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { floats } from '../../kernels/test-values.js';
import { random } from '../base/random.js';
import { crossEntropy, distillation, smoothed } from './loss.js';

const [ROWS, CLASSES] = [4, 5];

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const matrix = (values: ArrayLike<number>) => tf.tensor2d(Float32Array.from(values), [ROWS, CLASSES]);

function softmax(logits: Float32Array, row: number, temperature = 1): number[] {
  const powers = Array.from(logits.subarray(row * CLASSES, (row + 1) * CLASSES), (z) => Math.exp(z / temperature));
  const sum = powers.reduce((total, power) => total + power);
  return powers.map((power) => power / sum);
}

const rows = Array.from({ length: ROWS }, (_, row) => row);
const labels = [0, 3, 3, 4];
const targets = Float32Array.from({ length: ROWS * CLASSES }, (_, i) =>
  Number(labels[Math.floor(i / CLASSES)] === i % CLASSES),
);
const [branch, full] = [floats(random(1), ROWS * CLASSES), floats(random(2), ROWS * CLASSES)];

describe('cross-entropy', () => {
  it('is the mean of -log p(label) over the batch (Eq. 2)', () => {
    const want = rows.reduce((sum, row) => sum - Math.log(softmax(branch, row)[labels[row]]), 0) / ROWS;
    expect(crossEntropy(matrix(branch), matrix(targets)).dataSync()[0]).toBeCloseTo(want, 5);
  });

  it('has the gradient (p - target) / batch', () => {
    const gradient = tf
      .grad((z) => crossEntropy(z as tf.Tensor2D, matrix(targets)))(matrix(branch))
      .dataSync();
    for (const row of rows) {
      for (const [c, p] of softmax(branch, row).entries()) {
        expect(gradient[row * CLASSES + c]).toBeCloseTo((p - targets[row * CLASSES + c]) / ROWS, 6);
      }
    }
  });

  it('stays a number at logits whose powers are none', () => {
    const far = branch.map((z) => z * 1000);
    const loss = crossEntropy(matrix(far), matrix(targets)).dataSync()[0];
    expect(loss).toBeGreaterThanOrEqual(0);
    expect(loss).toBeLessThan(1e4);
  });
});

describe.each([1, 3])('distillation at temperature %d', (temperature) => {
  const distilled = (student: tf.Tensor, teacher: tf.Tensor) =>
    distillation(student as tf.Tensor2D, teacher as tf.Tensor2D, temperature);

  it('is the cross-entropy of the softened answers, times T²', () => {
    let want = 0;
    for (const row of rows) {
      const [p, q] = [softmax(full, row, temperature), softmax(branch, row, temperature)];
      for (let c = 0; c < CLASSES; c++) want -= (p[c] * Math.log(q[c]) * temperature ** 2) / ROWS;
    }
    expect(distilled(matrix(branch), matrix(full)).dataSync()[0]).toBeCloseTo(want, 4);
  });

  it('pulls the branch towards the full branch, T (q - p) / batch, and not the other way', () => {
    const [student, teacher] = tf.grads((s, t) => distilled(s, t))([matrix(branch), matrix(full)]);
    expect([...teacher.dataSync()].every((value) => value === 0)).toBe(true);
    for (const row of rows) {
      const [p, q] = [softmax(full, row, temperature), softmax(branch, row, temperature)];
      for (let c = 0; c < CLASSES; c++) {
        expect(student.dataSync()[row * CLASSES + c]).toBeCloseTo((temperature * (q[c] - p[c])) / ROWS, 5);
      }
    }
  });
});

describe('label smoothing', () => {
  it('leaves the label 1 - ε + ε/n and gives ε/n to every other class', () => {
    const want = [...targets].map((target) => (target === 1 ? 0.8 + 0.2 / CLASSES : 0.2 / CLASSES));
    smoothed(matrix(targets), 0.2)
      .dataSync()
      .forEach((value, i) => {
        expect(value).toBeCloseTo(want[i], 6);
      });
  });

  it('of 0 is the targets themselves', () => {
    const given = matrix(targets);
    expect(smoothed(given, 0)).toBe(given);
  });
});

describe('smoothing of weighted targets', () => {
  it('is the smoothing of one-hot targets times the weight of each row', () => {
    const weights = [0.5, 2, 1, 3];
    const weighted = targets.map((target, i) => target * weights[Math.floor(i / CLASSES)]);
    const plain = smoothed(matrix(targets), 0.2).dataSync();
    const found = smoothed(matrix(weighted), 0.2, true).dataSync();
    for (const [i, value] of found.entries()) expect(value).toBeCloseTo(plain[i] * weights[Math.floor(i / CLASSES)], 6);
  });
});
