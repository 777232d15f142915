import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { random } from '../base/random.js';
import { mostHarmAllowed } from './binomial.js';
import { certifiedClasses, harmByClass, pointByClass } from './by-class.js';
import { thresholdCurve } from './curve.js';
import type { Outcomes } from './outcomes.js';
import { tuneOneExit } from './tune.js';

const samples = fc.array(
  fc.record({
    entropy: fc.integer({ min: 0, max: 20 }).map((step) => step / 20),
    branch: fc.integer({ min: 0, max: 1 }),
    full: fc.integer({ min: 0, max: 1 }),
    label: fc.integer({ min: 0, max: 2 }),
  }),
  { minLength: 1, maxLength: 60 },
);

const outcomesOf = (drawn: { entropy: number; branch: number; full: number }[]): Outcomes => ({
  entropy: Float64Array.from(drawn, ({ entropy }) => entropy),
  branchRight: Uint8Array.from(drawn, ({ branch }) => branch),
  fullRight: Uint8Array.from(drawn, ({ full }) => full),
});

it('counts exits and harmful exits of each class', () => {
  const outcomes = outcomesOf([
    { entropy: 0.1, branch: 0, full: 1 },
    { entropy: 0.2, branch: 1, full: 0 },
    { entropy: 0.6, branch: 0, full: 1 },
    { entropy: 0.3, branch: 0, full: 0 },
  ]);
  expect(harmByClass([outcomes], [0.5], [0, 0, 0, 2], 3)).toEqual([
    { samples: 3, exits: 2, harmful: 1 },
    { samples: 0, exits: 0, harmful: 0 },
    { samples: 1, exits: 1, harmful: 0 },
  ]);
});

describe('certified classes', () => {
  it('are those with enough samples for their share of delta, the largest first', () => {
    const { classes, delta, andAll, needed } = certifiedClasses([500, 30, 600], { epsilon: 0.01, delta: 0.1 });
    expect(classes).toEqual([0, 2]);
    expect(andAll).toBe(true);
    expect(delta).toBeCloseTo(0.1 / 3);
    expect(mostHarmAllowed(500, 0.01, delta)).toBeGreaterThanOrEqual(0);
    // For all three classes no test of all samples is needed.
    expect(mostHarmAllowed(needed, 0.01, 0.1 / 3)).toBe(0);
    expect(mostHarmAllowed(needed - 1, 0.01, 0.1 / 3)).toBe(-1);
    expect(certifiedClasses([500, 500], { epsilon: 0.01 })).toMatchObject({
      classes: [0, 1],
      andAll: false,
      delta: 0.05,
    });
  });

  it('are refused if no class has enough samples', () => {
    expect(() => certifiedClasses([20, 30], { epsilon: 0.01, delta: 0.1 })).toThrow(
      /^per-class: expected a class with 299 validation images or more.*the largest has 30\. Give a larger --epsilon/,
    );
  });
});

it('finds the last point at which every group is within its limit', () => {
  fc.assert(
    fc.property(samples, fc.boolean(), (drawn, andAll) => {
      const outcomes = outcomesOf(drawn);
      const labels = drawn.map(({ label }) => label);
      const curve = thresholdCurve(outcomes);
      const certified = { classes: [0, 2], andAll, delta: 0.3, needed: 0 };
      const isWithin = (tau: number): boolean =>
        [...(andAll ? [undefined] : []), ...certified.classes].every((label) => {
          const group = drawn.filter((sample) => label === undefined || sample.label === label);
          const harmful = group.filter(({ entropy, branch, full }) => entropy < tau && branch < full).length;
          return harmful <= Math.max(0, mostHarmAllowed(group.length, 0.2, 0.3));
        });
      const allowed = [...curve.tau].filter(isWithin);
      const point = pointByClass(outcomes, curve, labels, 0.2, certified);
      expect(curve.tau[point]).toBe(allowed[allowed.length - 1]);
    }),
  );
});

it('protects a rare class that the limit for all samples together sacrifices', () => {
  const epsilon = 0.05;
  // A tenth of the samples are of class 1. Below an entropy of 0.5, 2 % of class 0 and 40 % of class 1 exit harmfully.
  const broken = { marginal: 0, perClass: 0 };
  const trials = 60;
  for (let trial = 0; trial < trials; trial++) {
    const next = random(7, trial);
    const labels = Uint16Array.from({ length: 3000 }, () => (next() < 0.1 ? 1 : 0));
    const drawn = Array.from(labels, (label) => {
      const entropy = next();
      const isHarmful = entropy < 0.5 && next() < (label === 1 ? 0.8 : 0.04);
      return { entropy, branch: isHarmful ? 0 : 1, full: 1 };
    });
    // The true share of class 1 that exits harmfully at a threshold.
    const harm = (tau: number): number => Math.min(tau, 0.5) * 0.8;
    const options = { epsilon, delta: 0.1, folds: 2 };
    const labelled = { labels, classes: 2 };
    if (harm(tuneOneExit(outcomesOf(drawn), options).tau) > epsilon) broken.marginal++;
    const { tau, certified } = tuneOneExit(outcomesOf(drawn), { ...options, perClass: true }, labelled);
    expect(certified?.classes).toEqual([0, 1]);
    if (harm(tau) > epsilon) broken.perClass++;
  }
  expect(broken.marginal).toBe(trials);
  expect(broken.perClass).toBeLessThan(0.1 * trials);
});
