import { expect, test } from 'vitest';
import { UserError } from '../base/errors.js';
import { collaborative, outcomesFromLogits } from './outcomes.js';

const outcomes = {
  entropy: Float32Array.of(0.1, 0.2, 0.9, 1),
  branchRight: Uint8Array.of(1, 0, 0, 1),
  fullRight: Uint8Array.of(0, 1, 1, 0),
};

test('the branch answers strictly below the threshold, the full branch elsewhere', () => {
  expect(collaborative(outcomes, 0)).toEqual({ accuracy: 0.5, exitRatio: 0 });
  expect(collaborative(outcomes, outcomes.entropy[1])).toEqual({ accuracy: 0.75, exitRatio: 0.25 });
  expect(collaborative(outcomes, 0.5)).toEqual({ accuracy: 0.5, exitRatio: 0.5 });
  expect(collaborative(outcomes, 1)).toEqual({ accuracy: 0.25, exitRatio: 0.75 });
});

test('comes from both branches logits and the labels', () => {
  const logits = { branches: [Float32Array.of(1e4, -1e4, 0, 0, 1, 2)], full: Float32Array.of(0, 1, 0, 1, 1, 0) };
  const [found, ...others] = outcomesFromLogits(logits, [0, 0, 0], 2);
  expect(others).toEqual([]);
  expect([...found.entropy.slice(0, 2)]).toEqual([0, 1]);
  expect([...found.branchRight]).toEqual([1, 1, 0]);
  expect([...found.fullRight]).toEqual([0, 0, 1]);
  expect(() => outcomesFromLogits(logits, [0, 0], 2)).toThrow(/2 labels x 2 classes = 4 values, found 6/);
});

test('invalid outcomes are refused with the place', () => {
  const judge = (changed: object) => () => collaborative({ ...outcomes, ...changed }, 0.5);
  expect(judge({ entropy: Float64Array.of(0.1, 0.2, Number.NaN, 1) })).toThrow(/found NaN for sample 2/);
  expect(judge({ entropy: Float64Array.of(0.1, 0.2, 0.3, 1.1) })).toThrow(/found 1.1 for sample 3/);
  expect(judge({ entropy: Float64Array.of(-0.1, 0.2, 0.3, 1) })).toThrow(/found -0.1 for sample 0/);
  expect(judge({ fullRight: new Uint8Array(3) })).toThrow(/expected 4 values of fullRight.*found 3/);
  expect(judge({ branchRight: Uint8Array.of(0, 1, 2, 0) })).toThrow(/branchRight\[2\], found 2/);
  expect(judge({ entropy: new Float64Array(0) })).toThrow(UserError);
});
