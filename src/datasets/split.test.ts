import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../base/errors.js';
import { splitForRun, splitTrainValidation } from './split.js';

const labelsAndSize = fc
  .uint16Array({ min: 0, max: 5, minLength: 2, maxLength: 300 })
  .chain((labels) => fc.tuple(fc.constant(labels), fc.integer({ min: 1, max: labels.length - 1 }), fc.integer()));

const countOf = (indices: Int32Array, labels: Uint16Array, label: number) =>
  indices.filter((place) => labels[place] === label).length;

describe('splitTrainValidation', () => {
  it('gives disjoint parts that are all of it, each class with its share', () => {
    fc.assert(
      fc.property(labelsAndSize, ([labels, size, seed]) => {
        const { train, validation } = splitTrainValidation({ labels }, size, seed);
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
    expect(splitTrainValidation({ labels }, 100, 7)).toEqual(splitTrainValidation({ labels }, 100, 7));
    expect(splitTrainValidation({ labels }, 100, 7)).not.toEqual(splitTrainValidation({ labels }, 100, 8));
    expect(splitTrainValidation({ labels }, 0.1, 7)).toEqual(splitTrainValidation({ labels }, 100, 7));
  });

  it('keeps none if none are asked for', () => {
    const labels = Uint16Array.of(0, 1, 1);
    for (const hashes of [undefined, ['a', 'b', 'c']]) {
      const { train, validation } = splitTrainValidation({ labels, hashes }, 0, 1);
      expect([...train]).toEqual([0, 1, 2]);
      expect(validation).toHaveLength(0);
    }
    const recorded = ['train', 'validation', 'train'] as const;
    expect([...splitTrainValidation({ labels, recorded }, 0, 1).validation]).toEqual([1]);
  });

  it.each([-1, 1.5, 10, 11, Number.NaN, Number.POSITIVE_INFINITY, 0.01, 0.99])('refuses %s of 10 images', (size) => {
    expect(() => splitTrainValidation({ labels: new Uint16Array(10) }, size, 1)).toThrow(UserError);
    expect(() => splitTrainValidation({ labels: new Uint16Array(10) }, size, 1)).toThrow(
      /^validation: expected a share between 0 and 1 or a number of images from 1 to 9/,
    );
  });
});

describe('splits by content', () => {
  const hashesOf = (labels: ArrayLike<number>) => Array.from(labels, (label, i) => `${label}-${i}`);
  const sides = (labels: Uint16Array, hashes: string[]) => {
    const { validation } = splitTrainValidation({ labels, hashes }, 0.2, 3);
    return new Map(hashes.map((hash, i) => [hash, validation.includes(i)]));
  };

  it('move no image when one is deleted or added, unless its class would miss a side', () => {
    const labels = Uint16Array.from({ length: 200 }, (_, i) => i % 4);
    const hashes = hashesOf(labels);
    const before = sides(labels, hashes);
    for (let gone = 0; gone < 200; gone += 7) {
      const after = sides(
        labels.filter((_, i) => i !== gone),
        hashes.filter((_, i) => i !== gone),
      );
      for (const [hash, side] of after) expect(side, hash).toBe(before.get(hash));
    }
  });

  it('give each class at least one image on each side, if it has two different ones', () => {
    fc.assert(
      fc.property(
        fc.uint16Array({ min: 0, max: 5, minLength: 12, maxLength: 60 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (labels, share) => {
          const hashes = hashesOf(labels);
          fc.pre([0, 1, 2, 3, 4, 5].some((label) => labels.filter((other) => other === label).length > 1));
          const { train, validation } = splitTrainValidation({ labels, hashes }, share, 1);
          expect([...train, ...validation].sort((a, b) => a - b)).toEqual([...labels.keys()]);
          for (const label of new Set(labels)) {
            const count = countOf(Int32Array.from(labels.keys()), labels, label);
            expect(countOf(train, labels, label)).toBeGreaterThan(0);
            if (count > 1) expect(countOf(validation, labels, label)).toBeGreaterThan(0);
          }
        },
      ),
    );
  });

  it('have about the size that was asked for, and keep copies together', () => {
    const labels = new Uint16Array(5000);
    const hashes = Array.from(labels, (_, i) => `${i >> 1}`);
    const { validation } = splitTrainValidation({ labels, hashes }, 500, 1);
    expect(Math.abs(validation.length - 500)).toBeLessThan(150);
    for (const i of validation) expect(validation.includes(i ^ 1)).toBe(true);
  });

  it('leave an image where a run has recorded it', () => {
    const labels = new Uint16Array(40);
    const recorded = Array.from(labels, (_, i) => (i < 20 ? 'train' : i < 30 ? 'validation' : undefined) as 'train');
    const { train, validation } = splitTrainValidation({ labels, hashes: hashesOf(labels), recorded }, 0.5, 1);
    for (let i = 0; i < 20; i++) expect(train).toContain(i);
    for (let i = 20; i < 30; i++) expect(validation).toContain(i);
  });

  it('refuse images of which none can be validated on', () => {
    const one = { labels: Uint16Array.of(0, 1), hashes: ['a', 'b'] };
    expect(() => splitTrainValidation(one, 0.1, 1)).toThrow(/^validation: expected two different images of a class/);
  });
});

describe('splitForRun', () => {
  const labels = Uint16Array.from({ length: 400 }, (_, i) => i % 4);
  const hashes = Array.from(labels, (_, i) => `content ${i}`);
  const options = { validation: 80, seed: 1, choosesEpoch: true };

  it('uses all validation images for both, if no epoch is chosen', () => {
    const { validation, choosing, certifying } = splitForRun({ labels }, { ...options, choosesEpoch: false });
    expect([choosing, certifying]).toEqual([validation, validation]);
  });

  it.each([
    ['by position', { labels }],
    ['by content', { labels, hashes }],
  ])('halves them %s, with every class on both sides', (_, split) => {
    const { train, validation, choosing, certifying } = splitForRun(split, options);
    expect([...choosing, ...certifying].sort((a, b) => a - b)).toEqual([...validation]);
    expect(train.some((index) => validation.includes(index))).toBe(false);
    for (let label = 0; label < 4; label++) {
      expect(countOf(choosing, labels, label)).toBeGreaterThan(0);
      expect(countOf(certifying, labels, label)).toBeGreaterThan(0);
    }
    expect(certifying.length).toBeGreaterThan(validation.length / 4);
  });

  it('keeps an image in its half if another is deleted', () => {
    const before = splitForRun({ labels, hashes }, options);
    const after = splitForRun({ labels: labels.slice(1), hashes: hashes.slice(1) }, options);
    const contents = (indices: Int32Array, from: readonly string[]) => new Set([...indices].map((i) => from[i]));
    const [old, now] = [contents(before.certifying, hashes), contents(after.certifying, hashes.slice(1))];
    expect([...now].filter((content) => !old.has(content)).length).toBeLessThan(4);
  });

  it('says that one validation image is too few', () => {
    expect(() => splitForRun({ labels }, { ...options, validation: 1 })).toThrow(/^validation: expected two different/);
  });
});
