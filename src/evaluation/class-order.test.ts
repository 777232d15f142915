import { describe, expect, it } from 'vitest';
import { random } from '../base/random.js';
import { otherClassOrder } from './class-order.js';

/** Answers of a network that is right on a share of the images, after its classes were renumbered. */
function answered(order: readonly number[], accuracy: number, perClass = 20) {
  const next = random(3);
  const labels = order.flatMap((_, label) => Array<number>(perClass).fill(label));
  const answers = labels.map((label) => {
    const own = next() < accuracy ? label : Math.floor(next() * order.length);
    return order[own];
  });
  return otherClassOrder(answers, labels, order.length);
}

describe("the order of a network's classes", () => {
  it('is found if it is another one', () => {
    expect(answered([2, 0, 1], 0.8)).toEqual([2, 0, 1]);
    expect(answered([1, 0, 2, 3, 4, 5, 6, 7, 9, 8], 0.7)).toBeUndefined(); // most classes agree: little is gained
    expect(answered([1, 0], 0.9)).toEqual([1, 0]);
  });

  it.each([
    ['the same order', [0, 1, 2, 3], 0.9, 20],
    ['a network that guesses', [0, 1, 2, 3, 4], 0, 20],
    ['too few images', [1, 0], 1, 2],
  ] as const)('says nothing of %s', (_, order, accuracy, perClass) => {
    expect(answered(order, accuracy, perClass)).toBeUndefined();
  });
});
