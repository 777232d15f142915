import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../base/errors.js';
import { splitTrainValidation } from './split.js';

const labelsAndSize = fc
  .uint16Array({ min: 0, max: 5, minLength: 2, maxLength: 300 })
  .chain((labels) => fc.tuple(fc.constant(labels), fc.integer({ min: 1, max: labels.length - 1 }), fc.integer()));

const countOf = (indices: Int32Array, labels: Uint16Array, label: number) =>
  indices.filter((place) => labels[place] === label).length;

describe('splitTrainValidation', () => {
  it('gives disjoint parts that are all of it, each class with its share', () => {
    fc.assert(
      fc.property(labelsAndSize, ([labels, size, seed]) => {
        const { train, validation } = splitTrainValidation(labels, size, seed);
        expect(validation.length).toBe(size);
        expect([...train, ...validation].sort((a, b) => a - b)).toEqual([...labels.keys()]);
        for (let label = 0; label <= 5; label++) {
          const share = (countOf(Int32Array.from(labels.keys()), labels, label) * size) / labels.length;
          expect(Math.abs(countOf(validation, labels, label) - share)).toBeLessThan(1);
        }
      }),
    );
  });

  it('depends on the seed, and on nothing else', () => {
    const labels = Uint16Array.from({ length: 1000 }, (_, i) => i % 10);
    expect(splitTrainValidation(labels, 100, 7)).toEqual(splitTrainValidation(labels, 100, 7));
    expect(splitTrainValidation(labels, 100, 7)).not.toEqual(splitTrainValidation(labels, 100, 8));
    expect(splitTrainValidation(labels, 0.1, 7)).toEqual(splitTrainValidation(labels, 100, 7));
  });

  it.each([0, -1, 1.5, 10, 11, Number.NaN, Number.POSITIVE_INFINITY, 0.01, 0.99])('refuses %s of 10 images', (size) => {
    expect(() => splitTrainValidation(new Uint16Array(10), size, 1)).toThrow(UserError);
    expect(() => splitTrainValidation(new Uint16Array(10), size, 1)).toThrow(
      /^validation: expected a share between 0 and 1 or a number of images from 1 to 9/,
    );
  });
});
