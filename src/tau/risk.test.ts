import { expect, test } from 'vitest';
import { random } from '../base/random.js';
import { mostHarmAllowed } from './binomial.js';
import { thresholdCurve } from './curve.js';
import { OBJECTIVES } from './objectives.js';
import type { Outcomes } from './outcomes.js';

/**
 * A population whose risk is known: entropy S uniform in [0, 1], or S^8 of it (most samples near 0, as trained networks
 * have them), and P(harmful | S) = S / 10 of the uniform number, so that R(τ) = u² / 20, u the uniform number at τ.
 * With `levels` the uniform number is rounded up to a multiple of 1 / levels: ties.
 */
interface Population {
  readonly power: number;
  readonly levels?: number;
}

function sample({ power, levels }: Population, n: number, seed: number): Outcomes {
  const next = random(seed);
  const outcomes = { entropy: new Float64Array(n), branchRight: new Uint8Array(n), fullRight: new Uint8Array(n) };
  for (let i = 0; i < n; i++) {
    const u = next();
    outcomes.entropy[i] = (levels === undefined ? u : Math.ceil(u * levels) / levels) ** power;
    const harmful = next() < u / 10;
    outcomes.branchRight[i] = harmful ? 0 : 1;
    outcomes.fullRight[i] = harmful || next() < 0.95 ? 1 : 0;
  }
  return outcomes;
}

function trueRisk({ power, levels }: Population, tau: number): number {
  const u = tau ** (1 / power);
  return (levels === undefined ? u : Math.floor(u * levels) / levels) ** 2 / 20;
}

const DATA_SETS = 200;
const DELTA = 0.1;
/** P(Bin(200, 0.1) > 34) < 0.001: more than that would show a rule that breaks its promise more often than delta. */
const MOST_BROKEN = 34;

/** In how many simulated data sets the rule's threshold breaks epsilon on the population. */
function broken(population: Population, n: number, epsilon: number, rule: (outcomes: Outcomes) => number): number {
  let count = 0;
  for (let seed = 0; seed < DATA_SETS; seed++) {
    if (trueRisk(population, rule(sample(population, n, seed))) > epsilon) count++;
  }
  return count;
}

const cases: [string, Population, number, number][] = [
  ['5,000 samples, epsilon 0.1 %', { power: 1 }, 5000, 0.001],
  ['5,000 samples, entropies near 0', { power: 8 }, 5000, 0.001],
  ['5,000 samples, 40 distinct entropies', { power: 1, levels: 40 }, 5000, 0.001],
  ['3,000 samples, epsilon 1 %', { power: 8 }, 3000, 0.01],
];

test.each(cases)('breaks its epsilon in at most a share delta: %s', (_, population, n, epsilon) => {
  const tuned = broken(population, n, epsilon, (outcomes) => {
    const curve = thresholdCurve(outcomes);
    const choice = OBJECTIVES.risk(curve, { epsilon, delta: DELTA });
    expect(choice.epsilon).toBe(epsilon);
    return curve.tau[choice.point];
  });
  expect(tuned).toBeLessThanOrEqual(MOST_BROKEN);
});

test('the simulation would notice: without the bound, half of the data sets break epsilon', () => {
  const epsilon = 0.01;
  const found = broken({ power: 8 }, 3000, epsilon, (outcomes) => {
    const { tau, harmful } = thresholdCurve(outcomes);
    return tau.findLast((_, point) => harmful[point] <= epsilon * 3000)!;
  });
  expect(found).toBeGreaterThan(MOST_BROKEN);
});

test('the bound is not wasted: broken about as often as the binomial says', () => {
  // k* of 3,000 samples at 1 %: P(Bin(3000, 0.01) <= 22) = 0.078, so 16 of 200, standard deviation 4.
  expect(mostHarmAllowed(3000, 0.01, DELTA)).toBe(22);
  const found = broken({ power: 1 }, 3000, 0.01, (outcomes) => {
    const curve = thresholdCurve(outcomes);
    return curve.tau[OBJECTIVES.risk(curve, { epsilon: 0.01 }).point];
  });
  expect(found).toBeGreaterThanOrEqual(4);
});

test('too few samples for epsilon: 3/n instead, which allows no harmful exit, and says so', () => {
  const outcomes = sample({ power: 1 }, 1000, 7);
  const curve = thresholdCurve(outcomes);
  const { point, epsilon, note } = OBJECTIVES.risk(curve, {});
  expect(epsilon).toBe(0.003);
  expect(curve.harmful[point]).toBe(0);
  expect(curve.harmful[point + 1]).toBe(1);
  expect(note).toBe('epsilon is 0.30 %, because proving 0.10 % at delta 0.1 needs at least 2302 samples, found 1000');
});
